"""What operators do while everything runs: redrives cut short, old news sent again, replays beside live records."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from fastavro import parse_schema, schemaless_writer

from operations import dlq, replay
from operations.arguments import Letters, Records
from operations.letters import sent_again
from operations.redriving import MOST_REDRIVES
from operations.replaying import order_of
from sandbox.kafka.broker import Broker
from schemas import headers as names
from schemas.definitions import blank, definition
from tests.flow.road import NOON, Road, parcels
from tests.schemas.registry_server import RegistryServer
from tests.second_platform.loft import Loft
from tests.waiting import until
from tillstream.kafka.client import admin

LETTERS = Letters("pigeon", None, None, None, None)
CUSTOMERS = Records("pigeon", "customers", None, None, None, None)


def dead(kafka: Broker, prefix: str, folder: Path, loft: Loft, count: int, engine: str = "") -> Road:
    """A road on which so many customers and orders were refused; from now on the platform takes them."""
    road = Road(kafka, prefix, folder, loft, engine=engine)
    loft.answer = lambda _: 422
    road.customers([(f"p{n}", 0, "old") for n in range(count)])
    road.orders([(f"p{n}", f"{n:06d}") for n in range(count)])
    road.consume()
    loft.answer = lambda _: 201
    return road


def test_f57_a_redrive_that_is_killed_and_repeated_loses_nothing_and_sends_nothing_twice(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    seed = random.randrange(10_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    with Loft() as loft:
        road = dead(kafka, prefix, tmp_path, loft, 150, "dead_letter_run = 1000\ndead_letter_ratio = 1.0")
        assert road.totals() == {"customers/dead": 150, "orders/dead": 150}
        options = road.kafka
        with road.inside():
            for _ in range(4):
                before = len(sent_again(options, road.names, "pigeon"))
                with road.start("dlq", "redrive", "--group", "pigeon", "--rate", "20") as redrive:
                    until(lambda b=before: len(sent_again(options, road.names, "pigeon")) > b, what="it has begun")
                    time.sleep(chance.uniform(0.0, 0.5))
                    redrive.kill()
            assert dlq.redrive(road.settings, LETTERS, None, None, dry_run=False) == 0
            until(lambda: len(loft.taken) >= 300)
        assert (len(loft.taken), loft.repeats()) == (300, 0)
        assert {name: count for name, count in road.totals().items() if count} == {
            "customers/delivered": 150,
            "orders/delivered": 150,
        }


def test_f57_two_redrives_at_once_send_nothing_twice(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft() as loft:
        road = dead(kafka, prefix, tmp_path, loft, 45)
        options, words = road.kafka, ("dlq", "redrive", "--group", "pigeon", "--rate")
        with road.start(*words, "0.5") as one:
            until(lambda: sent_again(options, road.names, "pigeon"), what="it has begun, and has minutes to go")
            with road.start(*words, "40") as other:
                assert (one.end(), other.end()) == (1, 0), (one.told, other.told)
        assert "another redrive of this group was started" in one.told
        road.consume()
        assert (len(loft.taken), loft.repeats()) == (90, 0)


def test_f58_an_old_state_is_superseded_when_a_newer_one_was_delivered_and_facts_are_delivered(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft() as loft:
        road = dead(kafka, prefix, tmp_path, loft, 20)
        road.customers([(f"p{n}", 10, "new") for n in range(0, 20, 2)])
        road.consume()
        dlq.redrive(road.settings, LETTERS, None, None, dry_run=False)
        road.consume()
        last = {letter.key: letter.body["name"] for letter in loft.taken if letter.kind == "letters"}
        assert [last[f"au/p{n}@customer.example"] for n in range(20)] == ["new", "old"] * 10
        assert (loft.disorder(), loft.repeats()) == (0, 0)
        assert {name: count for name, count in road.totals().items() if count} == {
            "customers/delivered": 20,
            "customers/superseded": 10,
            "orders/delivered": 20,
        }


def test_f59_attempts_are_counted_across_redrives_until_it_is_enough(
    kafka: Broker, prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Loft() as loft:
        loft.answer = lambda _: 422
        road = Road(kafka, prefix, tmp_path, loft)
        road.orders(parcels(1, 1))
        road.consume()
        for _ in range(MOST_REDRIVES):
            assert dlq.redrive(road.settings, LETTERS, None, None, dry_run=False) == 0
            road.consume()
        found = road.dead()
        assert [letter["attempts"] for letter in found] == [str(n + 1) for n in range(MOST_REDRIVES + 1)]
        assert len({letter["first-failed"] for letter in found}) == 1
        capsys.readouterr()
        assert dlq.redrive(road.settings, LETTERS, None, None, dry_run=False) == 0
        told = capsys.readouterr().out
        assert told.startswith("0 sent again")
        assert f"1 were redriven {MOST_REDRIVES} times and go no more" in told
        assert road.totals() == {"orders/dead": 1}


def test_f60_order_holds_when_the_same_customers_are_replayed_and_changed_at_once(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft(latency=0.01) as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        road.customers([(f"p{n % 100}", n, f"name {n}") for n in range(300)])
        road.orders(parcels(100, 200))
        road.consume()
        with road.inside():
            assert replay.run(road.settings, CUSTOMERS, 0.5, force=True, dry_run=False) == 0
            for turn in range(1, 6):
                road.customers([(f"p{n}", 1000 * turn, f"turn {turn}") for n in range(100)])
                time.sleep(0.3)
            until(lambda: all(count == 0 for count in road.lag().values()))
        assert loft.disorder() == 0
        last = {letter.key: letter.body["name"] for letter in loft.taken if letter.kind == "letters"}
        assert set(last.values()) == {"turn 5"}
        assert sum(letter.kind == "parcels" for letter in loft.taken) == 200
        counted = road.totals()
        assert counted["customers/delivered"] + counted["customers/superseded"] == 800


def test_f60_facts_are_delivered_once_even_if_a_replay_is_forced(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        road.orders(parcels(10, 50))
        road.consume()
        assert replay.run(road.settings, CUSTOMERS._replace(topic="orders"), 0.2, force=True, dry_run=False) == 0
        road.consume()
        assert (len(loft.taken), loft.repeats(), road.totals()) == (50, 0, {"orders/delivered": 50})


def test_f61_a_replay_reads_what_an_older_release_wrote(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    whole = definition("customers")
    older = {**whole, "fields": [field for field in whole["fields"] if field["name"] != "retail_cust"]}
    with Loft() as loft, closing(RegistryServer()) as server:
        road = Road(kafka, prefix, tmp_path, loft, more=f'[registry]\nurl = "{server.url}"')
        number = server.register(f"{road.names.topic('customers')}-value", json.dumps(older))
        raw(road, older, number, {**blank("customers"), "firstname": "Kim", "person_id": "7"})
        road.customers([("robin", 0, "Robin")])
        road.consume()
        assert replay.run(road.settings, CUSTOMERS, 0.2, force=True, dry_run=False) == 0
        road.consume()
        assert sorted(letter.body["name"] for letter in loft.taken) == ["Kim", "Kim", "Robin", "Robin"]
        assert road.dead() == []


def raw(road: Road, schema: Mapping[str, Any], number: int, record: Mapping[str, Any]) -> None:
    """Write a record of Kim's as a release with that schema did."""
    stream = BytesIO()
    kim = {**record, "email": "kim@customer.example", "connection": "au", "source_time": NOON, "sha256": "ab"}
    schemaless_writer(stream, parse_schema(dict(schema)), kim)
    told = {names.CONTENT: b"c0", names.ORDER: names.order(NOON, None, 2).encode(), names.OBJECT: b"7"}
    payload = b"\x00" + number.to_bytes(4, "big") + stream.getvalue()
    road.raw("customers", b"au/kim@customer.example", payload, {**told, names.SHA256: b"ab", names.LINE: b"2"})


def test_f64_a_replay_that_is_killed_while_it_copies_goes_on_when_it_is_started_again(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        road.customers([(f"p{n}", 0, "x") for n in range(3000)])
        road.consume()
        options, words = road.kafka, ("replay", "--group", "pigeon", "--topic", "customers")
        kills = 0
        while True:
            with road.start(*words, "--force") as copy:
                process = copy.process
                until(lambda p=process: p.poll() is not None or order_of(options, road.names, "pigeon") is not None)
                if kills < 3 and process.poll() is None:
                    copy.kill()
                    kills += 1
                    continue
                assert copy.end() == 0 or "is on its way" in copy.told, copy.told
                break
        found = order_of(options, road.names, "pigeon")
        assert found is not None
        assert (found.copied, found.copying) == (3000, False)
        road.consume()
        assert loft.repeats() == 3000


def test_a_group_whose_offsets_were_set_back_reads_again_harmlessly(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        road.customers([(f"p{n}", 0, "x") for n in range(50)])
        road.orders(parcels(10, 50))
        road.consume()
        client, group = admin(road.kafka), road.names.group("pigeon")
        topics = (road.names.topic("customers"), road.names.topic("orders"))
        back = [TopicPartition(topic, number, 0) for topic in topics for number in range(road.partitions)]
        next(iter(client.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, back)]).values())).result(20)
        road.orders(parcels(10, 5, start=50))
        road.consume()
        assert (len(loft.taken), loft.repeats()) == (105, 0)
        assert road.totals() == {"customers/delivered": 50, "orders/delivered": 55}
        assert set(road.lag().values()) == {0}
