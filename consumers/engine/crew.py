"""Put ready lanes to work, and say of each record what its plan's outcome means for it."""

from __future__ import annotations

import asyncio
import math
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from consumers.engine.books import Books
from consumers.engine.breaker import Away
from consumers.engine.erasure import NOT_ASKED, is_order, obey, without_erased
from consumers.engine.item import Record
from consumers.engine.jobs import Job, outlast, write_down
from consumers.engine.keeper import Keeper
from consumers.engine.lanes import Kind, Lanes, kind_of
from consumers.engine.limits import Limits
from consumers.engine.live import Live
from consumers.engine.outcome import (
    Deferred,
    Delivered,
    Misconfigured,
    Outcome,
    Rejected,
    RetryLater,
    Skipped,
    Superseded,
    Unchanged,
)
from consumers.engine.quick import unchanged
from consumers.engine.rim import Rim, Trip
from consumers.engine.sink import After, Route, Sink, Work
from consumers.engine.slot import Slot
from consumers.engine.takeover import Takeovers
from consumers.engine.wire import Plan, Remember, Started
from schemas.codec import Poison, UnknownSchema
from tillstream.clock import Clock

log = structlog.get_logger()

LONGEST_LANE_REST = timedelta(minutes=5)
SHORTEST_SHELF = timedelta(minutes=1)
UNKNOWN_SCHEMA_PATIENCE = 10
WELL = (Delivered, Unchanged, Superseded, Skipped)


class Crew:
    """The plans that run, and the lanes that wait for them. Lives in one event loop."""

    def __init__(
        self,
        sink: Sink,
        lives: Mapping[str, Live],
        books: Books,
        *,
        rim: Rim,
        clock: Clock,
        limits: Limits,
        settled: Callable[[], Awaitable[None]],
    ) -> None:
        """`settled` returns once everything noted so far is committed."""
        self._sink, self.lives, self._books, self._rim = sink, dict(lives), books, rim
        self._clock, self._limits, self._settled = clock, limits, settled
        self._routes = {(route.topic, route.part): route for route in (NOT_ASKED, *sink.routes)}
        self.lanes = Lanes(lambda kind: self._routes[kind.topic, kind.part].kind == "state" and not kind.part)
        self.jobs: set[Job] = set()
        self._bulks: Counter[Kind] = Counter()
        self._in_flight: Counter[tuple[str, str, str, str]] = Counter()
        self._said_yes: dict[tuple[str, str, str], datetime] = {}
        self._stopped_by: dict[str, Kind] = {}
        self._takeovers = Takeovers(sink, self.lives, rim, self._go_on, self._fail)
        self._keeper = Keeper(self, self.lanes, lives=self.lives, books=books, clock=clock, most=limits.in_memory)
        self.unsettled = 0
        self.failure: BaseException | None = None
        self.stopping = False
        self.held = False  # until the state says of every partition that it is in use, and a replay's recall is known
        self._going: set[Slot] = set()

    # -- records come in ------------------------------------------------------------------------------------------

    def accept(self, record: Record) -> None:
        """A record has arrived: pass over it at once where nothing is new, else queue it in its lane."""
        if is_order(record):
            obey(record, self._books)
        said = self._at_the_door(record)
        if said is not None:
            self._books.finish(record, said)
        else:
            self.lanes.add(record)

    def accept_again(self, record: Record) -> None:
        """A record from the shelf goes before what arrived after it."""
        said = self._nowhere_to_go(record)
        if said is not None:
            self._books.finish(record, said)
        else:
            self.lanes.add_first(record)

    def call_off(self, run: str) -> None:
        """What waits of a replay is passed over; what is under way comes to its end."""
        found: list[Record] = []
        self.lanes.drop(lambda record: record.run == run and not found.append(record))  # type: ignore[func-returns-value]
        for record in found:
            self._books.finish(record, Skipped("replay_cancelled"))

    def _nowhere_to_go(self, record: Record) -> Skipped | Rejected | None:
        if record.connection not in self.lives:
            return Skipped("no_account")
        if (record.topic, record.part) not in self._routes:
            return Rejected("unknown_part", f"no route for {record.topic} {record.part}")
        return None

    def _at_the_door(self, record: Record) -> Skipped | Rejected | Unchanged | None:
        if (said := self._nowhere_to_go(record)) is not None:
            return said
        live, route = self.lives[record.connection], self._routes[record.topic, record.part]
        if (
            route.kind == "fact"
            and not record.ours
            and record.timestamp / 1000 < record.slot.start_of(live.name, live.first_start)
        ):
            return Skipped("before_start")
        if record.key in self.lanes:
            return None
        return unchanged(record, route, live.account.version)

    # -- lanes start ----------------------------------------------------------------------------------------------

    def dispatch(self) -> None:
        """Start whatever may start now."""
        progress = not self.stopping and not self.held
        while progress and self.unsettled + len(self.jobs) < self._limits.unsettled:
            progress = False
            for kind in self.lanes.kinds():
                if (
                    self._in_flight[kind.stream] < self._limits.in_flight * kind.share
                    and self.unsettled + len(self.jobs) < self._limits.unsettled
                ):
                    progress |= self._start(kind)

    def _start(self, kind: Kind) -> bool:
        live, route = self.lives[kind.connection], self._routes[kind.topic, kind.part]
        may = 0 if kind.connection in self._takeovers else live.may_start
        if not may or not self._its_turn(kind, route, live):
            return False
        bulk = bool(kind.job) or (route.batch > 1 and self.lanes.ready(kind) >= route.bulk_from)
        if bulk and self._bulks[kind] >= route.concurrent * kind.share:
            return False
        works = self._fit(self._staying(self.lanes.take(kind, min(route.batch if bulk else 1, may))), route, live)
        if works:
            self._launch(Job(kind, live, works, bulk, Trip(kind.job, kind.share), bool(live.stopped)), route)
        return True

    def _its_turn(self, kind: Kind, route: Route, live: Live) -> bool:
        """A low one waits for the others; of a stopped connection only a probe goes, whichever route it takes."""
        if live.stopped:
            return self._may_probe(kind)
        return not (route.low and self._busier(kind))

    def _may_probe(self, kind: Kind) -> bool:
        """What stopped a connection is what tells whether it may go on: another route may need no right that misses.

        A low one, too, though others wait: they wait for it.
        """
        cause = self._stopped_by.get(kind.connection)
        return kind == cause or cause not in self.lanes.kinds()

    def _staying(self, taken: list[tuple[Record, ...]]) -> list[tuple[Record, ...]]:
        """Those works whose partition is not about to go; the new owner reads the others."""
        for work in taken:
            if work[0].slot in self._going:
                self.lanes.done(work[0].key)
        return [work for work in taken if work[0].slot not in self._going]

    def _busier(self, kind: Kind) -> bool:
        """Has this connection something else to do? Plans that a quota holds up do not count, nor what waits behind."""
        running = [job for job in self.jobs if self._outranks(job.kind, kind)]
        if running:
            return not all(job.trip.held for job in running)
        return any(self._outranks(other, kind) for other in self.lanes.kinds())

    def _outranks(self, other: Kind, low: Kind) -> bool:
        return other.connection == low.connection and not other.run and not self._routes[other.topic, other.part].low

    def _fit(self, taken: list[tuple[Record, ...]], route: Route, live: Live) -> list[tuple[Record, ...]]:
        """Those works that need a plan; the others get their outcome here."""
        fit = []
        for whole in taken:
            work = without_erased(whole, self._books)
            if not work:
                self.lanes.done(whole[0].key)
                continue
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
        if (after := route.after) and self._comes_first(after, head):
            return Deferred(f"{after.topic}_first", wakes=f"read/{after.topic}")
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

    def _comes_first(self, after: After, head: Record) -> bool:
        """May a record that makes this one's key known be on its way still?"""
        if head.known(after.part) is not None:
            return False
        return after.topic not in head.slot.ends or self.lanes.holds(head.key, after.topic)

    def _launch(self, job: Job, route: Route) -> None:
        job.live.probing = job.live.probing or job.probe
        self.jobs.add(job)
        self._in_flight[job.kind.stream] += 1
        self._bulks[job.kind] += job.bulk
        plan = route.plan(job.live.account, [Work(work) for work in job.works])
        job.task = asyncio.get_running_loop().create_task(self._run(job, plan))
        job.task.add_done_callback(lambda task: self._ended(job, task))

    async def _run(self, job: Job, plan: Plan[Sequence[Outcome]]) -> None:
        async def note(told: Started | Remember) -> None:
            write_down(job, told)
            if job.slots & self._going:  # no settlement comes before the last one, which tells an heir of it
                raise asyncio.CancelledError
            await self._settled()

        try:
            outcomes = await self._rim.drive(job.live, plan, job.trip, note)
        except Away:
            outcomes = [Deferred("away", wakes=f"connection/{job.live.name}")] * len(job.works)
        self._heed(job, outcomes)
        jitter = random.uniform(0.5, 1.0)  # noqa: S311  # it is no secret
        for work, outcome in zip(job.works, outcomes, strict=True):
            self._conclude(job.live, work, outcome, jitter)
        self._forget_jobs(job)

    def _heed(self, job: Job, outcomes: Sequence[Outcome]) -> None:
        """What the outcomes say of the connection: a probe that the platform took means that it may go on."""
        if any(isinstance(outcome, Delivered) for outcome in outcomes):
            self._said_yes[job.kind[:3]] = self._books.now()
        refused = any(isinstance(outcome, Misconfigured) for outcome in outcomes)
        if job.probe and job.trip.acted and not refused and job.live.resume():
            log.warning("connection goes on", group=self._sink.name, connection=job.live.name)
        job.told = job.trip.acted or not all(isinstance(outcome, WELL) for outcome in outcomes)

    def _forget_jobs(self, job: Job) -> None:
        for slot in job.slots:
            if job.trip.job != job.kind.job:
                slot.forget_job(job.trip.job)
            slot.prune_jobs()

    def _ended(self, job: Job, task: asyncio.Task[None]) -> None:
        self.jobs.discard(job)
        self._bulks[job.kind] -= job.bulk
        self._in_flight[job.kind.stream] -= 1
        self.unsettled += 1
        if job.probe:
            job.live.probe_ended(told=job.told)
        if task.cancelled():
            self._given_up(job)
        elif (error := task.exception()) is not None:
            self._fail(error)
        self._go_on()

    def _go_on(self) -> None:
        """Start what there is room for now. Nobody waits for this call, so what it raises is told by `failure`."""
        try:
            self.dispatch()
        except Exception as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        self.failure = self.failure or error

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

    def _conclude(self, live: Live, work: tuple[Record, ...], outcome: Outcome, jitter: float = 1.0) -> None:
        """What a work's outcome means for its records, its lane and its connection."""
        if not work[0].slot.alive:
            self.lanes.done(work[0].key)
            return
        match outcome:
            case Misconfigured():
                self._stopped(live, work, outcome)
            case RetryLater() if self._exhausted(live, work[0]):
                self._conclude(live, work, Rejected("exhausted", outcome.reason))
            case RetryLater():
                self._later(work, outcome, jitter)
            case Deferred():
                self.shelve(work, outcome)
            case Rejected() if len(work) > 1:
                for record in work:
                    record.alone = True
                self.lanes.back(work)
            case _:
                for record in work[:-1]:
                    self._books.finish(record, Superseded())
                self._books.finish(work[-1], outcome)
                self.lanes.done(work[0].key)

    def shelve(self, work: tuple[Record, ...], outcome: Deferred) -> None:
        for record in work[:-1]:
            if outcome.part:
                self._books.finish(record, Superseded())
            else:
                self._books.shelve(record, replace(outcome, remember={}))
        self._books.shelve(work[-1], outcome)
        self.lanes.done(work[0].key)

    def _exhausted(self, live: Live, record: Record) -> bool:
        """Refused for so long, while the platform took others of its kind?"""
        if not record.first_failed or live.breaker.state:
            return False
        since = datetime.fromisoformat(record.first_failed)
        said_yes = self._said_yes.get((record.connection, record.topic, record.part))
        return self._books.now() - since > self._limits.exhausted_after and said_yes is not None and said_yes > since

    def _later(self, work: tuple[Record, ...], outcome: RetryLater, jitter: float) -> None:
        """Lanes that were refused together rest together: one by one they would find only the single-record calls."""
        now = self._books.now()
        for record in work:
            record.attempts += 1
            record.first_failed = record.first_failed or now.isoformat()
            record.alone = record.alone or record.attempts > 2
        longest = min(outcome.after * 2 ** min(work[0].attempts - 1, 8), LONGEST_LANE_REST)
        rest = longest * jitter
        if rest > SHORTEST_SHELF:
            self.shelve(work, Deferred("refused", until=now + rest, told=outcome.reason))
        else:
            self.lanes.back(work, math.ceil(self._clock.monotonic() + rest.total_seconds()))

    def _stopped(self, live: Live, work: tuple[Record, ...], outcome: Misconfigured) -> None:
        if live.stop(outcome):
            self._stopped_by[live.name] = kind_of(work[0])
            log.error("connection stopped", group=self._sink.name, connection=live.name, why=outcome.reason)
        if self._keeper.others_flow(live):
            self.shelve(work, Deferred("stopped", wakes=f"connection/{live.name}"))
        else:
            self.lanes.back(work)

    def housekeep(self, slots: Collection[Slot]) -> None:
        """Once a turn: wake what has rested or waited, put away what cannot go now."""
        self._keeper.look(slots)

    def startable(self) -> bool:
        """Would a lane start if there were room? (Lanes of a stopped connection would not; resting ones will.)"""
        if self.lanes.next_wake() is not None or self._takeovers:
            return True
        return any(not self.lives[kind.connection].stopped for kind in self.lanes.kinds())

    # -- hand-over ------------------------------------------------------------------------------------------------

    def take_over(self) -> None:
        """A partition was left in disorder: each platform's unfinished work comes to its end before ours begins."""
        self._takeovers.begin()

    async def release(self, slots: set[Slot], seconds: float) -> bool:
        """Bring the plans of these slots to an end: wait for what is under way, give up what is not. True: all ended.

        Nothing of these slots is settled by later answers, nor started from now on.
        """
        concerned = [job for job in self.jobs if job.slots & slots]
        self._going |= slots
        self.lanes.drop(lambda record: record.slot in slots)
        late = await outlast(concerned, seconds, self._clock)
        for slot in slots:
            slot.alive = False
        self._going -= slots
        self.lanes.drop(lambda record: not record.slot.alive)
        if late:
            log.warning(
                "calls were abandoned; their records are repeated by the next owner", group=self._sink.name, plans=late
            )
        return not late

    def close(self) -> None:
        """Nothing more is started."""
        self.stopping = True
        self._takeovers.end()

    def settled(self, plans: int) -> None:
        """So many of the finished plans are committed."""
        self.unsettled -= plans
