"""Tell the metrics how a worker is doing, once a second, and where its seconds go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from consumers.engine.crew import Crew
from consumers.engine.item import Record
from consumers.engine.live import Pools
from consumers.engine.slot import Slot
from schemas.headers import SOURCE_TIME
from tillstream import telemetry
from tillstream.clock import Clock

EVERY_SECONDS = 1.0
AGES_SECONDS = 5.0
"""Every lane is looked at for its age, which takes a while where there are many."""
STATES = ("poll", "map", "quota", "platform", "settle", "restore", "idle")
"""What a worker's second may go into."""


class Observer:
    """Reads, never changes. `spent` is told what each stretch of time was for; the rest is read from crew and slots."""

    def __init__(self, group: str, crew: Crew, pools: Pools, clock: Clock) -> None:
        self._group, self._crew, self._pools, self._clock = group, crew, pools, clock
        for state in STATES:
            telemetry.TIME_SPENT.labels(group, state)  # each is there from the start, at 0
        self._next = self._next_ages = clock.monotonic()
        self._stopped: set[tuple[str, str]] = set()
        self._shelved: set[tuple[str, str]] = set()
        self._waited: dict[str, float] = {}
        self._passed, self._pace = 0, 0.0

    def spent(self, state: str, seconds: float) -> None:
        """So many seconds went into one of `STATES`."""
        telemetry.TIME_SPENT.labels(self._group, state).inc(max(0.0, seconds))

    def waiting_for(self, *, restoring: bool) -> str:
        """What the worker waits for while no record arrives."""
        if not self._crew.jobs:
            return "restore" if restoring else "idle"
        return "platform" if any(job.trip.under_way for job in self._crew.jobs) else "quota"

    def look(self, slots: Iterable[Slot], lag: Mapping[str, int], passed: int) -> None:
        """Once a second: set every gauge. `lag`: records per topic; `passed`: records finished since the start."""
        now = self._clock.monotonic()
        if now < self._next:
            return
        self._next = now + EVERY_SECONDS
        self._pace = 0.9 * self._pace + 0.1 * (passed - self._passed)
        self._passed = passed
        self._look_at_records(lag)
        if now >= self._next_ages:
            self._next_ages = now + AGES_SECONDS
            self._look_at_ages(lag)
        self._look_at_shelf(slots)
        self._look_at_connections()

    def _look_at_records(self, lag: Mapping[str, int]) -> None:
        group = self._group
        telemetry.INFLIGHT_RECORDS.labels(group).set(sum(len(work) for job in self._crew.jobs for work in job.works))
        for topic, records in lag.items():
            telemetry.LAG_RECORDS.labels(group, topic).set(records)
        telemetry.DRAIN_ETA.labels(group).set(sum(lag.values()) / self._pace if self._pace > 0.01 else 0)

    def _look_at_ages(self, lag: Mapping[str, int]) -> None:
        """How long the oldest record is in Kafka, and how long it is, on each topic, that what waits became true."""
        oldest, first = 0, dict.fromkeys(lag, b"")
        for record in self._unfinished():
            if record.timestamp > 0 and not record.run and not 0 < oldest <= record.timestamp:
                oldest = record.timestamp
            told = record.headers.get(SOURCE_TIME, b"")
            if told and not b"" < first.get(record.source, b"") <= told:
                first[record.source] = told
        now = self._clock.now()
        age = max(0.0, now.timestamp() - oldest / 1000) if oldest else 0.0
        telemetry.OLDEST_UNFINISHED.labels(self._group).set(age)
        for topic, told in first.items():
            telemetry.LAG_SECONDS.labels(self._group, topic).set(_since(told, now))

    def _unfinished(self) -> Iterator[Record]:
        yield from (record for job in self._crew.jobs for work in job.works for record in work)
        yield from self._crew.lanes.first()

    def _look_at_shelf(self, slots: Iterable[Slot]) -> None:
        reasons: Counter[tuple[str, str]] = Counter()
        for slot in slots:
            reasons.update(slot.shelf.reasons)
        for label in self._shelved | reasons.keys():
            telemetry.SHELF_RECORDS.labels(self._group, *label).set(reasons[label])
        self._shelved |= reasons.keys()

    def _look_at_connections(self) -> None:
        stopped = {(live.name, live.cause) for live in self._crew.lives.values() if live.stopped}
        for name, reason in self._stopped | stopped:
            telemetry.STOPPED.labels(self._group, name, reason).set((name, reason) in stopped)
        self._stopped |= stopped
        for live in self._crew.lives.values():
            telemetry.BREAKER_STATE.labels(self._group, live.name).set(live.breaker.state)
            for name, endpoint in self._pools.of(live.account):
                telemetry.QUOTA_REMAINING.labels(self._group, live.name, name).set(endpoint.remaining_ratio())
                before = self._waited.get(f"{live.name}/{name}", 0.0)
                self._waited[f"{live.name}/{name}"] = endpoint.waited
                telemetry.QUOTA_WAIT.labels(self._group, live.name).inc(endpoint.waited - before)


def _since(told: bytes, now: datetime) -> float:
    """Seconds since a source time; 0 for none, and for what others wrote into our header."""
    try:
        return max(0.0, (now - datetime.fromisoformat(told.decode("ascii"))).total_seconds())
    except (ValueError, TypeError):
        return 0.0
