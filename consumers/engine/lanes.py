"""Sort records into lanes by entity: a lane is strictly in order, lanes run side by side."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Set
from typing import NamedTuple

from consumers.engine.item import Record

MOST_FOLDED = 100


class Kind(NamedTuple):
    """What can travel in one batch: records of one connection, topic and part (and job of a former owner).

    `run` is the replay or redrive that brought them, "" for live ones, and `share` what such may take of
    plans and quotas.
    """

    connection: str
    topic: str
    part: str
    job: str
    run: str = ""
    share: float = 1.0

    @property
    def stream(self) -> tuple[str, str, str, str]:
        """What is counted together when plans are limited."""
        return (self.connection, self.topic, self.part, self.run)


def kind_of(record: Record) -> Kind:
    """The kind of a record at the head of its lane."""
    return Kind(record.connection, record.topic, record.part, record.job, record.run, record.share)


class Lane:
    """The records of one entity, oldest first. It is running, resting, ready or empty.

    The queue is a list: nearly all lanes hold one record, for which a deque takes seven times the memory.
    """

    __slots__ = ("busy", "key", "queue", "rest")

    def __init__(self, key: str) -> None:
        self.key = key
        self.queue: list[Record] = []
        self.busy = False
        self.rest = 0.0

    @property
    def kind(self) -> Kind:
        return kind_of(self.queue[0])


class Lanes:
    """All lanes of a worker. Keys carry their connection, so a key means one entity wherever it is read.

    `folds` says which kinds may put several consecutive records of a lane into one work. `waiting` counts live records
    that have just arrived, `woken` those from the shelf, and `again` those of replays and redrives, which let the live
    ones of their lane go first.
    """

    def __init__(self, folds: Callable[[Kind], bool]) -> None:
        self._folds = folds
        self._lanes: dict[str, Lane] = {}
        self._ready: dict[Kind, dict[str, Lane]] = {}
        self._resting: list[tuple[float, int, Lane]] = []
        self._naps = 0
        self.waiting = self.woken = self.again = 0
        self._topics: Counter[str] = Counter()

    def _counts(self, records: Iterable[Record], by: int) -> None:
        for record in records:
            if record.run:
                self.again += by
            else:
                self._topics[record.topic] += by
                if record.shelf:
                    self.woken += by
                else:
                    self.waiting += by

    def crowding(self, unread: Set[str], most: int) -> Set[str]:
        """Topics of which more than `most` live records wait, while another has more to give: orders whose buyers are
        under way must not keep out customers, nor customers whose batches are all out the orders of those before them.
        `unread`: topics that are not read to their end."""
        found = {topic for topic, waiting in self._topics.items() if waiting > most}
        return found if unread - found else set()

    def __contains__(self, key: str) -> bool:
        return key in self._lanes

    def add(self, record: Record) -> None:
        """Put a record behind the others of its entity; a live one goes before those that come again."""
        lane = self._lanes.get(record.key)
        if lane is None:
            lane = self._lanes[record.key] = Lane(record.key)
        self._counts((record,), 1)
        if not record.run and lane.queue and lane.queue[-1].run:
            self._pass_by(lane, record)
            return
        lane.queue.append(record)
        if len(lane.queue) == 1:
            self._offer(lane)

    def _pass_by(self, lane: Lane, record: Record) -> None:
        place = len(lane.queue)
        while place and lane.queue[place - 1].run:
            place -= 1
        self._withdraw(lane)
        lane.queue.insert(place, record)
        self._offer(lane)

    def add_first(self, record: Record) -> None:
        """Put a record from the shelf before what arrived, but behind what runs and what came from there earlier."""
        lane = self._lanes.get(record.key)
        if lane is None or not lane.queue:
            self.add(record)
            return
        place = max((n for n, waiting in enumerate(lane.queue, 1) if waiting.shelf), default=0)
        self._withdraw(lane)
        lane.queue.insert(place, record)
        self._counts((record,), 1)
        self._offer(lane)

    def holds(self, key: str, topic: str) -> bool:
        """Does a record of this topic wait in the lane of this entity?"""
        lane = self._lanes.get(key)
        return lane is not None and any(record.topic == topic for record in lane.queue)

    def kinds(self) -> list[Kind]:
        """The kinds that have ready lanes now."""
        return list(self._ready)

    def ready(self, kind: Kind) -> int:
        """How many lanes could start with a record of this kind."""
        return len(self._ready.get(kind, ()))

    def take(self, kind: Kind, most: int) -> list[tuple[Record, ...]]:
        """Start up to `most` lanes of the kind; each gives one record, or several that fold."""
        ready = self._ready.get(kind, {})
        works = []
        for key in list(_first(ready, most)):
            lane = ready.pop(key)
            lane.busy = True
            works.append(self._head(lane, kind))
        if not ready:
            self._ready.pop(kind, None)
        return works

    def _head(self, lane: Lane, kind: Kind) -> tuple[Record, ...]:
        records = [lane.queue.pop(0)]
        fold = self._folds(kind) and not records[0].alone
        while fold and lane.queue and lane.kind == kind and not lane.queue[0].alone and len(records) < MOST_FOLDED:
            records.append(lane.queue.pop(0))
        self._counts(records, -1)
        return tuple(records)

    def done(self, key: str) -> None:
        """What ran in this lane is finished; the next may go."""
        lane = self._lanes[key]
        lane.busy = False
        self._offer(lane)

    def back(self, records: Iterable[Record], until: float = 0.0) -> None:
        """What ran comes back to the head of its lane, which rests until then (monotonic seconds)."""
        records = list(records)
        lane = self._lanes[records[0].key]
        lane.queue[:0] = records
        self._counts(records, 1)
        lane.busy = False
        lane.rest = until
        self._offer(lane)

    def first(self) -> Iterator[Record]:
        """The first record of every lane in which any waits."""
        return (lane.queue[0] for lane in self._lanes.values() if lane.queue)

    def wake(self, now: float) -> None:
        """Rested lanes become ready."""
        while self._resting and self._resting[0][0] <= now:
            _, _, lane = heapq.heappop(self._resting)
            if lane.rest <= now and not lane.busy and self._lanes.get(lane.key) is lane:
                lane.rest = 0.0
                self._offer(lane)

    def next_wake(self) -> float | None:
        """When the next lane has rested (monotonic seconds)."""
        return self._resting[0][0] if self._resting else None

    def drop(self, gone: Callable[[Record], bool]) -> None:
        """Forget the waiting records that are no longer ours."""
        for lane in list(self._lanes.values()):
            kept = [record for record in lane.queue if not gone(record)]
            if len(kept) == len(lane.queue):
                continue
            self._withdraw(lane)
            self._counts(lane.queue, -1)
            lane.queue = kept
            self._counts(kept, 1)
            if not lane.busy:
                self._offer(lane)

    def heads(self, connection: str, most: int) -> Iterator[tuple[Record, ...]]:
        """Take ready lanes of one connection, whatever their kind, for the shelf."""
        for kind in self.kinds():
            if kind.connection == connection:
                yield from self.take(kind, most)

    def _offer(self, lane: Lane) -> None:
        if not lane.queue:
            if not lane.busy:
                del self._lanes[lane.key]
        elif lane.rest:
            self._naps += 1
            heapq.heappush(self._resting, (lane.rest, self._naps, lane))
        elif not lane.busy:
            self._ready.setdefault(lane.kind, {})[lane.key] = lane

    def _withdraw(self, lane: Lane) -> None:
        if lane.busy or not lane.queue:
            return
        lanes = self._ready.get(lane.kind)
        if lanes and lanes.pop(lane.key, None) and not lanes:
            del self._ready[lane.kind]


def _first(lanes: dict[str, Lane], most: int) -> Iterator[str]:
    for count, key in enumerate(lanes):
        if count == most:
            return
        yield key
