"""What was erased stays erased: no replay, redrive or late file brings it back, and whoever comes anew is served."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from consumers.engine.item import OWN, PART, TOPIC
from operations import dlq, erase, replay
from operations.arguments import Letters, Records
from operations.audit import examine
from operations.platforms import find
from sandbox.kafka.broker import Broker
from tests.flow.road import NOON, Road
from tests.second_platform.loft import Loft
from tests.waiting import until
from tillstream.kafka.partitioner import partition_of
from tillstream.kafka.publisher import Message, Publisher

KIM = "kim@customer.example"
CUSTOMERS = Records("pigeon", "customers", None, None, None, None)
LETTERS = Letters("pigeon", None, None, None, None)


def tomorrow() -> int:
    """Minutes after the road's noon that are surely after any erasure of now."""
    return int((datetime.now(UTC) - NOON).total_seconds() // 60) + 24 * 60


def memory(road: Road) -> set[str]:
    """The keys under which the group's state holds something."""
    newest = {message.key().decode(): message.value() for message in road.read(road.names.state("pigeon"))}
    return {key for key, value in newest.items() if value is not None}


def policies(road: Road) -> list[str]:
    """Why records of the receipts were skipped."""
    found = (orjson.loads(message.value()) for message in road.read(road.names.receipts))
    return [receipt["why"] for receipt in found if receipt["outcome"] == "skipped"]


def erased(road: Road, person: str = KIM) -> int:
    return erase.run(road.settings, person, dry_run=False, yes=True, as_json=True, patience=30)


def test_f61_a_replay_over_an_erased_customer_brings_nothing_back(
    kafka: Broker, prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        road.customers([("kim", 0, "Kim"), ("robin", 0, "Robin")])
        road.orders([("kim", "000001"), ("robin", "000002")])
        road.consume()
        assert any(key.startswith(f"au/{KIM}#") for key in memory(road))
        with road.inside() as worker:
            until(lambda: worker.watch.ready is None, what="the worker has its partitions")
            assert erased(road) == 0
            told = orjson.loads(capsys.readouterr().out)
            assert {one["who"]: one["state"] for one in told["erased"]} == {"pigeon": "done", "producers": "ordered"}
            left = memory(road)
            assert not any("kim" in key for key in left), "the mark names nobody"
            assert any(key.startswith("~erased/") for key in left)
            before = len(loft.taken)
            for topic in ("customers", "orders"):
                assert replay.run(road.settings, CUSTOMERS._replace(topic=topic), 1.0, force=True, dry_run=False) == 0
                until(lambda: all(count == 0 for count in road.lag().values()))
        assert [letter.key for letter in loft.taken[before:]] == ["au/robin@customer.example"]
        assert policies(road) == ["erased", "erased"]
        assert not any("kim" in key for key in memory(road))
        assert examine(road.settings, find()).balanced


def test_f61_an_old_row_that_comes_again_stays_out_and_a_new_one_is_served(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        road.customers([("kim", 0, "Kim")])
        road.consume()
        erased(road)
        road.customers([("kim", 5, "Kimmy")], file="late")
        road.orders([("kim", "000001")], file="later")
        road.consume()
        assert [letter.body.get("name") for letter in loft.taken] == ["Kim"]
        road.customers([("kim", tomorrow(), "Kim anew")], file="new")
        road.consume()
        assert [letter.body.get("name") for letter in loft.taken] == ["Kim", "Kim anew"]
        assert road.totals() == {"customers/delivered": 2, "customers/skipped:erased": 1, "orders/skipped:erased": 1}


def test_f61_nothing_of_the_erased_goes_before_an_order_that_waits_behind_a_replay(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    """The order stands last on its topic, the old row first on another: whoever reads both sees the row before."""
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft, partitions=1)
        road.customers([("kim", 0, "Kim"), *((f"p{n}", 0, "Robin") for n in range(3_000))])
        road.consume()
        assert replay.run(road.settings, CUSTOMERS, 1.0, force=False, dry_run=False) == 0
        erased(road)
        road.customers([("kim", 5, "Kimmy")], file="late")
        road.consume()
        assert [letter.body.get("name") for letter in loft.taken if letter.key == f"au/{KIM}"] == ["Kim"]


def test_an_order_to_erase_that_cannot_be_read_is_a_dead_letter(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        told = [(OWN, b"1"), (TOPIC, b"customers"), (PART, b"erase")]
        replays = road.names.replay("pigeon")
        number = partition_of(f"au/{KIM}".encode(), road.partitions)
        sender = Publisher(road.kafka, f"{prefix}test")
        sender.commit([Message(replays, f"au/{KIM}".encode(), b"no JSON", told, number)])
        road.customers([("kim", 0, "Kim")])
        assert road.consume() == 0
        assert [letter.body.get("name") for letter in loft.taken] == ["Kim"]
        assert len(road.read(road.names.dead_letters("pigeon"))) == 1


def test_f61_dead_letters_and_what_waits_of_the_erased_go_nowhere(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("good")
    with Loft() as loft, Loft() as other:
        accounts = {"au": {"url": loft.url, "key_file": str(key)}, "nz": {"url": other.url, "key": "k"}}
        road = Road(kafka, prefix, tmp_path, accounts)
        loft.answer = lambda letter: 422
        road.customers([("kim", 0, "Kim")])
        road.consume()
        loft.answer = lambda letter: 401
        road.orders([("kim", "000001")])
        assert road.consume() == 1
        assert road.shelved() == 1
        erased(road)
        road.consume()
        assert road.shelved() <= 1, "the order to erase waits for the connection, what was Kim's does not"
        loft.answer = lambda letter: 201
        assert dlq.redrive(road.settings, LETTERS, None, None, dry_run=False) == 0
        assert road.consume() == 0
        assert loft.taken == []
        assert {name: count for name, count in road.totals().items() if count} == {
            "customers/skipped:erased": 1,
            "orders/skipped:erased": 1,
        }
        assert not any("kim" in name for name in memory(road))


def test_a_dry_run_and_a_question_without_a_yes_change_nothing(
    kafka: Broker, prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        road.customers([("kim", 0, "Kim")])
        road.consume()
        assert erase.run(road.settings, KIM, dry_run=True, yes=False, as_json=True) == 0
        told = orjson.loads(capsys.readouterr().out)
        assert [one["keys"] for one in told["customers"]] == [[f"au/{KIM}"]]
        assert told["erased"] == []
        by_itself = {one["where"] for one in told["left"] if one["until"]}
        assert {"events", "dead letters", "receipts", "replay topics"} <= by_itself
        assert any(one["where"] == "pigeon" for one in told["left"]), "this platform is never asked to delete"
        assert erase.run(road.settings, KIM, dry_run=False, yes=False, as_json=True) == 2
        road.consume()
        assert any(key.startswith(f"au/{KIM}#") for key in memory(road))
