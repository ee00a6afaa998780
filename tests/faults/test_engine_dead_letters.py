"""Dead letters that cannot be written, or are too many: the source offset stays, the group stops and says why."""

from __future__ import annotations

from pathlib import Path

from sandbox.kafka.broker import Broker
from tests.flow.road import Road, parcels
from tests.second_platform.loft import Loft
from tests.waiting import until


def test_f55_without_the_dead_letter_topic_no_source_offset_is_committed(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft() as loft:
        loft.answer = lambda letter: 400 if letter.body["id"] == "000005" else 201
        road = Road(kafka, prefix, tmp_path, loft, partitions=1)
        with road.worker(state="first") as worker:
            road.orders([("kim", "000100")])
            until(lambda: road.lag()[road.names.topic("orders")] == 0)
            road.delete(road.names.dead_letters("pigeon"))
            road.orders(parcels(10, 10))
            until(lambda: loft.asked[400] == 1)
            until(lambda: any("refused and is repeated" in line for line in worker.lines))
            assert road.lag()[road.names.topic("orders")] >= 5, "the offset of the refused one stays"
            assert worker.process.poll() is None
            road.create()
            until(lambda: road.lag()[road.names.topic("orders")] == 0)
            assert worker.stop() == 0
        assert [letter["reason"] for letter in road.dead()] == ["refused"]
        assert (loft.asked[400], loft.repeats()) == (1, 0)
        assert road.totals() == {"orders/delivered": 10, "orders/dead": 1}


def test_f56_a_run_of_refusals_stops_the_group_and_says_which_reason_filled_it(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft() as loft:
        loft.answer = lambda letter: 422 if int(letter.body["id"]) >= 100 else 201
        road = Road(kafka, prefix, tmp_path, loft)
        road.orders(parcels(100, 2000))
        with road.worker("--once") as worker:
            assert worker.end() == 1, worker.lines
        told = worker.told
        assert " were refused: refused (1" in told
        assert "Traceback" not in told
        assert len(road.dead()) < 200  # a hundred in a row, and those that came between the good ones
        lag = road.lag()[road.names.topic("orders")]
        assert lag >= 1800


def test_f56_poison_in_a_row_stops_the_group_too(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft, engine="dead_letter_run = 20")
        for number in range(100):
            road.raw("orders", f"au/p{number}@customer.example".encode(), b"poison", {})
        with road.worker("--once") as worker:
            assert worker.end() == 1, worker.lines
        assert "20 records in a row were refused: poison (20)" in worker.told
        assert len(road.dead()) < 20
