"""Put ready lanes to work, and say of each record what its plan's outcome means for it."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from consumers.engine.books import Books
from consumers.engine.breaker import Away
from consumers.engine.item import Record
from consumers.engine.lanes import Kind, Lanes
from consumers.engine.limits import Limits
from consumers.engine.live import PROBE_SECONDS, Live
from consumers.engine.outcome import (
    Deferred, Delivered, Misconfigured, Outcome, Rejected, RetryLater, Skipped, Superseded, Unchanged,
)
from consumers.engine.quick import unchanged
from consumers.engine.rim import Rim, Trip
from consumers.engine.sink import Route, Sink, Work
from consumers.engine.slot import Slot
from schemas.codec import Poison, UnknownSchema
from tillstream.clock import Clock

log = structlog.get_logger()

LONGEST_LANE_REST = timedelta(minutes=5)
SHORTEST_SHELF = timedelta(minutes=1)
AT_ONCE = 500
UNKNOWN_SCHEMA_PATIENCE = 10


@dataclass(slots=True, eq=False)
class Job:
    """A running plan and the records it carries."""

    kind: Kind
    live: Live
    works: list[tuple[Record, ...]]
    bulk: bool
    trip: Trip = field(default_factory=Trip)
    task: asyncio.Task[None] | None = None

    @property
    def slots(self) -> set[Slot]:
        return {work[0].slot for work in self.works}


class Crew:
    """The plans that run, and the lanes that wait for them. Lives in one event loop."""

    def __init__(self, sink: Sink, lives: Mapping[str, Live], books: Books, rim: Rim, clock: Clock, limits: Limits,
                 settled: Callable[[], Awaitable[None]]) -> None:
        """`settled` returns once everything noted so far is committed."""
        self._sink, self.lives, self._books, self._rim = sink, dict(lives), books, rim
        self._clock, self._limits, self._settled = clock, limits, settled
        self._routes = {(route.topic, route.part): route for route in sink.routes}
        self.lanes = Lanes(lambda kind: self._routes[kind.topic, kind.part].kind == "state" and not kind.part)
        self.jobs: set[Job] = set()
        self._bulks: Counter[Kind] = Counter()
        self._in_flight: Counter[tuple[str, str, str]] = Counter()
        self._takeovers: dict[str, asyncio.Task[None]] = {}
        self.unsettled = 0
        self.failure: BaseException | None = None
        self.stopping = False
        self._going: set[Slot] = set()

    # -- records come in ------------------------------------------------------------------------------------------

    def accept(self, record: Record) -> None:
        """A record has arrived: pass over it at once where nothing is new, else queue it in its lane."""
        said = self._at_the_door(record)
        if said is not None:
            self._books.finish(record, said)
        else:
            self.lanes.add(record)

    def _at_the_door(self, record: Record) -> Skipped | Rejected | Unchanged | None:
        live = self.lives.get(record.connection)
        if live is None:
            return Skipped("no_account")
        route = self._routes.get((record.topic, record.part))
        if route is None:
            return Rejected("unknown_part", f"no route for {record.topic} {record.part}")
        if route.kind == "fact" and not record.ours and record.timestamp / 1000 < record.slot.start_of(live.name, live.first_start):
            return Skipped("before_start")
        if record.key in self.lanes:
            return None
        return unchanged(record, route, live.account.version)

    def accept_first(self, records: Sequence[Record]) -> None:
        """Records from the shelf go before what arrived after them."""
        for record in records:
            self.lanes.add_first(record)

    # -- lanes start ----------------------------------------------------------------------------------------------

    def dispatch(self) -> None:
        """Start whatever may start now."""
        progress = not self.stopping
        while progress and self.unsettled + len(self.jobs) < self._limits.unsettled:
            progress = False
            for kind in self.lanes.kinds():
                if self._in_flight[kind[:3]] < self._limits.in_flight and self.unsettled + len(self.jobs) < self._limits.unsettled:
                    progress |= self._start(kind)

    def _start(self, kind: Kind) -> bool:
        live, route = self.lives[kind.connection], self._routes[kind.topic, kind.part]
        may = 0 if kind.connection in self._takeovers else live.may_start
        if not may or (route.low and self._busier(kind)):
            return False
        bulk = bool(kind.job) or (route.batch > 1 and self.lanes.ready(kind) >= route.bulk_from)
        if bulk and self._bulks[kind] >= route.concurrent:
            return False
        works = self._fit(self._staying(self.lanes.take(kind, min(route.batch if bulk else 1, may))), route, live)
        if works:
            self._launch(Job(kind, live, works, bulk), route)
        return True

    def _staying(self, taken: list[tuple[Record, ...]]) -> list[tuple[Record, ...]]:
        """Those works whose partition is not about to go; the new owner reads the others."""
        for work in taken:
            if work[0].slot in self._going:
                self.lanes.done(work[0].key)
        return [work for work in taken if work[0].slot not in self._going]

    def _busier(self, kind: Kind) -> bool:
        """Does anything else of this connection wait or run?"""
        others = (k for k in [*self.lanes.kinds(), *(job.kind for job in self.jobs)] if k.connection == kind.connection)
        return any(not self._routes[k.topic, k.part].low for k in others)

    def _fit(self, taken: list[tuple[Record, ...]], route: Route, live: Live) -> list[tuple[Record, ...]]:
        """Those works that need a plan; the others get their outcome here."""
        fit = []
        for work in taken:
            outcome = self._before_plan(work, route, live)
            if outcome is None:
                fit.append(work)
            else:
                self._conclude(live, work, outcome)
        return fit

    def _before_plan(self, work: tuple[Record, ...], route: Route, live: Live) -> Outcome | None:
        head = work[0]
        behind = head.slot.shelf.waits_before(head, same_object=route.kind == "fact")
        if behind is not None:
            return behind
        if len(work) == 1 and (said := unchanged(head, route, live.account.version)):
            return said
        try:
            for record in work:
                record.record  # noqa: B018  # decoded here, where bytes that cannot be read are an outcome
        except Poison as poison:
            return Rejected("poison", f"{poison.reason}; the value begins with {record.value[:16].hex()}")
        except UnknownSchema as unknown:
            if head.attempts < UNKNOWN_SCHEMA_PATIENCE:
                return RetryLater(timedelta(seconds=5), "unknown_schema")
            return Rejected("unknown_schema", str(unknown))
        return None

    def _launch(self, job: Job, route: Route) -> None:
        live = job.live
        live.probing = bool(live.stopped)
        self.jobs.add(job)
        self._in_flight[job.kind[:3]] += 1
        self._bulks[job.kind] += job.bulk
        plan = route.plan(live.account, [Work(work) for work in job.works])

        async def note(name: str) -> None:
            for slot in job.slots:
                slot.note_job(name, [r for work in job.works for r in work if r.slot is slot])
            await self._settled()

        async def run() -> None:
            try:
                outcomes = await self._rim.drive(live, plan, job.trip, note)
            except Away:
                outcomes = [Deferred("away", wakes=f"connection/{live.name}")] * len(job.works)
            for work, outcome in zip(job.works, outcomes, strict=True):
                self._conclude(live, work, outcome)
            if job.trip.job:
                for slot in job.slots:
                    slot.forget_job(job.trip.job)

        job.task = asyncio.get_running_loop().create_task(run())
        job.task.add_done_callback(lambda task: self._ended(job, task))

    def _ended(self, job: Job, task: asyncio.Task[None]) -> None:
        self.jobs.discard(job)
        self._bulks[job.kind] -= job.bulk
        self._in_flight[job.kind[:3]] -= 1
        self.unsettled += 1
        if task.cancelled():
            self._given_up(job)
        elif task.exception() is not None:
            self.failure = self.failure or task.exception()
        self.dispatch()

    def _given_up(self, job: Job) -> None:
        """A plan was given up because some of its partitions go; those that stay resume where it stood."""
        for work in job.works:
            if not work[0].slot.alive:
                self.lanes.done(work[0].key)
                continue
            for record in work:
                record.job = job.trip.job
            self.lanes.back(work)

    # -- outcomes -------------------------------------------------------------------------------------------------

    def _conclude(self, live: Live, work: tuple[Record, ...], outcome: Outcome) -> None:
        """What a work's outcome means for its records, its lane and its connection."""
        if not work[0].slot.alive:
            self.lanes.done(work[0].key)
            return
        if not isinstance(outcome, Misconfigured | RetryLater | Deferred) and live.resume():
            log.warning("connection goes on", group=self._sink.name, connection=live.name)
        match outcome:
            case Misconfigured(reason=reason):
                self._stopped(live, work, reason)
            case RetryLater():
                self._later(work, outcome)
            case Deferred():
                self._shelve(work, outcome)
            case Rejected() if len(work) > 1:
                for record in work:
                    record.alone = True
                self.lanes.back(work)
            case _:
                for record in work[:-1]:
                    self._books.finish(record, Superseded())
                self._books.finish(work[-1], outcome)
                self.lanes.done(work[0].key)

    def _shelve(self, work: tuple[Record, ...], outcome: Deferred) -> None:
        for record in work[:-1]:
            if outcome.part:
                self._books.finish(record, Superseded())
            else:
                self._books.shelve(record, Deferred(outcome.why, outcome.until, outcome.wakes))
        self._books.shelve(work[-1], outcome)
        self.lanes.done(work[0].key)

    def _later(self, work: tuple[Record, ...], outcome: RetryLater) -> None:
        now = self._books.now()
        for record in work:
            record.attempts += 1
            record.first_failed = record.first_failed or now.isoformat()
            record.alone = record.alone or record.attempts > 2
        if now - datetime.fromisoformat(work[0].first_failed) > self._limits.exhausted_after and not work[0].alone:
            work[0].alone = True
        if now - datetime.fromisoformat(work[0].first_failed) > self._limits.exhausted_after:
            self._conclude(self.lives[work[0].connection], work, Rejected("exhausted", outcome.reason))
            return
        rest = min(outcome.after * 2 ** min(work[0].attempts - 1, 8), LONGEST_LANE_REST) * random.uniform(0.5, 1.0)  # noqa: S311
        if rest > SHORTEST_SHELF:
            self._shelve(work, Deferred(outcome.reason, until=now + rest))
        else:
            self.lanes.back(work, self._clock.monotonic() + rest.total_seconds())

    def _stopped(self, live: Live, work: tuple[Record, ...], reason: str) -> None:
        if live.stop(reason):
            log.error("connection stopped", group=self._sink.name, connection=live.name, why=reason)
        if self._others_flow(live):
            self._shelve(work, Deferred("stopped", wakes=f"connection/{live.name}"))
        else:
            self.lanes.back(work)

    def _others_flow(self, live: Live) -> bool:
        return any(not other.unwell for other in self.lives.values() if other is not live)

    # -- the long view --------------------------------------------------------------------------------------------

    def housekeep(self, slots: Iterable[Slot]) -> None:
        """Once a turn: wake what has rested, shelve what its connection holds up, let stopped connections try again."""
        self.lanes.wake(self._clock.monotonic())
        room = self._limits.in_memory // 2 - self.lanes.waiting
        now = self._books.now()
        for slot in slots:
            if room > 0:
                due = slot.shelf.due(slot, self._books.codec, now, min(room, AT_ONCE))
                self.accept_first(due)
                room -= len(due)
        unwell = {live.name: ("stopped" if live.stopped else "away", live.unwell) for live in self.lives.values() if live.unwell}
        for slot in slots:
            slot.note_unwell(unwell, now.isoformat())
        for live in self.lives.values():
            if live.unwell:
                self._wait_out(live, slots)
            elif room > 0 and not live.breaker.state:
                room -= self._wake(live, slots, min(room, AT_ONCE))

    def _wake(self, live: Live, slots: Iterable[Slot], most: int) -> int:
        woken = 0
        for slot in slots:
            if slot.shelf.size and woken < most:
                records = slot.shelf.woken(slot, self._books.codec, f"connection/{live.name}", most - woken)
                self.accept_first(records)
                woken += len(records)
        return woken

    def _wait_out(self, live: Live, slots: Iterable[Slot]) -> None:
        if live.probe_at <= self._clock.monotonic() and not live.probing:
            live.refresh()
            live.breaker.readmit()
            if not self.lanes_of(live) and not self._wake(live, slots, 1) or not live.stopped:
                live.probe_at = self._clock.monotonic() + PROBE_SECONDS
        elif self._others_flow(live):
            if not live.stopped:
                live.breaker.evict()
            for work in self.lanes.heads(live.name, AT_ONCE):
                self._shelve(work, Deferred("stopped" if live.stopped else "away", wakes=f"connection/{live.name}"))

    def startable(self) -> bool:
        """Would a lane start if there were room? (Lanes of a stopped connection would not; resting ones will.)"""
        if self.lanes.next_wake() is not None or self._takeovers:
            return True
        return any(not self.lives[kind.connection].stopped for kind in self.lanes.kinds())

    def lanes_of(self, live: Live) -> int:
        """How many lanes of a connection are ready."""
        return sum(self.lanes.ready(kind) for kind in self.lanes.kinds() if kind.connection == live.name)

    # -- hand-over ------------------------------------------------------------------------------------------------

    def take_over(self) -> None:
        """A partition was left in disorder: each platform's unfinished work comes to its end before ours begins."""
        if self._sink.takeover is None:
            return
        for name, live in self.lives.items():
            if name not in self._takeovers:
                self._takeovers[name] = asyncio.get_running_loop().create_task(self._wait_for_former(name, live))

    async def _wait_for_former(self, name: str, live: Live) -> None:
        try:
            assert self._sink.takeover is not None  # noqa: S101  # checked by the only caller
            await self._rim.drive(live, self._sink.takeover(live.account), Trip(), _nothing)
        except Away:
            log.warning("the platform is away; what a former worker left there is not known", connection=name)
        finally:
            del self._takeovers[name]
            self.dispatch()

    async def release(self, slots: set[Slot], seconds: float) -> bool:
        """Bring the plans of these slots to an end: wait for what is under way, give up what is not. True: all ended.

        Nothing of these slots is settled by later answers, nor started from now on.
        """
        concerned = [job for job in self.jobs if job.slots & slots]
        for job in concerned:
            if job.task and job.trip.harmless:
                job.task.cancel()
        self._going |= slots
        self.lanes.drop(lambda record: record.slot in slots)
        late = await self._outlast([job.task for job in concerned if job.task], seconds)
        for slot in slots:
            slot.alive = False
        self._going -= slots
        self.lanes.drop(lambda record: not record.slot.alive)
        if late:
            log.warning("calls were abandoned; their records are repeated by the next owner", group=self._sink.name, plans=late)
        return not late

    async def _outlast(self, tasks: list[asyncio.Task[None]], seconds: float) -> int:
        if not tasks:
            return 0
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
        return len(late)

    def settled(self, plans: int) -> None:
        """So many of the finished plans are committed."""
        self.unsettled -= plans


async def _nothing(_: str) -> None:
    return None
