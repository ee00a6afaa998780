"""What a platform may do: be slow, be away, say 429, say 401. Nothing is lost, others go on, order holds."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest

from sandbox.kafka.broker import Broker
from tests.flow.road import Road, letters, parcels
from tests.role import Inside
from tests.second_platform.loft import Loft
from tests.waiting import Leap, until

HALF_AN_HOUR = 1800.0


def breaker(worker: Inside, connection: str = "au") -> int:
    live = worker.watch.lives.get(connection)
    return live.breaker.state if live else 0


def test_f38_f54_a_platform_away_for_hours_fills_no_memory_and_is_caught_up_with_in_order(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft() as loft:
        loft.answer = lambda _: 503
        clock = Leap()
        road = Road(kafka, prefix, tmp_path, loft)
        road.orders(parcels(2000, 11_000))
        with road.inside(clock) as worker:
            until(lambda: breaker(worker) == 2)
            until(lambda: worker.watch.worker is not None and worker.watch.worker.crew.lanes.waiting >= 9_000)
            for _ in range(12):
                clock.leap(HALF_AN_HOUR)
                time.sleep(0.3)
            engine = worker.watch.worker
            assert engine is not None
            assert engine.crew.lanes.waiting <= 10_500
            until(lambda: (engine.ready, engine.alive) == (None, None), what="a turn after the last leap")
            assert engine.side.changes == 1
            assert sum(loft.asked.values()) < 200
            loft.answer = lambda _: 201
            clock.leap(31)
            until(lambda: len(loft.taken) >= 11_000)
            assert worker.stop() == 0
        assert (loft.repeats(), loft.disorder()) == (0, 0)
        assert road.totals() == {"orders/delivered": 11_000}


def test_f38_a_platform_that_is_away_holds_up_nobody_else_and_its_records_wait_on_the_shelf(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft() as alive, Loft() as dead:
        dead.answer = lambda _: 0
        clock = Leap()
        accounts = {"au": {"url": alive.url, "key": "k"}, "nz": {"url": dead.url, "key": "k"}}
        road = Road(kafka, prefix, tmp_path, accounts)
        with road.inside(clock) as worker:
            road.orders(parcels(20, 100), connection="nz")
            road.orders(parcels(20, 100))
            until(lambda: len(alive.taken) == 100, what="the living one's parcels go")
            until(lambda: breaker(worker, "nz") == 2)
            clock.leap(61)
            until(lambda: road.shelved() == 100, what="the dead one's wait on the shelf")
            road.orders(parcels(20, 100, start=100))
            until(lambda: len(alive.taken) == 200, what="and still they go")
            until(lambda: set(road.lag().values()) == {0}, what="no offset waits for the dead one")
            dead.answer = lambda _: 201
            clock.leap(31)
            until(lambda: len(dead.taken) == 100, what="what waited goes when it answers")
            assert worker.stop() == 0
        assert (road.shelved(), road.dead(), dead.repeats(), dead.disorder(), alive.disorder()) == (0, [], 0, 0, 0)
        assert road.totals() == {"orders/delivered": 300}


def test_f41_one_customer_with_half_of_all_records_slows_nobody_else(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    """The others' last parcel comes about when it would without the busy one, which needs many times as long."""
    with Loft(latency=0.02) as loft:
        road = Road(kafka, prefix, tmp_path, loft, engine="in_flight = 20")
        rows = [("busy" if n % 2 else f"p{n % 500}", f"{n:06d}") for n in range(4000)]
        road.orders(rows)
        with road.inside() as worker:
            until(lambda: sum("busy" not in letter.key for letter in loft.taken) == 2000)
            assert worker.stop() == 0
        last = max(place for place, letter in enumerate(loft.taken) if "busy" not in letter.key)
        busy = sum("busy" in letter.key for letter in loft.taken[:last])
        assert 0 < busy <= 0.05 * 2000, "the part of all calls that the others lose to the busy one"


@pytest.mark.parametrize("trouble", ["back-off", "rest", "twice"])
def test_f42_sigterm_in_any_pause_drains_at_once_and_a_new_start_repeats_nothing(
    kafka: Broker, prefix: str, tmp_path: Path, trouble: str
) -> None:
    with Loft(latency=0.05) as loft:
        road = Road(kafka, prefix, tmp_path, loft, engine='drain = "90s"')
        road.orders(parcels(100, 2000))
        with road.worker() as worker:
            until(lambda: len(loft.taken) > 200)
            if trouble == "back-off":
                loft.answer = lambda _: 503
                until(lambda: loft.asked[503] > 20)
            elif trouble == "rest":
                loft.headers = {"Retry-After": "120"}
                loft.answer = lambda _: 429
                until(lambda: loft.asked[429] > 0 and loft.under_way == 0)
            else:
                worker.process.terminate()
            begun = time.monotonic()
            assert worker.stop() == 0, worker.lines
            assert time.monotonic() - begun < 60, "it ends when it can, not when it must"
        assert "abandoned" not in worker.told
        loft.answer, loft.headers = lambda _: 201, {}
        assert road.consume() == 0
        assert (loft.repeats(), loft.disorder(), len(loft.taken)) == (0, 0, 2000)
        assert road.totals() == {"orders/delivered": 2000}


def test_f42_a_deadline_shorter_than_the_slowest_call_abandons_it_and_says_so(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft(latency=100.0) as loft:
        road = Road(kafka, prefix, tmp_path, loft, engine='drain = "1s"')
        road.orders(parcels(50, 50))
        with road.worker() as worker:
            until(lambda: loft.under_way == 50)
            begun = time.monotonic()
            assert worker.stop() == 0, worker.lines
            assert time.monotonic() - begun < 60
        assert "their records are repeated by the next owner" in worker.told
        loft.latency = 0.0
        assert road.consume() == 0
        assert {letter.body["id"] for letter in loft.taken} == {f"{n:06d}" for n in range(50)}
        assert road.totals() == {"orders/delivered": 50}


def test_f43_the_whole_quota_rests_as_long_as_the_platform_asks(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft() as loft:
        loft.headers = {"Retry-After": "2"}
        answers = iter([201] * 50 + [429])
        loft.answer = lambda _: next(answers, 201)
        road = Road(kafka, prefix, tmp_path, loft, engine="in_flight = 1")
        road.orders(parcels(100, 100))
        assert road.consume() == 0
        assert loft.taken[50].at - loft.taken[49].at >= 2.0, "nobody else's parcel goes meanwhile"
        assert loft.asked[429] == 1
        assert road.totals() == {"orders/delivered": 100}


def test_f44_a_storm_of_429_with_four_workers_keeps_the_share_and_comes_back_apart(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    """The platform takes 40 a second where 60 were promised, so that each second ends in refusals."""
    with Loft() as loft:
        asked: list[float] = []
        taken: list[float] = []

        def limited(_: object) -> int:
            asked.append(time.monotonic())
            if sum(moment > asked[-1] - 1.0 for moment in taken) >= 40:
                return 429
            taken.append(asked[-1])
            return 201

        loft.answer, loft.headers = limited, {"Retry-After": "1"}
        road = Road(kafka, prefix, tmp_path, {"au": {"url": loft.url, "key": "k", "a_second": 60}}, partitions=4)
        with road.inside() as one, road.inside() as two, road.inside() as three, road.inside() as four:
            crew = (one, two, three, four)
            until(lambda: all(len(holds(worker)) == 1 for worker in crew), what="each has its partition")
            road.orders(parcels(200, 300))
            until(lambda: len(loft.taken) == 300)
        assert (loft.repeats(), loft.disorder()) == (0, 0)
        most = max(sum(begun <= moment < begun + 1.0 for moment in asked) for begun in asked)
        assert most <= 60, "four workers together ask no more than one might"
        print(f"most in a second {most}, refused {loft.asked[429]}, {asked[-1] - asked[0]:.1f} s")
        assert loft.asked[429] < 80, "who was refused rests"
        assert asked[-1] - asked[0] < 45
        assert road.totals() == {"orders/delivered": 300}


def holds(worker: Inside) -> set[int]:
    """The partitions that a worker has open."""
    engine = worker.watch.worker
    return set(engine._tenure.slots) if engine is not None and engine.ready is None else set()


def test_f45_a_connection_that_breaks_in_every_way_delivers_all(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft(latency=0.002) as loft:
        counted = Counter[str]()

        def flaky(letter: object) -> int:
            counted["asked"] += 1
            return {0: 0, 1: 500, 2: 502, 3: 504}.get(counted["asked"] % 12, 201)

        loft.answer = flaky
        road = Road(kafka, prefix, tmp_path, loft)
        road.orders(parcels(50, 120))
        assert road.consume() == 0
        assert (len(loft.taken), loft.disorder()) == (120, 0)
        assert road.totals() == {"orders/delivered": 120}


def test_f49_a_key_revoked_in_mid_run_stops_that_connection_until_its_file_holds_another(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft(latency=0.002) as loft, Loft() as other:
        key, clock = tmp_path / "key", Leap()
        key.write_text("old")
        accounts = {"au": {"url": loft.url, "key_file": str(key)}, "nz": {"url": other.url, "key": "k"}}
        road = Road(kafka, prefix, tmp_path, accounts)
        with road.inside(clock) as worker:
            road.orders(parcels(20, 100))
            until(lambda: len(loft.taken) == 100)
            loft.answer = lambda letter: 201 if letter.authorization == "new" else 401
            road.orders(parcels(20, 100, start=100))
            road.orders(parcels(20, 100), connection="nz")
            until(lambda: bool(worker.watch.lives["au"].stopped))
            until(lambda: len(other.taken) == 100)
            engine = worker.watch.worker
            assert engine is not None
            until(lambda: not engine.crew.jobs, what="the calls under way have come to their end")
            before = loft.asked[401]
            clock.leap(31)
            until(lambda: loft.asked[401] > before)
            loft.answer = lambda letter: 201 if letter.authorization == "new" else 403
            clock.leap(31)
            until(lambda: loft.asked[403] > 0)
            assert (loft.asked[401], loft.asked[403]) == (before + 1, 1), "one asks, every half minute"
            assert road.dead() == []
            key.unlink()  # between two writes of whoever rotates it
            clock.leap(31)
            until(lambda: "key: " in worker.watch.lives["au"].stopped)
            key.write_text("new\n")
            clock.leap(31)
            until(lambda: len(loft.taken) == 200)
            assert worker.watch.lives["au"].stopped == ""
            assert worker.stop() == 0
        assert (loft.repeats(), loft.disorder()) == (0, 0)
        assert road.totals() == {"orders/delivered": 300}


def lonely(one: float, two: float, three: float) -> bool:
    """Of three calls, did each go alone, the last after two seconds?"""
    return two - one >= 0.5 and three - two >= 2.0


def test_f52_the_breaker_opens_tries_one_and_closes(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft() as loft:
        asked: list[float] = []

        def nothing(_: object) -> int:
            asked.append(time.monotonic())
            return 0

        loft.answer = nothing
        road = Road(kafka, prefix, tmp_path, loft)
        road.orders(parcels(200, 1000))
        with road.inside() as worker:
            until(lambda: breaker(worker) == 2)
            until(lambda: len(asked) > 2 and lonely(*asked[-3:]), what="one at a time, less and less often")
            loft.answer = lambda _: 201
            until(lambda: len(loft.taken) == 1000)
            assert breaker(worker) == 0
            assert worker.stop() == 0
        assert road.totals() == {"orders/delivered": 1000}


def test_f66_a_wrong_key_for_fifteen_days_beside_a_healthy_one(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft() as right, Loft() as wrong:
        key, clock = tmp_path / "key", Leap()
        key.write_text("bad")
        wrong.answer = lambda letter: 201 if letter.authorization == "good" else 401
        accounts = {"au": {"url": right.url, "key": "k"}, "nz": {"url": wrong.url, "key_file": str(key)}}
        road = Road(kafka, prefix, tmp_path, accounts)
        for day in range(3):
            road.orders(parcels(30, 100, start=100 * day))
            road.orders(parcels(30, 100, start=100 * day), connection="nz")
            road.customers(letters(10, 10), connection="nz")
            assert road.consume(clock=clock) == 1
            clock.leap(5 * 86_400)
        assert road.shelved() == 330
        assert set(road.lag().values()) == {0}
        assert (len(right.taken), len(wrong.taken), road.dead()) == (300, 0, [])
        key.write_text("good")
        assert road.consume(clock=clock) == 0
        assert (road.shelved(), wrong.disorder(), wrong.repeats()) == (0, 0, 0)
        assert sum(letter.kind == "parcels" for letter in wrong.taken) == 300
        assert road.totals()["orders/delivered"] == 600


def test_f66_once_says_what_is_stopped_and_what_waits(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft() as right, Loft() as wrong:
        wrong.answer = lambda _: 401
        road = Road(
            kafka, prefix, tmp_path, {"au": {"url": right.url, "key": "k"}, "nz": {"url": wrong.url, "key": "k"}}
        )
        road.orders(parcels(20, 20), connection="nz")
        with road.worker("--once") as worker:
            assert worker.end() == 1, worker.lines
        told = worker.told
        assert "nz: stopped since 20" in told
        assert "the post office does not know our key" in told
        assert "nz: 20 on the shelf, stopped, until connection/nz" in told


def test_f66_once_ends_although_a_stopped_connection_alone_has_more_than_fits_into_memory(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft() as loft:
        loft.answer = lambda _: 401
        road = Road(kafka, prefix, tmp_path, loft)
        road.orders(parcels(4000, 14_000))
        assert road.consume() == 1
        loft.answer = lambda _: 201
        assert road.consume() == 0
        assert (len(loft.taken), loft.disorder()) == (14_000, 0)
