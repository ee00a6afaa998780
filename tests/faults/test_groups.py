"""F35, F36: members that do not fit: one that lists other topics, and one that has another's name."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.kafka.broker import Broker
from tests.flow.road import Road, parcels
from tests.second_platform.loft import Loft
from tests.waiting import until
from tillstream.kafka.client import member
from tillstream.kafka.partitioner import partition_of


class Stranger:
    """A member of the group that lists the orders only, and works nothing; `held` is what it was given."""

    def __init__(self, road: Road) -> None:
        self._consumer = member(road.kafka, road.names.group("pigeon"))
        self._consumer.subscribe([road.names.topic("orders")])
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._stay, daemon=True)
        self.held: set[int] = set()
        self._thread.start()

    def _stay(self) -> None:
        while not self._leaving.is_set():
            self._consumer.poll(0.1)
            self.held = {part.partition for part in self._consumer.assignment()}
        self._consumer.close()

    def leave(self) -> None:
        self._leaving.set()
        self._thread.join(20)


@contextmanager
def stranger(road: Road) -> Iterator[Stranger]:
    made = Stranger(road)
    try:
        yield made
    finally:
        made.leave()


def test_f35_partitions_that_are_not_whole_are_paused_and_said_and_go_when_they_are_whole(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        with road.worker() as worker, stranger(road) as other:
            until(lambda: len(other.held) == road.partitions // 2, what="the orders are shared")
            until(lambda: worker.said("partition is not whole"))
            until(lambda: "partitions are not open yet" in worker.page("readyz").text)
            road.customers([(f"p{n}", 0, "x") for n in range(40)])
            theirs = {f"p{n}" for n in range(40) if partition_of(f"au/p{n}@customer.example".encode(), 4) in other.held}
            until(lambda: len(loft.taken) == 40 - len(theirs), what="what is whole goes on")
            sent = {letter.key.removeprefix("au/").partition("@")[0] for letter in loft.taken}
            assert not sent & theirs, "of a part of a partition nothing is worked on"
            other.leave()
            until(lambda: len(loft.taken) == 40, what="all is whole again")
            assert worker.stop() == 0
        assert (loft.repeats(), road.totals()) == (0, {"customers/delivered": 40})


def test_f36_a_worker_with_the_name_of_another_fences_it_and_the_former_says_so(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    """A state folder that was copied to another machine carries the name with it."""
    with Loft(latency=0.005) as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        road.orders(parcels(20, 100))
        with road.worker(state="one") as former:
            until(lambda: len(loft.taken) == 100)
            (tmp_path / "two").mkdir()
            shutil.copy(tmp_path / "one" / "id", tmp_path / "two" / "id")
            with road.worker(state="two") as heir:
                road.orders(parcels(20, 2000, start=100))
                assert former.end() == 1
                told = former.told
                assert "another process has taken this one's name" in told.splitlines()[-1], told[-2000:]
                until(lambda: len({letter.body["id"] for letter in loft.taken}) == 2100)
                until(lambda: set(road.lag().values()) == {0})
                assert heir.stop() == 0
        assert road.totals() == {"orders/delivered": 2100}
        assert loft.repeats() <= 500, "at most what the former had started and not settled"


def test_f36_two_workers_of_one_state_folder_have_two_names(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        with road.worker(state="one") as first, road.worker(state="one") as second:
            until(
                lambda: {path.name for path in (tmp_path / "one").glob("*.lock")} >= {"pigeon-0.lock", "pigeon-1.lock"}
            )
            road.orders(parcels(20, 200))
            until(lambda: len(loft.taken) == 200)
            until(lambda: set(road.lag().values()) == {0})
            assert (first.stop(), second.stop()) == (0, 0)
        assert (loft.repeats(), road.totals()) == (0, {"orders/delivered": 200})
