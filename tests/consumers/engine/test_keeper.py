"""The keeper wakes no more than there is room for, whatever is due at once."""

from __future__ import annotations

from datetime import timedelta

from consumers.engine.books import Books
from consumers.engine.dead_letters import Limit
from consumers.engine.item import Record
from consumers.engine.keeper import Keeper
from consumers.engine.lanes import Lanes
from consumers.engine.outcome import Deferred, Later
from schemas.topics import Names
from tests.consumers.engine.stage import CODEC, KIM, MORNING, Clock, Partition, partition, record, run


class Floor:
    """Where what has woken is put down."""

    def __init__(self) -> None:
        self.woken: list[tuple[str, int]] = []

    def accept_again(self, record: Record) -> None:
        self.woken.append((record.part, record.place))

    def shelve(self, work: tuple[Record, ...], outcome: Deferred) -> None:
        """Nothing here is stopped or away."""


def turns(part: Partition, most: int) -> list[list[tuple[str, int]]]:
    """What each of two turns wakes, where so many may wait at once."""

    async def story() -> list[list[tuple[str, int]]]:
        floor, clock = Floor(), Clock()
        books = Books("post", Names(), CODEC, Limit(1000, 1.0), "1", lambda _: "v1", clock.now)
        keeper = Keeper(floor, Lanes(lambda _: False), lives={}, books=books, clock=clock, most=2 * most)
        heard = []
        for _ in range(2):
            keeper.look([part.slot])
            heard.append(floor.woken)
            floor.woken = []
        return heard

    return run(story())


def test_what_waits_for_a_topic_stays_there_when_what_was_due_has_taken_all_room() -> None:
    with partition() as part:
        shelf, now = part.slot.shelf, timedelta(0)
        shelf.put(record(part.slot, 1), Deferred("subscribe_gap", until=MORNING), MORNING)
        shelf.follow_up(KIM, Later("customers", "totals", now), MORNING)
        for number in (2, 3):
            shelf.put(record(part.slot, number, topic="orders"), Deferred("first", wakes="read/customers"), MORNING)
        part.slot.ends = {"customers"}
        assert turns(part, 1) == [[("", 1), ("totals", -1)], [("", 2)]]
