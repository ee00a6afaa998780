"""State is lost, spoilt or outdated: a worker falls back to sending, never to skipping, and bounds what it keeps."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from confluent_kafka import Producer

from sandbox.kafka.broker import Broker
from tests.flow.road import Road, letters, parcels
from tests.second_platform.loft import Loft
from tests.waiting import until


def spoil(folder: Path) -> None:
    for file in folder.rglob("data.mdb"):
        file.write_bytes(b"\x00not a database" * 2000)


def cut(folder: Path) -> None:
    for file in folder.rglob("data.mdb"):
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize("loss", [shutil.rmtree, spoil, cut])
def test_f62_a_lost_or_spoilt_local_store_is_restored_and_nothing_is_sent_again(
    kafka: Broker, prefix: str, tmp_path: Path, loss: Callable[[Path], Any]
) -> None:
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        road.customers(letters(300, 300))
        assert road.consume() == 0
        loss(road.store())
        road.customers(letters(300, 300))
        assert road.consume() == 0
        assert len(loft.taken) == 300
        assert road.totals() == {"customers/delivered": 300, "customers/unchanged": 300}


@pytest.mark.parametrize("kept", [0.0, 0.5])
def test_f62_a_lost_or_half_restored_state_topic_means_sending_and_never_skipping(
    kafka: Broker, prefix: str, tmp_path: Path, kept: float
) -> None:
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        road.customers(letters(100, 100))
        assert road.consume() == 0
        records = road.read(road.names.state("pigeon"))
        road.delete(road.names.state("pigeon"))
        road.create()
        producer = Producer(road.kafka)
        for record in records[: int(len(records) * kept)]:
            producer.produce(record.topic(), record.value(), record.key(), partition=record.partition())
        producer.flush(20)
        road.customers([(f"p{n}", n + 1000, f"name {n + 1}") for n in range(100)])
        assert road.consume() == 0
        again = sorted(letter.body["name"] for letter in loft.taken[100:])
        assert again == sorted(f"name {n + 1}" for n in range(100))
        assert set(road.lag().values()) == {0}


def test_f63_after_a_table_changed_only_bodies_that_really_differ_are_sent(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        rows = [(f"p{n}", 0, "Kim" if n < 60 else "kim") for n in range(100)]
        road.customers(rows)
        assert road.consume() == 0
        (tmp_path / "mappings").mkdir()
        row = '[[row]]\nsource = "firstname"\ntarget = "name"\nvia = "lowercase"\n'
        (tmp_path / "mappings" / "pigeon.letter.toml").write_text(f'target = "Pigeon letter"\nextends = true\n{row}')
        road.customers(rows)
        assert road.consume() == 0
        assert [letter.body["name"] for letter in loft.taken[100:]] == ["kim"] * 60
        assert road.totals() == {"customers/delivered": 160, "customers/unchanged": 40}


def test_f40_much_done_ahead_of_one_that_waits_keeps_the_position_small(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft() as loft:
        loft.answer = lambda letter: 500 if "stuck" in letter.key else 201
        road = Road(kafka, prefix, tmp_path, loft, partitions=1, engine="read_ahead = 2000")
        road.orders([("stuck", "0"), *parcels(500, 12_000, start=1)])
        with road.inside() as worker:
            until(lambda: len(loft.taken) >= 2000)
            time.sleep(1.0)
            assert len(loft.taken) <= 2000 + 700, "reading stays near the one that waits"
            engine = worker.watch.worker
            assert engine is not None
            assert engine.crew.lanes.waiting < 700
            loft.answer = lambda _: 201
            until(lambda: len(loft.taken) == 12_001)
            assert worker.stop() == 0
        positions = [m.value() for m in road.read(road.names.state("pigeon")) if m.key() == b"~position/orders"]
        assert max(len(value) for value in positions) < 8000
        assert orjson.loads(positions[-1])["committed"] == road.end("orders")
        assert (loft.repeats(), loft.disorder()) == (0, 0)


def test_f40_a_killed_worker_repeats_nothing_of_what_was_done_ahead(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft() as loft:
        loft.answer = lambda letter: 500 if "stuck" in letter.key else 201
        road = Road(kafka, prefix, tmp_path, loft)
        road.orders([("stuck", "0"), *parcels(100, 1000, start=1)])
        with road.worker() as worker:
            until(lambda: len(loft.taken) == 1000)
            until(lambda: road.totals() == {"orders/delivered": 1000})
            worker.kill()
        loft.answer = lambda _: 201
        assert road.consume() == 0
        assert (len(loft.taken), loft.repeats()) == (1001, 0)
        assert set(road.lag().values()) == {0}
