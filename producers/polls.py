"""Ask platforms what changed there, in rounds: what a look finds is published with the position after it, at once.

No platform is known here: how to look is handed in. What is remembered stands in the connection's partition of
`tillstream.ingest` under `CONNECTION/poll/NAME/...`, beside what other producers keep there; the books have a page for
each poll and day, so that every person read is accounted for as a row of a file is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta

from producers.erasure import Erasure, polls_prefix
from producers.ledger import NONE, TOPIC, Entry, Ledger
from producers.looks import Errand, Event, Look, Round, Stands, next_due
from producers.notes import Notes
from producers.office import Lost, Office, Partition
from producers.scribe import TooLarge, retell
from schemas.codec import Codec
from schemas.topics import Names
from tillstream.clock import Clock
from tillstream.kafka.publisher import Message
from tillstream.logs import logger
from tillstream.telemetry import LAG_SECONDS, STOPPED

LOG = logger(__name__)
EVERY = 15.0
"""Seconds between looks for what operators ordered."""
AGAIN = timedelta(minutes=10)
"""After so long a daily look that could not be made is tried again."""
TOLD_EVERY = timedelta(seconds=30)
"""That nothing changed is written down no more often."""


@dataclass(frozen=True)
class Tools:
    """What all rounds share. `largest` is what the broker takes, in bytes."""

    codec: Codec
    names: Names
    largest: int
    clock: Clock


@dataclass
class Bench:
    """One round while its connection is ours."""

    round: Round
    held: Partition
    notes: Notes
    ledger: Ledger
    due: datetime
    opened: datetime
    errand: Errand | None = None
    begun: datetime | None = None
    looked: datetime | None = None
    stands: Stands | None = None
    told: set[str] = field(default_factory=set)

    def close(self) -> None:
        """A look under way is forgotten; whoever comes next makes it again."""
        self.notes.close()
        if self.errand is not None:
            self.errand.drop()
        for reason in self.told:
            STOPPED.labels(self.round.name, self.round.connection.name, reason).set(0)


class Rounds:
    """Polls, as far as the partitions of their connections are ours. Belongs to one thread."""

    def __init__(self, office: Office, rounds: Sequence[Round], tools: Tools, *, at_once: bool = False) -> None:
        """`at_once`: every round is due now, whatever the clock says."""
        self._office = office
        self._rounds = {(one.connection.name, one.name): one for one in rounds if one.every is not None or at_once}
        self._tools = tools
        self._at_once = at_once
        self._benches: dict[tuple[str, str], Bench] = {}
        self._heard = -EVERY

    @property
    def elsewhere(self) -> list[str]:
        """The connections that another process polls, or that nobody has been given yet."""
        return sorted({name for name, poll in self._rounds if (name, poll) not in self._benches})

    @property
    def troubles(self) -> dict[str, str]:
        """The rounds that stand, and why."""
        return {
            f"{name}: {poll}": bench.stands.why
            for (name, poll), bench in self._benches.items()
            if bench.stands is not None
        }

    @property
    def over(self) -> bool:
        """Is nothing under way or due now?"""
        now = self._tools.clock.now()
        return all(bench.errand is None and bench.due > now for bench in self._benches.values())

    def left(self) -> list[str]:
        """What is left for later, a line each."""
        standing = [f"{name}: {why}" for name, why in self.troubles.items()]
        return [*standing, *(f"{name}: another process works there" for name in self.elsewhere)]

    def turn(self, seconds: float) -> None:
        """One turn: hear the group, open and close rounds, settle what was found, set out where it is time."""
        self._office.turn(seconds, {name for name, _ in self._rounds})
        for place, one in self._rounds.items():
            self._follow(place, one)
        look = self._tools.clock.monotonic() - self._heard >= EVERY
        if look:
            self._heard = self._tools.clock.monotonic()
        for place, bench in list(self._benches.items()):
            try:
                if look and bench.errand is None:
                    self._forget(bench)
                self._work(bench)
            except Lost:
                self._leave(place)
        self._measure(self._tools.clock.now())

    def _measure(self, now: datetime) -> None:
        """How far behind: the time since a poll last succeeded; of several connections the longest."""
        behind: dict[tuple[str, str], float] = {}
        for bench in self._benches.values():
            if isinstance(bench.round.every, timedelta):
                label = bench.round.name, bench.round.topic
                age = (now - (bench.looked or bench.opened)).total_seconds()
                behind[label] = max(age, behind.get(label, 0.0))
        for label, age in behind.items():
            LAG_SECONDS.labels(*label).set(age)

    def _follow(self, place: tuple[str, str], one: Round) -> None:
        """Work a round exactly while its connection's partition is ours."""
        held, bench = self._office.holds(place[0]), self._benches.get(place)
        if bench is not None and bench.held is not held:
            self._leave(place)
        if held is not None and place not in self._benches:
            self._benches[place] = self._opened(one, held)
            self._heard = -EVERY  # what was ordered meanwhile is heard before it sets out

    def _opened(self, one: Round, held: Partition) -> Bench:
        now = self._tools.clock.now()
        notes = Notes(held.memory, one.connection.name, one.name)
        if notes.done is None and isinstance(one.every, time):
            notes.finish(now)  # the first night is the next one
        due = now if self._at_once else next_due(one, notes.done, now)
        LOG.info("poll taken", connection=one.connection.name, poll=one.name, due=due.isoformat(timespec="seconds"))
        return Bench(one, held, notes, Ledger(held.ledger), due, now)

    def _leave(self, place: tuple[str, str]) -> None:
        self._benches.pop(place).close()
        LOG.info("poll given up", connection=place[0], poll=place[1])

    def _forget(self, bench: Bench) -> None:
        """Whom operators ordered to be erased. Raises Lost."""
        name = bench.round.connection.name
        ordered = self._office.errands(bench.held, polls_prefix(name, bench.round.name))
        for _, raw in ordered:
            bench.notes.forget(Erasure.load(raw))
        if ordered:
            taken = [Message(self._tools.names.replays, key, None, (), bench.held.number) for key, _ in ordered]
            self._office.commit(bench.held, taken)
            LOG.info("persons were erased", connection=name, orders=len(ordered))

    def _work(self, bench: Bench) -> None:
        now = self._tools.clock.now()
        if bench.errand is None and bench.held.memory.changed:  # the first night was noted
            self._office.commit(bench.held, ())
        if bench.errand is None and bench.due <= now:
            bench.begun = bench.begun or now
            bench.errand = bench.round.ask(bench.notes.position, bench.notes.known)
        if bench.errand is None:
            return
        found, trouble = bench.errand.result(), bench.errand.trouble
        if found is None and trouble and self._at_once:
            bench.errand.drop()
            found = Stands(trouble)
        if isinstance(found, Stands):
            self._rest(bench, found, now)
        elif found is not None:
            self._settle(bench, found, now)
        elif trouble:
            self._tell(bench, Stands(trouble), now)

    # -- what a look brought -----------------------------------------------------------------------------------------

    def _settle(self, bench: Bench, look: Look, now: datetime) -> None:
        """Events, memory, position and books in one transaction. Raises Lost."""
        page, messages = self._page(bench, now), list[Message]()
        counts = dict.fromkeys(("rows", "accepted"), len(look.read))
        for told in look.read:
            sent = [self._written(bench, event, page) for event in told.events]
            made = [message for message in sent if message is not None]
            messages += made
            name = "records" if made else NONE + ("too_large" if sent else told.none or "unchanged")
            counts[name] = counts.get(name, 0) + 1
            for message in made:
                topic = TOPIC + message.topic.removeprefix(self._tools.names.prefix)
                counts[topic] = counts.get(topic, 0) + 1
            for short, text in told.remember.items():
                bench.notes.remember(short, text)
        bench.notes.move(look.position)
        if not look.more and isinstance(bench.round.every, time):
            bench.notes.finish(now)
        self._enter(bench, replace(page.plus(counts), refused=()), now, always=bool(look.read))
        if messages or bench.held.memory.changed or bench.held.ledger.changed:
            self._office.commit(bench.held, messages)
        self._after(bench, look, len(messages), now)

    def _after(self, bench: Bench, look: Look, events: int, now: datetime) -> None:
        bench.errand, bench.looked = None, now
        self._well(bench)
        if look.read:
            LOG.info(
                "looked",
                connection=bench.round.connection.name,
                poll=bench.round.name,
                read=len(look.read),
                events=events,
            )
        if not look.more:
            bench.due = self._next(bench, bench.begun or now, now)
            bench.begun = None

    def _next(self, bench: Bench, begun: datetime, now: datetime) -> datetime:
        if self._at_once:
            return datetime.max.replace(tzinfo=UTC)
        return max(now, next_due(bench.round, begun if isinstance(bench.round.every, timedelta) else now, now))

    def _written(self, bench: Bench, event: Event, page: Entry) -> Message | None:
        """The event as a message; None, and said in the log, where it is too large."""
        made = retell(self._tools.codec, self._tools.names, self._tools.largest, event, page.sha256)
        if isinstance(made, TooLarge):
            LOG.error("a record is larger than Kafka takes", connection=bench.round.connection.name, bytes=made.size)
            return None
        return made.message

    # -- how it stands -----------------------------------------------------------------------------------------------

    def _rest(self, bench: Bench, stands: Stands, now: datetime) -> None:
        """The position stays; the next look tries again."""
        bench.errand = None
        every = bench.round.every
        rest = every if isinstance(every, timedelta) else AGAIN
        bench.due = datetime.max.replace(tzinfo=UTC) if self._at_once else now + rest
        self._tell(bench, stands, now)

    def _tell(self, bench: Bench, stands: Stands, now: datetime) -> None:
        """Say once that it stands, and why; the books keep it until a look succeeds."""
        if bench.stands == stands:
            return
        self._well(bench)
        bench.stands = stands
        say = LOG.error if stands.stopped else LOG.warning
        say("poll stands", connection=bench.round.connection.name, poll=bench.round.name, why=stands.why)
        if stands.stopped:
            bench.told.add(stands.stopped)
            STOPPED.labels(bench.round.name, bench.round.connection.name, stands.stopped).set(1)
        page = self._page(bench, now)
        if page.refused != (stands.why,):
            bench.ledger.write(replace(page, refused=(stands.why,)))
            self._office.commit(bench.held, ())

    def _well(self, bench: Bench) -> None:
        for reason in bench.told:
            STOPPED.labels(bench.round.name, bench.round.connection.name, reason).set(0)
        bench.stands = None

    def _page(self, bench: Bench, now: datetime) -> Entry:
        """The page of this poll and day (UTC)."""
        connection, name, day = bench.round.connection.name, bench.round.name, f"{now:%Y-%m-%d}"
        found = bench.ledger.find(connection, name, f"{name}:{day}")
        return found or Entry(connection, name, day, f"{name}:{day}", started=_text(now))

    def _enter(self, bench: Bench, page: Entry, now: datetime, *, always: bool) -> None:
        """Write the page, and when that was; where nothing else changed, not too often."""
        last = bench.ledger.find(page.connection, page.folder, page.sha256)
        recent = last is not None and last.finished and now - datetime.fromisoformat(last.finished) < TOLD_EVERY
        if always or not recent or (last is not None and last.refused):
            bench.ledger.write(replace(page, finished=_text(now)))

    def close(self) -> None:
        """Leave everything as it stands; what is committed stays, and an heir goes on from there."""
        for place in list(self._benches):
            self._leave(place)
        self._office.close()


def _text(now: datetime) -> str:
    return now.astimezone(UTC).isoformat(timespec="seconds")
