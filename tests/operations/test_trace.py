"""One customer is followed from file and line to what the platform answered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from operations import trace, whose
from operations.cli import tillstream
from operations.trace import Archive
from producers.memory import Known, Waiting, order_name
from producers.people import Person
from tests.operations.shop import Shop
from tillstream.kafka.publisher import Message

NOW = datetime.now(UTC)
CONFIG = '[kafka]\n"bootstrap.servers" = "{}"\n[topics]\nprefix = "{}"\n[connection.au]\n'
KIM = Person("2025", "kim@customer.example", False, ("old@customer.example",))


def know_kim(shop: Shop) -> None:
    sale = Known("ab" * 16, "kim@customer.example", "D1")
    told = {
        "person/73152": KIM.dump(),
        "email/kim@customer.example": b"73152",
        "docket/D1": b"913748",
        order_name("913748"): sale.dump(),
    }
    shop.publisher.commit([Message(shop.names.ingest, f"au/{name}".encode(), value) for name, value in told.items()])


@pytest.mark.parametrize("person", ["Kim@Customer.example ", "73152", "D1"])
def test_an_address_an_id_and_a_docket_lead_to_the_same_customer(shop: Shop, person: str) -> None:
    know_kim(shop)
    [found] = whose.find(shop.kafka, shop.names, ["au", "nz"], person)[:1]
    assert found.persons == {"73152"}
    assert found.keys == {"au/kim@customer.example", "au/old@customer.example", "au/person:73152"}


def test_nobody_is_found_under_an_unknown_id(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    know_kim(shop)
    assert whose.find(shop.kafka, shop.names, ["au"], "73153") == []
    assert trace.run(shop.settings, "73153", as_json=False) == 0
    assert capsys.readouterr().out == "Nobody is known under this address, id or docket.\n"


def test_an_address_that_nothing_came_of_is_told(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert trace.run(shop.settings, "kym@customer.example", as_json=False) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Nothing was ever published, sent or kept under these keys."


def test_an_erasure_that_nobody_agrees_to_says_how_to_ask_nobody(shop: Shop, tmp_path: Path) -> None:
    words = ["--config", str(tmp_path / "tillstream.toml"), "erase", "kim@customer.example"]
    (tmp_path / "tillstream.toml").write_text(CONFIG.format(shop.kafka["bootstrap.servers"], shop.names.prefix))
    for answer in ("", "n\n"):
        result = CliRunner().invoke(tillstream, words, input=answer)
        assert (result.exit_code, result.output.endswith("Nothing was erased; --yes asks nobody.\n")) == (2, True)


def test_an_order_that_waits_for_its_person_is_told(shop: Shop) -> None:
    waits = Waiting(NOW + timedelta(days=7), "pending", "ab" * 32, b"payload")
    shop.publisher.commit([Message(shop.names.ingest, f"au/wait/9\0{order_name('1')}".encode(), waits.dump())])
    [customer], [step] = trace.follow(shop.settings, "9")
    assert customer.waiting == (waits,)
    assert (step.kind, step.topic, step.file, step.outcome) == ("waiting", "orders", "ab" * 32, "waiting")


def test_every_step_from_the_row_to_the_answer_is_told_in_order(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    know_kim(shop)
    file = shop.file("ab" * 32).customer("kim@customer.example", person="73152").customer("priya@customer.example")
    file.order("kim@customer.example", "D1").write()
    shop.consume()
    assert trace.run(shop.settings, "73152", as_json=True) == 0
    told = orjson.loads(capsys.readouterr().out)
    assert [step["kind"] for step in told] == ["event", "event", "receipt", "receipt"]
    assert sorted(
        (step["kind"], step["topic"], step["line"], step["call"], step["status"], step["outcome"]) for step in told
    ) == [
        ("event", "customers", 2, None, None, "published"),
        ("event", "orders", 4, None, None, "published"),
        ("receipt", "customers", 2, "POST /toys", 202, "delivered"),
        ("receipt", "orders", 4, "POST /toys", 202, "delivered"),
    ]
    assert {step["file"] for step in told} == {"customers_20250401T060000Z.csv"}
    trace.run(shop.settings, "73152", as_json=False)
    assert "au: AP21 ids 73152; keys au/kim@customer.example, au/old@customer.example" in capsys.readouterr().out


def test_what_is_dead_and_what_waits_is_told_with_its_reason(shop: Shop) -> None:
    shop.file("ab" * 32).customer("kim@customer.example", "Dead").customer("priya@customer.example", "Later").write()
    shop.consume()
    archive, keys = Archive(shop.kafka, shop.names), frozenset({"au/kim@customer.example", "au/priya@customer.example"})
    [letter] = trace._letters(archive, keys, ["toy"])
    [shelved] = trace._shelf(archive, keys, ["toy"])
    assert (letter.key, letter.why, letter.line) == ("au/kim@customer.example", "invalid, refused as invalid", 2)
    assert (shelved.key, shelved.line, str(shelved.why)[:5]) == ("au/priya@customer.example", 3, "gap, ")


def test_a_reason_is_told_letter_by_letter(shop: Shop) -> None:
    key, why = "au/kim@customer.example", "size: “Größe 38” is no size"
    told = [("tillstream.topic", b"customers"), ("tillstream.message", why.encode())]
    shop.publisher.commit([Message(shop.names.dead_letters("toy"), key.encode(), b"", told)])
    [letter] = trace._letters(Archive(shop.kafka, shop.names), frozenset({key}), ["toy"])
    assert letter.why == why


def test_only_the_partitions_of_the_keys_are_read(shop: Shop) -> None:
    archive = Archive(shop.kafka, shop.names)
    shop.file("ab" * 32).customer("kim@customer.example").customer("kim2@customer.example").write()
    found = list(archive.of_keys([shop.names.topic("customers")], frozenset({"au/kim2@customer.example"})))
    assert [key for _, key, _ in found] == ["au/kim2@customer.example"]
