"""Dead letters are listed by reason, shown without personal data unless asked for it, and sent again once, in order."""

from __future__ import annotations

import re
import time
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations import dlq
from operations.arguments import Letters
from operations.audit import as_told, examine
from operations.letters import Letter, in_order
from operations.redriving import MOST_REDRIVES, choose
from sandbox.kafka.broker import Broker
from tests.flow.road import Road
from tests.operations.shop import TOY, Shop
from tests.second_platform.loft import Loft
from tests.waiting import until
from tillstream import telemetry

ALL = Letters("pigeon", None, None, None, None)


def letter(offset: int = 0, timestamp: int = 0, key: bytes | None = b"au/kim@customer.example", **told: str) -> Letter:
    headers = {f"tillstream.{name.replace('_', '-')}": value.encode() for name, value in told.items()}
    return Letter(3, offset, timestamp, key, b"v", headers)


def test_letters_are_listed_by_reason_with_their_times_the_largest_heap_first() -> None:
    found = dlq.piles(
        "post",
        [
            letter(0, 1_743_487_200_000, reason="invalid", topic="customers", connection="au"),
            letter(1, 1_743_490_800_000, reason="invalid", topic="orders", connection="nz"),
            letter(2, 1_743_494_400_000, reason="poison", topic="orders", connection="au"),
        ],
        {"3/1"},
    )
    assert [(heap.reason, heap.letters, heap.redriven) for heap in found] == [("invalid", 2, 1), ("poison", 1, 0)]
    assert (found[0].connections, found[0].topics) == ({"au", "nz"}, {"customers", "orders"})
    assert (found[0].first, found[0].last) == ("2025-04-01T06:00:00+00:00", "2025-04-01T07:00:00+00:00")


def test_f59_a_letter_that_was_redriven_too_often_goes_no_more() -> None:
    tired, fresh = letter(1, redrives=str(MOST_REDRIVES)), letter(2, redrives=str(MOST_REDRIVES - 1))
    choice = choose([tired, fresh, letter(3, key=None), letter(4)], {"3/4"})
    assert (choice.go, choice.sent, choice.tired, choice.keyless) == ([fresh], 1, 1, 1)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50))))
def test_letters_of_one_partition_keep_their_order_whatever_the_clocks_said(times: list[tuple[int, int]]) -> None:
    letters = [Letter(partition, offset, time, b"k", b"", {}) for offset, (partition, time) in enumerate(times)]
    ordered = in_order(letters)
    assert sorted(ordered, key=lambda one: one.offset) == letters
    for partition in range(4):
        offsets = [one.offset for one in ordered if one.partition == partition]
        assert offsets == sorted(offsets)


def test_what_is_shown_holds_no_personal_data_unless_it_is_asked_for(
    kafka: Broker, prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    road = refused(kafka, prefix, tmp_path, [("kim", 0, "Kimberley")])
    assert dlq.listing(road.settings, ALL, as_json=True) == 0
    [heap] = orjson.loads(capsys.readouterr().out)
    assert (heap["reason"], heap["letters"], heap["redriven"]) == ("refused", 1, 0)
    for as_json in (True, False):
        dlq.show(road.settings, ALL, values=False, as_json=as_json)
        shown = capsys.readouterr()
        assert "tillstream.reason" in shown.out or "reason: refused" in shown.out
        assert not any(word in shown.out for word in ("customer.example", "Kimberley"))
    dlq.show(road.settings, ALL, values=True, as_json=True)
    shown = capsys.readouterr()
    [told] = orjson.loads(shown.out)
    assert (told["key"], told["value"]["firstname"]) == ("au/kim@customer.example", "Kimberley")
    assert "personal data" in shown.err


def test_a_letter_names_the_file_and_the_line_that_it_came_from(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.file("ab" * 32, name="customers_20250402T060000Z.csv").customer("kim@customer.example", "Dead").write()
    shop.consume()
    assert dlq.show(shop.settings, ALL._replace(group="toy"), values=False, as_json=False) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert re.search(r"  partition \d+, offset 0$", lines[0])
    assert {"file: customers_20250402T060000Z.csv", "file-line: 2"} < set(lines)


def test_the_depth_is_the_letters_that_nobody_has_sent_again(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    depth = telemetry.DLQ_DEPTH.labels("pigeon")
    road = refused(kafka, prefix, tmp_path, [("kim", 0, "a"), ("robin", 0, "b"), ("ali", 0, "c")])
    with Loft() as loft:
        loft.answer = lambda letter: 422 if "robin" in letter.key else 201
        road.config.write_text(re.sub(r'url = ".*"', f'url = "{loft.url}"', road.config.read_text("utf-8")), "utf-8")
        depth.set(-1)
        with road.inside():
            until(lambda: depth._value.get() == 3, what="the letters are counted")
            assert (
                dlq.redrive(road.settings, ALL._replace(key="au/kim@customer.example"), None, None, dry_run=False) == 0
            )
            assert (
                dlq.redrive(road.settings, ALL._replace(key="au/robin@customer.example"), None, None, dry_run=False)
                == 0
            )
            until(lambda: len(road.dead()) == 4, what="Robin's is refused again")
        with road.inside():
            until(lambda: depth._value.get() == 2, what="one went through, one came back, one was never sent again")


def test_letters_are_chosen_by_reason_key_and_time(
    kafka: Broker, prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    road = refused(kafka, prefix, tmp_path, [("kim", 0, "a"), ("robin", 0, "b")])
    letters = dlq.chosen(road.settings, ALL).go
    assert len(letters) == 2
    one = dlq.chosen(road.settings, ALL._replace(key="au/kim@customer.example")).go
    assert [found.key for found in one] == [b"au/kim@customer.example"]
    assert not dlq.chosen(road.settings, ALL._replace(reason="poison")).go
    assert dlq.redrive(road.settings, ALL, None, None, dry_run=True) == 0
    assert capsys.readouterr().out == "2 would go\n"
    assert len(dlq.chosen(road.settings, ALL).go) == 2, "a dry run changes nothing"


def test_a_redriven_letter_is_delivered_leaves_the_dead_and_is_not_sent_twice(
    kafka: Broker, prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        loft.answer = lambda _: 422
        road.customers([(f"p{n}", 0, "x") for n in range(20)])
        road.consume()
        assert road.totals() == {"customers/dead": 20}
        loft.answer = lambda _: 201
        assert dlq.redrive(road.settings, ALL, None, None, dry_run=False) == 0
        assert dlq.redrive(road.settings, ALL, None, None, dry_run=False) == 0, "they wait on the replay topic"
        road.consume()
        assert dlq.redrive(road.settings, ALL, None, None, dry_run=False) == 0, "the group has taken them"
        road.consume()
        assert (len(loft.taken), loft.repeats()) == (20, 0)
        assert road.totals() == {"customers/dead": 0, "customers/delivered": 20}
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].startswith("20 sent again as redrive-"), lines
        assert all("0 sent again" in line and "20 were redriven already" in line for line in lines[1:])


def test_no_more_letters_go_than_the_rate_allows(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    road = refused(kafka, prefix, tmp_path, [(f"p{n}", 0, "x") for n in range(12)])
    begun = time.monotonic()
    assert dlq.redrive(road.settings, ALL, 6, None, dry_run=False) == 0
    assert time.monotonic() - begun >= 2


def test_a_redrive_stops_after_so_many_failures_and_leaves_the_others(
    kafka: Broker, prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        loft.answer = lambda _: 422
        road.customers([(f"p{n}", 0, "x") for n in range(30)])
        road.consume()
        with road.inside():
            assert dlq.redrive(road.settings, ALL, None, 5, dry_run=False) == 1
        told = capsys.readouterr().out
        assert "5 sent again" in told
        assert "5 came back; 25 were left as they are" in told
        again = [found for found in road.dead() if found["attempts"] == "2"]
        assert (len(again), {found["redrives"] for found in again}) == (5, {"1"})
        assert road.totals() == {"customers/dead": 30}


def test_a_webhook_is_not_redriven_from_here(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert dlq.redrive(shop.settings, ALL._replace(group="webhooks"), None, None, dry_run=False) == 2
    assert "nothing to redrive webhooks to" in capsys.readouterr().err


def test_the_books_balance_when_some_letters_go_through_and_others_die_again(shop: Shop) -> None:
    file = shop.file("ab" * 32)
    for number, surname in enumerate(["Fine", "Dead", "Mended", "Mended"]):
        file.customer(f"kim{number}@customer.example", surname)
    file.write()
    shop.consume()
    before = examine(shop.settings, {"toy": TOY})
    assert (before.gaps, as_told(before)["groups"]["toy"]["au"]["customers"]["dead"]) == ([], 3)
    dlq.redrive(shop.settings, ALL._replace(group="toy"), None, None, dry_run=False)
    on_the_way = examine(shop.settings, {"toy": TOY})
    assert (on_the_way.gaps, as_told(on_the_way)["groups"]["toy"]["au"]["customers"]["dead"]) == ([], 3)
    shop.consume()
    after = examine(shop.settings, {"toy": TOY})
    customers = as_told(after)["groups"]["toy"]["au"]["customers"]
    assert (after.gaps, customers["delivered"], customers["dead"]) == ([], 3, 1)


def refused(kafka: Broker, prefix: str, folder: Path, rows: list[tuple[str, int, str]]) -> Road:
    """A road on which these customers were refused by the platform."""
    with Loft() as loft:
        road = Road(kafka, prefix, folder, loft)
        loft.answer = lambda _: 422
        road.customers(rows)
        road.consume()
    return road
