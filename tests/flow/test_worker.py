"""One worker on real Kafka: everything is delivered once and in order, and the books say so."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

from confluent_kafka import Producer

from consumers.engine.assemble import work
from consumers.engine.broker import HIGHS_SECONDS
from consumers.engine.worker import DEAD_SECONDS
from operations import platforms
from operations.consume import alive
from sandbox.kafka.broker import Broker
from tests.flow.road import Road, parcels
from tests.role import Inside
from tests.second_platform.loft import Loft
from tests.waiting import Leap, until
from tillstream.telemetry import REGISTRY


def test_letters_go_once_in_order_and_a_second_run_sends_nothing(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft(latency=0.005) as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        road.customers([(f"p{n % 40}", n, f"name {n}") for n in range(400)])
        road.orders([(f"p{n % 40}", str(n)) for n in range(100)])
        assert road.consume() == 0
        assert loft.disorder() == 0
        assert loft.repeats() == 0
        assert {letter.key: letter.body["name"] for letter in loft.taken if letter.kind == "letters"} == {
            f"au/p{n}@customer.example": f"name {360 + n}" for n in range(40)
        }
        assert sum(letter.kind == "parcels" for letter in loft.taken) == 100
        before = len(loft.taken)
        assert road.consume() == 0
        assert len(loft.taken) == before
        totals = road.totals()
        assert totals["customers/delivered"] + totals["customers/superseded"] == 400
        assert totals["orders/delivered"] == 100


def test_metrics_name_a_group_as_the_command_line_does_and_say_where_every_second_went(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        road.consume()
    given = REGISTRY.get_sample_value("tillstream_rebalances_total", {"group": "pigeon", "kind": "assigned"})
    assert given is not None
    assert given >= 1
    for state in ("poll", "map", "quota", "platform", "settle", "restore", "idle"):
        spent = REGISTRY.get_sample_value("tillstream_time_spent_seconds_total", {"group": "pigeon", "state": state})
        assert spent is not None


def test_an_unchanged_export_makes_not_one_call(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        rows = [(f"p{n}", 0, "same") for n in range(200)]
        road.customers(rows)
        road.consume()
        assert len(loft.taken) == 200
        road.customers(rows, file="ef56")
        road.consume()
        assert len(loft.taken) == 200
        assert road.totals() == {"customers/delivered": 200, "customers/unchanged": 200}


def test_an_older_row_that_comes_late_is_superseded(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        road.customers([("kim", 10, "new")])
        road.consume()
        road.customers([("kim", 5, "old")])
        road.consume()
        assert [letter.body["name"] for letter in loft.taken] == ["new"]
        assert road.totals() == {"customers/delivered": 1, "customers/superseded": 1}


def test_a_wrong_key_stops_only_its_connection_whose_records_wait_on_the_shelf(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft() as right, Loft() as wrong:
        key = tmp_path / "key"
        key.write_text("bad")
        wrong.answer = lambda letter: 201 if letter.authorization == "good" else 401
        accounts = {"au": {"url": right.url, "key": "k"}, "nz": {"url": wrong.url, "key_file": str(key)}}
        road = Road(kafka, prefix, tmp_path, accounts)
        road.customers([(f"p{n}", 0, "x") for n in range(50)])
        road.customers([(f"p{n}", 0, "x") for n in range(50)], connection="nz")
        assert road.consume() == 1
        assert (len(right.taken), len(wrong.taken)) == (50, 0)
        until(lambda: road.shelved() == 50, what="fifty on the shelf")
        key.write_text("good")
        assert road.consume() == 0
        assert len(wrong.taken) == 50
        assert road.shelved() == 0
        assert road.totals() == {"customers/delivered": 100}


def test_a_platform_that_is_away_for_a_while_loses_nothing(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft(latency=0.002) as loft:
        answers = iter([500] * 30 + [0] * 10 + [503] * 5)
        loft.answer = lambda letter: next(answers, 201)
        road = Road(kafka, prefix, tmp_path, loft)
        road.customers([(f"p{n}", 0, "x") for n in range(100)])
        assert road.consume() == 0
        assert len(loft.taken) == 100
        assert road.totals() == {"customers/delivered": 100}


def test_no_secret_and_no_personal_data_is_in_a_log_a_metric_a_page_or_a_dead_letters_header(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft() as loft:
        loft.answer = lambda letter: 422 if "kim" in letter.key else 201
        road = Road(kafka, prefix, tmp_path, {"au": {"url": loft.url, "key": "sesame"}})
        road.customers([("kim", 0, "Kimberley"), ("robin", 0, "Roberta")])
        road.raw("orders", b"au/robin@customer.example", b"robin@customer.example bought", {})
        with road.worker(LOG_LEVEL="DEBUG") as worker:
            until(lambda: (len(loft.taken), loft.asked[422]) == (1, 1))
            until(lambda: sum(road.totals().values()) == 3)
            pages = [worker.page(name).text for name in ("metrics", "livez", "readyz", "nowhere")]
            assert worker.stop() == 0
        letters = [message.headers() for message in road.read(road.names.dead_letters("pigeon"))]
    seen = "".join([worker.told, *pages, str(letters)])
    assert loft.taken[0].authorization == "sesame"
    assert all(word in seen for word in ("listening on", 'outcome="delivered"', "tillstream.reason"))
    assert [word for word in ("customer.example", "Kimberley", "Roberta", "sesame") if word in seen] == []


def test_a_worker_whose_records_wait_and_never_come_on_is_not_alive(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    """It polls and turns all the while: its route lets no plan begin."""
    with Loft() as loft:
        road, clock = Road(kafka, prefix, tmp_path, loft), Leap()
        pigeon = platforms.find()["pigeon"]
        stuck = replace(pigeon, routes=(replace(pigeon.routes[0], batch=10, bulk_from=1, concurrent=0),))
        worker = Inside(lambda watch: asyncio.run(work(road.settings, stuck, watch, clock=clock)))
        until(lambda: worker.watch.ready is None)
        clock.leap(3600)
        until(lambda: alive(worker.watch) is None)
        road.customers([("kim", 0, "Kim")])
        until(lambda: worker.watch.worker and worker.watch.worker.crew.lanes.kinds())
        assert alive(worker.watch) is None
        clock.leap(130)
        until(lambda: "records wait, and none has come on" in (alive(worker.watch) or ""))
        worker.stop()


def test_a_transaction_that_somebody_leaves_open_keeps_nobody_waiting(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    """What it has written may not be read yet: it is no lag, and a worker that waits behind it is alive."""
    with Loft() as loft:
        road, clock = Road(kafka, prefix, tmp_path, loft, partitions=1), Leap()
        road.orders(parcels(5, 10))
        with road.inside(clock) as worker:
            until(lambda: len(loft.taken) == 10)
            until(lambda: worker.watch.ready is None)
            somebody = Producer({**road.kafka, "transactional.id": f"{prefix}x", "transaction.timeout.ms": 300_000})
            somebody.init_transactions(30)
            somebody.begin_transaction()
            somebody.produce(road.names.topic("orders"), b"x", b"au/kim@customer.example")
            assert somebody.flush(30) == 0
            time.sleep(3 * HIGHS_SECONDS)
            clock.leap(DEAD_SECONDS + 10)
            until(lambda: alive(worker.watch) is None, 30)
            somebody.abort_transaction(30)
            road.orders(parcels(5, 10, start=10))
            until(lambda: len(loft.taken) == 20)
            assert worker.stop() == 0
