"""The books balance, and where they do not, audit names the place."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest

from consumers.engine.assemble import Watch, work
from consumers.engine.slot import TOTAL
from operations.audit import Audit, as_told, examine, of_group, of_page, run
from operations.standing import Row, read_state
from producers.ledger import Entry
from tests.operations.shop import TOY, Shop
from tillstream.kafka.publisher import Message


def books(shop: Shop) -> Audit:
    return examine(shop.settings, {"toy": TOY})


def toy(audit: Audit, topic: str = "customers") -> dict[str, Any]:
    told: dict[str, Any] = as_told(audit)["groups"]["toy"]["au"][topic]
    return told


def test_before_the_first_worker_there_is_no_group(shop: Shop) -> None:
    shop.file("ab" * 32).customer("kim@customer.example").write()
    told = as_told(examine(shop.settings, {}))
    assert (told["balanced"], told["groups"]) == (True, {})
    assert told["files"] == [
        {
            "connection": "au",
            "folder": "pending",
            "name": "customers_20250401T060000Z.csv",
            "sha256": "ab" * 32,
            "rows": 1,
            "accepted": 1,
            "rejected": 0,
            "records": 1,
            "lines_joined": 0,
            "none": {},
            "rescued": 0,
        }
    ]


def test_every_record_has_one_state_and_what_was_not_read_waits(shop: Shop) -> None:
    file = shop.file("ab" * 32)
    for number, surname in enumerate(["Fine", "Dead", "Later", "Skip", "Fine"]):
        file.customer(f"kim{number}@customer.example", surname)
    file.order("kim0@customer.example", "D1").write()
    before = books(shop)
    assert (before.gaps, toy(before)["waiting"], toy(before, "orders")["waiting"]) == ([], 5, 1)
    assert shop.consume() == 0
    after = books(shop)
    assert after.balanced
    assert toy(after) == {
        "delivered": 2,
        "unchanged": 0,
        "superseded": 0,
        "skipped": {"no_email": 1},
        "dead": 1,
        "waiting": 1,
    }
    assert toy(after, "orders")["delivered"] == 1


def test_what_came_after_the_worker_waits_and_nothing_before_it(shop: Shop) -> None:
    shop.file("ab" * 32).customer("kim@customer.example").write()
    shop.consume()
    shop.file("cd" * 32).customer("kim@customer.example").customer("priya@customer.example").write()
    audit = books(shop)
    assert audit.balanced
    assert (toy(audit)["delivered"], toy(audit)["waiting"]) == (1, 2)


def test_a_lost_record_is_named_by_file_group_and_topic(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.file("ab" * 32).customer("kim@customer.example").write(rows=3, accepted=3, records=3, topics={"customers": 3})
    shop.consume()
    audit = books(shop)
    [gap] = audit.gaps
    assert str(gap) == (
        "au, customers_20250401T060000Z.csv: toy, customers: records = outcomes + waiting: 3 expected, 1 found"
    )
    assert as_told(audit)["gaps"][0]["sha256"] == "ab" * 32


def test_records_that_no_file_accounts_for_are_a_gap(shop: Shop) -> None:
    shop.file("ab" * 32).customer("kim@customer.example").write(rows=0, accepted=0, records=0, topics={})
    shop.consume()
    [gap] = books(shop).gaps
    assert (gap.expected, gap.found) == (0, 1)


def test_rows_that_nobody_accounts_for_are_a_gap_of_the_page() -> None:
    page = Entry("au", "pending", "orders_20250401T060000Z.csv", "ab" * 32, 10, 7, 2, 4, 1, {"duplicate": 1})
    assert [(gap.what, gap.expected, gap.found) for gap in of_page(page)] == [
        ("rows = accepted + rejected", 10, 9),
        ("accepted = records + lines joined + none", 7, 6),
    ]


def test_a_file_in_motion_is_no_gap_as_long_as_it_lies_between_the_looks(shop: Shop) -> None:
    shop.file("ab" * 32).customer("kim@customer.example").write()
    shop.consume()
    [group] = books(shop).groups
    row = Row("au", "ab" * 32, "customers")
    assert list(of_group(group, {row: 0}, {row: 5}, {})) == []
    assert [gap.expected for gap in of_group(group, {row: 2}, {row: 5}, {})] == [5]


def test_what_an_open_transaction_holds_does_not_exist(shop: Shop) -> None:
    shop.file("ab" * 32).customer("kim@customer.example").write()
    other = Shop(shop.settings)
    other.publisher._producer.begin_transaction()
    other.publisher._producer.produce(shop.names.topic("customers"), b"half", b"au/kim@customer.example")
    other.publisher._producer.flush()
    audit = books(shop)
    other.publisher._producer.abort_transaction()
    assert (audit.gaps, toy(audit)["waiting"]) == ([], 1)


def test_the_command_prints_json_and_says_by_its_code_whether_the_books_balance(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.file("ab" * 32).customer("kim@customer.example").write(rejected=1)
    assert run(shop.settings, as_json=True) == 1
    told = orjson.loads(capsys.readouterr().out)
    assert (told["balanced"], told["gaps"][0]["what"]) == (False, "rows = accepted + rejected")
    assert run(shop.settings, as_json=False) == 1
    out = capsys.readouterr().out
    assert "GAP  au, customers_20250401T060000Z.csv: rows = accepted + rejected: 1 expected, 2 found" in out
    assert out.endswith("The books do not balance.\n")


def test_a_file_that_was_refused_is_told_apart_from_an_empty_one(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.file("ab" * 32).write(refused=("the column PRIVACY is missing",))
    shop.file("cd" * 32, name="orders_20250401T060000Z.csv").write()
    assert run(shop.settings, as_json=False) == 0
    out = capsys.readouterr().out
    assert "customers_20250401T060000Z.csv, refused" in out
    assert "orders_20250401T060000Z.csv, refused" not in out
    assert run(shop.settings, as_json=True) == 0
    pages = {page["sha256"]: page for page in orjson.loads(capsys.readouterr().out)["files"]}
    assert pages["ab" * 32]["refused"] == ["the column PRIVACY is missing"]
    assert "refused" not in pages["cd" * 32]


def test_the_books_balance_at_any_moment_while_files_come_in_and_a_worker_works(shop: Shop) -> None:
    watch = Watch()
    with ThreadPoolExecutor(2) as pool:
        worker = pool.submit(lambda: asyncio.run(work(shop.settings, TOY, watch)))
        writer = pool.submit(_files, shop, 15)
        audits = [books(shop) for _ in range(4)]
        writer.result()
        watch.stop()
        worker.result()
    assert [audit.gaps for audit in audits] == [[]] * 4
    counted = toy(books(shop))
    assert counted["delivered"] + counted["dead"] + counted["waiting"] == 15 * 40


def _files(shop: Shop, count: int) -> None:
    """Files of forty records each, one after another."""
    for number in range(count):
        file = shop.file(f"{number:064x}")
        for person in range(40):
            file.customer(f"kim{number}-{person}@customer.example", "Dead" if person == 7 else "Fine")
        file.write()
        time.sleep(0.2)


def test_a_large_state_is_read_by_its_keys(shop: Shop) -> None:
    memory = orjson.dumps({"seen": {"7": ["ab" * 16, "2025"]}, "body": "x" * 200})
    names = [b"au/kim%d@customer.example#profile" % number for number in range(100_000)]
    state = shop.names.state("toy")
    total = Message(state, f"{TOTAL}au/f/customers/dead".encode(), b"3")
    shop.publisher.commit([*(Message(state, name, memory) for name in names), total])
    begun = time.process_time()
    book = read_state(shop.kafka, state, 2)
    assert list(book.totals.values()) == [3]
    assert time.process_time() - begun < 5
