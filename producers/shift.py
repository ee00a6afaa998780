"""Work the files of all connections that are ours: one transaction of one file after another, in turns."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from producers.courier import Courier, PutAway
from producers.erasure import Erasure, files_prefix, forget
from producers.files.layouts import Consent, Layout, layout, place_of
from producers.files.names import KINDS
from producers.ingest import Finished, Ingestion, Works
from producers.ledger import Ledger
from producers.memory import Memory
from producers.office import Lost, Office, Partition
from producers.sales import Sales
from producers.scribe import Provenance, Scribe
from producers.sheet import Sheet
from producers.spool import Spool, Spooled
from schemas.codec import Codec
from schemas.topics import Names
from tillstream.clock import Clock
from tillstream.kafka.publisher import Message
from tillstream.logs import logger
from tillstream.mapping.check import TableErrors
from tillstream.mapping.folder import own_table, text_of
from tillstream.settings import Connection
from tillstream.telemetry import BALANCE_GAP, FILE_AGE

LOG = logger(__name__)
EVERY = 15.0
"""Seconds between looks at what waits in the memory and at the clock."""


class Closing(Protocol):
    """Something to be closed."""

    def close(self) -> None:
        """Stop it."""


@dataclass
class Bench:
    """One connection while it is ours."""

    courier: Courier
    watch: Closing | None
    spool: Spool
    held: Partition
    works: Works
    job: Generator[Finished | None] | None = None
    spooled: Spooled | None = None
    next_due: datetime | None = None

    def close(self) -> None:
        """Stop its courier; what was begun and not committed is forgotten."""
        if self.watch is not None:
            self.watch.close()
        self.courier.close()
        if self.job is not None:
            self.job.close()


Opening = Callable[[Connection, Spool], tuple[Courier, Closing | None]]
"""Starts the courier of a connection, and what wakes it, if anything does."""


@dataclass(frozen=True)
class Tools:
    """What the whole shift shares."""

    codec: Codec
    names: Names
    largest: int
    state: Path
    mappings: Path
    clock: Clock
    opening: Opening


class Shift:
    """The files of some connections, as far as their partitions are ours. Belongs to one thread."""

    def __init__(self, office: Office, connections: Mapping[str, Connection], tools: Tools) -> None:
        """Raises TableErrors where a merchant's own table is wrong."""
        self._office = office
        self._connections = connections
        self._tools = tools
        self._layouts = {name: layouts_of(connection, tools.mappings) for name, connection in connections.items()}
        self._benches: dict[str, Bench] = {}
        self._looked = -EVERY
        self._missed: dict[str, str] = {}
        self._gaps: dict[str, int] = {}

    @property
    def elsewhere(self) -> list[str]:
        """The connections that another producer works, or that nobody has been given yet."""
        return [name for name in self._connections if name not in self._benches]

    @property
    def troubles(self) -> dict[str, str]:
        """The connections whose files cannot be taken, and why."""
        return {name: bench.courier.trouble for name, bench in self._benches.items() if bench.courier.trouble}

    @property
    def over(self) -> bool:
        """Is nothing due now, as far as the connections are ours?"""
        return all(
            bench.courier.over and bench.job is None and not bench.held.ledger.changed
            for bench in self._benches.values()
        )

    def left(self) -> list[str]:
        """What is left for later, a line each: what waits until when, what cannot be taken, what others work."""
        waiting = {name: [one.due for _, _, one in b.works.memory.waiting()] for name, b in self._benches.items()}
        return [
            *(
                f"{name}: {len(due)} orders wait for their person, until {min(due):%Y-%m-%d %H:%M} UTC"
                for name, due in waiting.items()
                if due
            ),
            *(
                f"{name}: no file today, though one is expected by {bench.works.connection.expect}"
                for name, bench in self._benches.items()
                if self._missing(bench, self._tools.clock.now())
            ),
            *(f"{name}: {trouble}" for name, trouble in self.troubles.items()),
            *(f"{name}: another producer works there" for name in self.elsewhere),
        ]

    def turn(self, seconds: float) -> None:
        """One turn: hear the group, open and close connections, one transaction for each that has a file."""
        self._office.turn(self._pause(seconds), self._connections)
        for name, connection in self._connections.items():
            self._follow(name, connection)
        look = self._tools.clock.monotonic() - self._looked >= EVERY
        if look:
            self._looked = self._tools.clock.monotonic()
        for name, bench in list(self._benches.items()):
            try:
                self._work(bench)
                if look or (bench.job is None and bench.held.ledger.changed):
                    self._tidy(bench)
            except Lost:
                self._leave(name)

    def _pause(self, seconds: float) -> float:
        """How long the group may take our time: not at all with a file in hand, hardly with more to come."""
        if any(bench.job is not None for bench in self._benches.values()):
            return 0.0
        return 0.005 if any(bench.courier.waiting for bench in self._benches.values()) else seconds

    def _follow(self, name: str, connection: Connection) -> None:
        """Work a connection exactly while its partition is ours."""
        held, bench = self._office.holds(name), self._benches.get(name)
        if bench is not None and bench.held is not held:
            self._leave(name)
        if held is not None and name not in self._benches:
            self._benches[name] = self._opened(connection, held)
            self._looked = -EVERY  # what fell due meanwhile goes out at once

    def _opened(self, connection: Connection, held: Partition) -> Bench:
        tools = self._tools
        spool = Spool(tools.state / "spool" / connection.name)
        ledger = Ledger(held.ledger)
        works = Works(
            connection=connection,
            memory=Memory(held.memory, connection.name),
            ledger=ledger,
            codec=tools.codec,
            names=tools.names,
            largest=tools.largest,
            commit=lambda messages: self._office.commit(held, messages),
            now=tools.clock.now,
        )
        self._gaps[connection.name] = sum(entry.gap for entry in ledger.pages(connection.name))
        BALANCE_GAP.labels(connection.name).set(self._gaps[connection.name])
        LOG.info("connection taken", connection=connection.name, partition=held.number)
        courier, watch = tools.opening(connection, spool)
        return Bench(courier, watch, spool, held, works, next_due=tools.clock.now())

    def _leave(self, name: str) -> None:
        bench = self._benches.pop(name)
        bench.close()
        LOG.info("connection left", connection=name)

    def _work(self, bench: Bench) -> None:
        """One transaction of the file in hand; without one, take the next."""
        self._note_archived(bench)
        if bench.job is None:
            bench.spooled = bench.courier.offered()
            if bench.spooled is None:
                return
            kind = self._layouts[bench.works.connection.name][bench.spooled.name.kind]
            bench.job = Ingestion(bench.works, bench.spooled, bench.spool, kind).steps()
        finished = next(bench.job)
        if finished is not None and bench.spooled is not None:
            bench.job.close()
            bench.job = None
            self._finish(bench, bench.spooled, finished)

    def _finish(self, bench: Bench, spooled: Spooled, finished: Finished) -> None:
        name = bench.works.connection.name
        self._gaps[name] += 0 if finished.again else finished.entry.gap
        BALANCE_GAP.labels(name).set(self._gaps[name])
        refused = bool(finished.entry.refused)
        bench.courier.answer(PutAway(spooled, refused, finished.rejects, bench.spool.rejects(spooled)))
        wait = self._tools.clock.now() + bench.works.connection.order_wait
        bench.next_due = min(bench.next_due or wait, wait)

    def _note_archived(self, bench: Bench) -> None:
        """A file that was put away is known as such: the same bytes are then said to have come again."""
        for spooled in bench.courier.done():
            entry = bench.works.ledger.find(bench.works.connection.name, spooled.upload.folder, spooled.sha256)
            if entry is not None and not entry.archived:
                bench.works.ledger.write(replace(entry, archived=self._tools.clock.now().isoformat()))

    def _tidy(self, bench: Bench) -> None:
        """What is due by the clock: orders whose person never came, notes not yet written, files that are missed."""
        now = self._tools.clock.now()
        sheet = Sheet()
        if bench.job is None:
            self._forget(bench, sheet)
        if bench.job is None and bench.next_due is not None and bench.next_due <= now:
            bench.next_due = self._sales(bench, sheet).release_due(now, 5_000)
        bench.works.ledger.book(bench.works.connection.name, sheet.pages())
        if bench.job is None and (sheet.messages or bench.held.ledger.changed):
            bench.works.commit(sheet.messages)
        self._tell_age(bench, now)

    def _forget(self, bench: Bench, sheet: Sheet) -> None:
        """Whom operators ordered to be erased; the order goes with what it says."""
        held, name = bench.held, bench.works.connection.name
        for key, raw in self._office.errands(held, files_prefix(name)):
            forget(held.memory, sheet, Erasure.load(raw))
            sheet.messages.append(Message(self._tools.names.replays, key, None, (), held.number))
            LOG.info("a person was erased", connection=name)

    def _sales(self, bench: Bench, sheet: Sheet) -> Sales:
        works = bench.works
        scribe = Scribe(works.codec, works.names, Provenance(works.connection.name, "apparel21-file"), works.largest)
        return Sales(works.memory, scribe, sheet, works.connection)

    def _tell_age(self, bench: Bench, now: datetime) -> None:
        connection, taken = bench.works.connection, bench.works.memory.time("taken")
        if taken is not None:
            FILE_AGE.labels(connection.name).set((now - taken).total_seconds())
        day = self._missing(bench, now)
        if day and self._missed.get(connection.name) != day:
            self._missed[connection.name] = day
            LOG.error(
                "no file today", connection=connection.name, expected=str(connection.expect), last=str(taken or "never")
            )

    def _missing(self, bench: Bench, now: datetime) -> str:
        """The day on which no file came, "" while one may lie there that was not looked at yet."""
        looked = bench.courier.over and bench.job is None
        return missed(bench.works.connection, bench.works.memory.time("taken"), now) if looked else ""

    def close(self) -> None:
        """Leave everything as it stands; what is committed stays, and an heir goes on from there."""
        for name in list(self._benches):
            self._leave(name)
        self._office.close()


def missed(connection: Connection, taken: datetime | None, now: datetime) -> str:
    """The day, by the connection's clock, on which a file should have come by now and has not; "" when all is well."""
    local = now.astimezone(connection.timezone)
    if connection.expect is None or local.time() < connection.expect:
        return ""
    if taken is not None and taken.astimezone(connection.timezone).date() >= local.date():
        return ""
    return local.date().isoformat()


def layouts_of(connection: Connection, mappings: Path) -> dict[str, Layout]:
    """How each kind of file of a connection is read. Raises TableErrors that name the file."""
    return {kind: layout_of(kind, connection, mappings) for kind in KINDS}


def layout_of(kind: str, connection: Connection, mappings: Path) -> Layout:
    """How one kind of file of a connection is read. Raises TableErrors that name the file."""
    consents = [
        Consent(entry.column, tuple(entry.yes), tuple(entry.no))
        for account in connection.platforms.values()
        for entry in getattr(account, "consent", None) or ()
        if getattr(entry, "column", None)
    ]
    own = own_table(kind, connection.name, mappings)
    try:
        return layout(kind, place_of(connection, consents), text_of(own) if own else None)
    except TableErrors as errors:
        raise TableErrors(errors.problems, str(own)) from None
