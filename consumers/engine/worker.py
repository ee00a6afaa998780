"""The one worker: it takes what arrives, lets lanes run side by side, and settles what is done."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import Counter
from collections.abc import Iterable

import structlog
from confluent_kafka import TopicPartition

from consumers.engine.aside import Aside
from consumers.engine.books import Books
from consumers.engine.broker import Arrival, GivenUp, KafkaSide, Settlement, Turn
from consumers.engine.crew import Crew
from consumers.engine.depth import Depth
from consumers.engine.item import REPLAYS, TOPIC, Record, text_of
from consumers.engine.limits import Limits
from consumers.engine.live import Pools
from consumers.engine.observe import Observer
from consumers.engine.outcome import Rejected, Skipped
from consumers.engine.post import Post
from consumers.engine.progress import Progress, due
from consumers.engine.recalls import Recalls
from consumers.engine.slot import Slot
from consumers.engine.tenure import Tenure
from consumers.engine.threads import KafkaThread, Loose, Unanswered
from consumers.engine.waits import waits
from tillstream.clock import Clock
from tillstream.kafka.partitioner import partition_of
from tillstream.kafka.publisher import Publisher

log = structlog.get_logger()

IDLE_WAIT = 0.2
BUSY_WAIT = 0.02
UNASSIGNED_SECONDS = 15.0
DEAD_SECONDS = 120.0


class Worker:
    """One member of a sink's consumer group: Kafka's thread on one side, plans on the other, settlements between.

    Everything but `KafkaSide` lives in one event loop. `turn` is called again and again; between turns plans run, and
    each that ends makes room for the next at once.
    """

    def __init__(
        self, post: Post, publisher: Publisher, *, limits: Limits, books: Books, pools: Pools, clock: Clock
    ) -> None:
        self._post, self._limits, self._books, self._pools, self._clock = post, limits, books, pools, clock
        self._loop = asyncio.get_running_loop()
        self._in_kafka_thread = KafkaThread(post.group, lambda: self._side.away if self._side else None)
        self.hurry = self._in_kafka_thread.hurry
        self._restorers = Loose(2, f"restore-{post.group}")
        self._tenure = Tenure(post, self._in_kafka_thread.executor, self._restorers, self._left_unclean)
        self._publisher = publisher
        self._side: KafkaSide | None = None
        self._crew: Crew | None = None
        self._spoke = clock.monotonic()
        self._trusted_from = 0.0
        self._changes = 0
        self._prepared = 0
        self._committed = 0
        self._news = asyncio.Event()
        self._urgent = False
        self._settled_at = 0.0
        self._began = clock.monotonic()
        self._hold_settling = False
        self._observer: Observer | None = None
        self._lag: dict[str, int] = {}
        self._progress = Progress(clock)
        self._recalls = Recalls(post.kafka, post.names, post.group, post.partitions)
        self._recalling = Aside(self._restorers, "whether a replay was cancelled", post.group)
        self._depth = Depth(post.kafka, post.names.dead_letters(post.group), post.group)
        self._sounding = Aside(self._restorers, "how many dead letters there are", post.group)

    # -- life -----------------------------------------------------------------------------------------------------

    async def start(self, crew: Crew) -> None:
        """Join the group."""
        self._crew = crew
        self._observer = Observer(self._post.group, crew, self._pools, self._clock)

        def join() -> KafkaSide:
            return KafkaSide(
                self._post.kafka,
                self._post.group,
                self._post.names.group(self._post.group),
                list(self._post.topics),
                self._publisher,
                self._give_up,
            )

        self._side = await self._in_kafka_thread(join)

    @property
    def crew(self) -> Crew:
        """Set by `start`."""
        assert self._crew is not None  # noqa: S101  # a caller's mistake, not data's
        return self._crew

    @property
    def side(self) -> KafkaSide:
        """Set by `start`."""
        assert self._side is not None  # noqa: S101
        return self._side

    @property
    def share(self) -> float:
        """The part of every quota that is ours."""
        return max(1, len(self._tenure.slots)) / self._post.partitions

    async def turn(self) -> None:
        """Settle what is done, take what arrived, start what is ready."""
        settlement = self._prepare() if self._time_to_settle() else None
        turn = await self._in_kafka_thread(self.side.turn, settlement, self._room(), self._patience(), self._too_far())
        begun = self._clock.monotonic()
        self._after(settlement, turn.settled)
        self._note_gap()
        if self.side.changes != self._changes:
            self._changes = self.side.changes
            self._pools.reassigned()
        self._tenure.follow(self.side)
        for arrival in turn.arrivals:
            self._take(arrival)
        for topic, partition, offset in turn.ends:
            self._ended(topic, partition, offset)
        known = self._recalls.known
        self._heed_recalls()
        self._count_letters()
        self.crew.housekeep(self._tenure.slots.values())
        self.crew.held = not (known and all(slot.marked for slot in self._tenure.slots.values()))
        self.crew.dispatch()
        self._observe(turn, self._clock.monotonic() - begun)
        self._progress.note(self._standing(), due=self.ready is None and due(self.crew, self._lag))
        for failure in (self.crew.failure, self._tenure.failure):
            if failure is not None:
                raise failure

    async def stop(self) -> None:
        """Drain, settle, leave the group; where Kafka does not answer, the next owner repeats what is not settled."""
        self.hurry()
        self.crew.close()
        slots = set(self._tenure.slots.values())
        drained = await self.crew.release(slots, self._limits.drain_seconds)
        with contextlib.suppress(Unanswered):
            if self._in_kafka_thread.answers and (settlement := self._gather(slots, clean=drained)) is not None:
                await self._in_kafka_thread(self.side.settle_last, settlement)
        await self._leave(slots)

    async def abandon(self) -> None:
        """Something of ours failed: settle nothing, so that whoever comes next repeats it, and leave the group."""
        self.hurry()
        self.crew.close()
        slots = set(self._tenure.slots.values())
        await self.crew.release(slots, 0.0)
        await self._leave(slots)

    async def _leave(self, slots: set[Slot]) -> None:
        self._tenure.slots.clear()
        self._tenure.close()
        for slot in slots:
            slot.state.close()
        with contextlib.suppress(Unanswered):
            await self._in_kafka_thread(self.side.close)
        await self._tenure.closed()
        self._in_kafka_thread.executor.shutdown()
        self._restorers.shutdown()

    # -- settlement -----------------------------------------------------------------------------------------------

    def _time_to_settle(self) -> bool:
        """Now and then, at once when a plan waits for it, and when so much is unsettled that new plans would wait."""
        if self._hold_settling:
            return False
        pressed = (
            self._urgent
            or not self.crew.jobs
            or self.crew.unsettled + len(self.crew.jobs) > self._limits.unsettled // 2
        )
        return pressed or self._clock.monotonic() - self._settled_at >= self._limits.settle_seconds

    def _prepare(self) -> Settlement | None:
        """Everything there is to write, as one transaction."""
        settlement = self._gather(self._tenure.slots.values(), clean=False)
        if settlement is None:
            self.crew.settled(self.crew.unsettled)  # what these plans did asks for no writing
        return settlement

    def _gather(self, slots: Iterable[Slot], *, clean: bool) -> Settlement | None:
        """What these slots have to write. `clean`: nothing of theirs is under way any more."""
        self._prepared, self._urgent = self._prepared + 1, False
        settlement = Settlement(uuid.uuid4().hex, self._prepared, self.crew.unsettled)
        for slot in list(slots):
            if slot.dirty or clean:
                self._enter(settlement, slot, clean=clean)
        return settlement if settlement.slots else None

    def _enter(self, settlement: Settlement, slot: Slot, *, clean: bool) -> None:
        if not slot.marked:  # what comes while nobody runs comes after the first start
            for live in self.crew.lives.values():
                slot.start_of(live.name, live.first_start)
        slot.write_books(self._post.group)
        slot.write_positions(settlement.mark, clean=clean)
        changes = slot.state.changes()
        messages, slot.outbox, slot.unsettled = slot.outbox, [], 0
        settlement.slots.append(slot)
        settlement.handed.append((slot, messages))
        settlement.messages += messages
        settlement.messages += changes[:-1]
        ends = settlement.written  # the settlement itself would be a circle that keeps its messages
        settlement.messages.append(changes[-1]._replace(written=lambda offset: ends.update({slot.number: offset + 1})))
        settlement.offsets += [
            TopicPartition(full, slot.number, slot.positions[bare].committed)
            for full, bare in self._post.topics.items()
        ]

    def _after(self, settlement: Settlement | None, settled: bool) -> None:
        if settlement is None:
            self._hold_settling = False
            return
        if settled:
            self.crew.settled(settlement.plans)
            for slot in settlement.slots:
                slot.marked = True
            self._committed, self._settled_at = settlement.number, self._clock.monotonic()
            self._news.set()
            return
        self._hold_settling = True
        for slot, messages in settlement.handed:
            slot.state.withdrawn()
            slot.outbox[:0] = messages
            slot.unsettled += 1

    async def settled(self) -> None:
        """Return once everything noted so far is committed."""
        number = self._prepared + 1
        while self._committed < number:
            self._urgent = True
            self._news.clear()
            await self._news.wait()

    # -- arrivals -------------------------------------------------------------------------------------------------

    def _take(self, arrival: Arrival) -> None:
        slot = self._tenure.slots.get(arrival.partition)
        if slot is None:
            return
        source = self._post.topics[arrival.topic]
        slot.ends.discard(source)
        if not slot.positions[source].take(arrival.offset):
            return
        headers = {name: value or b"" for name, value in arrival.headers}
        key, readable = text_of(arrival.key or b"")
        topic = headers.get(TOPIC, b"").decode("ascii", "replace") if source == REPLAYS else source
        record = Record(
            slot,
            source,
            topic,
            arrival.offset,
            arrival.timestamp,
            key,
            arrival.value or b"",
            headers,
            self._books.codec,
        )
        if not readable:
            record.raw_key = arrival.key or b""
        if slot.jobs:
            record.job = slot.job_of(source, arrival.offset)
        said = self._malformed(arrival, record) or self._called_off(record)
        if said is not None:
            self._books.finish(record, said)
        else:
            self.crew.accept(record)

    def _malformed(self, arrival: Arrival, record: Record) -> Rejected | Skipped | None:
        if not arrival.key:
            return Rejected("no_key", "the record has no key, so nobody can say whose it is")
        if record.raw_key:
            return Rejected("no_key", "the record's key is no text (UTF-8), so nobody can say whose it is")
        if arrival.value is None:
            return Skipped("tombstone")
        if record.key not in self.crew.lanes and partition_of(arrival.key, self._post.partitions) != arrival.partition:
            return Rejected(
                "wrong_partition", f"its key belongs to partition {partition_of(arrival.key, self._post.partitions)}"
            )
        return None

    def _called_off(self, record: Record) -> Skipped | None:
        return Skipped("replay_cancelled") if record.run and record.run == self._recalls.cancelled else None

    def _heed_recalls(self) -> None:
        """At first, and while replayed records wait, look now and then whether somebody has called them off."""
        if self.crew.lanes.again and self._recalls.cancelled:
            self.crew.call_off(self._recalls.cancelled)
        if (self.crew.lanes.again or not self._recalls.known) and self._recalls.due:
            self._recalling.ask(self._recalls.look)

    def _count_letters(self) -> None:
        """Now and then, while no partition is being restored; told when it is counted."""
        if not self._sounding.free:
            return
        self._depth.tell(self._tenure.slots.values())
        if self._depth.due and not self._tenure.opening:
            self._sounding.ask(self._depth.look, tuple(self._tenure.slots))

    def _ended(self, topic: str, partition: int, offset: int) -> None:
        slot = self._tenure.slots.get(partition)
        if slot is None:
            return
        source = self._post.topics[topic]
        before = slot.positions[source].committed
        slot.positions[source].reached(offset)
        slot.unsettled += slot.positions[source].committed != before
        slot.ends.add(source)

    def _room(self) -> int:
        """How many records may come in one turn: there must be memory for them, and one turn must not run far ahead."""
        return min(self._limits.in_memory - self.crew.lanes.waiting, max(1, self._limits.ahead // 4))

    def _patience(self) -> float:
        busy = (
            self.crew.jobs
            or self.crew.unsettled
            or self._hold_settling
            or any(slot.dirty for slot in self._tenure.slots.values())
        )
        return BUSY_WAIT if busy or self.crew.lanes.kinds() else IDLE_WAIT

    def _too_far(self) -> set[tuple[str, int]]:
        ahead = self._limits.ahead
        names = {bare: full for full, bare in self._post.topics.items()}
        again = self.crew.lanes.again > self._limits.in_memory // 5
        slots = self._tenure.slots.values()
        unread = {source for slot in slots for source in slot.positions if source not in slot.ends}
        crowding = self.crew.lanes.crowding(unread, self._limits.in_memory // 2)
        return {
            (names[source], slot.number)
            for slot in slots
            for source, position in slot.positions.items()
            if position.ahead > ahead or (again and source == REPLAYS) or source in crowding
        }

    # -- what is still ours ---------------------------------------------------------------------------------------

    def _note_gap(self) -> None:
        """After a gap as long as the session, trust nothing before a heartbeat has had time to tell."""
        now = self._clock.monotonic()
        if now - self._spoke > self._post.timing.session:
            self._trusted_from = now + self._post.timing.heartbeat
            log.warning(
                "stood still for longer than the session", seconds=round(now - self._spoke), group=self._post.group
            )
        self._spoke = now

    async def allowed(self) -> None:
        """Return when it is certain that what we hold is still ours."""
        while (
            self._clock.monotonic() - self._spoke > self._post.timing.session
            or self._clock.monotonic() < self._trusted_from
        ):
            await self._clock.sleep(0.2)

    def _give_up(self, numbers: set[int], lost: bool) -> GivenUp:
        """Called in the Kafka thread while partitions are taken away."""
        return asyncio.run_coroutine_threadsafe(self._release(numbers, lost), self._loop).result()

    def _left_unclean(self) -> None:
        self.crew.take_over()

    async def _release(self, numbers: set[int], lost: bool) -> GivenUp:
        slots = self._tenure.leave(numbers)
        drained = await self.crew.release(slots, 0.0 if lost else self._limits.drain_seconds)
        return GivenUp(slots, None if lost or not slots else self._gather(slots, clean=drained))

    # -- seen from outside ----------------------------------------------------------------------------------------

    @property
    def ready(self) -> str | None:
        """None while Kafka answers and all partitions that we were given are open; else why not."""
        if self._side is None or self._side.away is not None:
            return self._side.away if self._side else "joining the group"
        whole = self._whole() and not self._tenure.opening
        return None if whole else "partitions are not open yet"

    def at_rest(self) -> bool:
        """Is nothing due now? (Nothing running or ready, everything settled, all read that there is room for.)"""
        idle = (
            not self.crew.jobs and not self.crew.startable() and not any(s.dirty for s in self._tenure.slots.values())
        )
        return idle and self.ready is None and self._read()

    def _read(self) -> bool:
        """Is everything read to its end, or as far as may be while what was read cannot go?"""
        if self._room() <= 0:
            return True
        far = {(self._post.topics[name], number) for name, number in self._too_far()}
        slots = self._tenure.slots.values()
        return all(source in slot.ends or (source, slot.number) in far for slot in slots for source in slot.positions)

    def waits(self) -> list[str]:
        """What waits for a time or for a person, one line each."""
        return waits(self._tenure.slots.values(), self.crew.lives.values())

    def _whole(self) -> bool:
        """Is every partition that we were given open? A member that is given none waits a while, then believes it."""
        if not self.side.held:
            return self._clock.monotonic() - self._began > UNASSIGNED_SECONDS
        return len(self._tenure.slots) == len(self.side.held)

    @property
    def alive(self) -> str | None:
        """None while turns go on, and records with them, or Kafka is away; else why to start this worker anew."""
        if self._side is None or self._side.away is not None:
            return None
        still = self._clock.monotonic() - self._spoke
        if still > DEAD_SECONDS:
            return f"no turn for {still:.0f} s"
        still = self._progress.still
        return f"records wait, and none has come on for {still:.0f} s" if still > DEAD_SECONDS else None

    def _standing(self) -> object:
        """What changes as records come on."""
        slots = self._tenure.slots.values()
        return [(position.next, position.committed) for slot in slots for position in slot.positions.values()]

    def _observe(self, turn: Turn, mapped: float) -> None:
        observer = self._observer
        assert observer is not None  # noqa: S101  # set by start
        observer.spent("settle", turn.settle_seconds)
        waited = observer.waiting_for(restoring=bool(self._tenure.opening))
        observer.spent("poll" if turn.arrivals else waited, turn.poll_seconds)
        observer.spent("map", mapped)
        slots = self._tenure.slots.values()
        lag: Counter[str] = Counter()
        for (topic, partition), high in turn.highs.items():
            slot = self._tenure.slots.get(partition)
            source = self._post.topics[topic]
            if slot is not None:
                lag[source] += max(0, high - slot.positions[source].committed)
        if turn.highs:
            self._lag = dict(lag)
        observer.look(slots, self._lag, self._books.finished)
