"""Carry one spooled file into Kafka: rows, memory and books together, in transactions that a restart can go on from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from datetime import datetime

from producers.clerk import Clerk, Desk
from producers.files.layouts import Layout
from producers.files.reader import Reading, read
from producers.files.values import Refused, Reject, Row
from producers.ledger import Entry, Ledger
from producers.memory import Memory
from producers.rejects import RejectsFile, rejects_name, why_refused
from producers.scribe import Provenance, Scribe
from producers.sheet import Page, Sheet
from producers.spool import Spool, Spooled, opened
from schemas.codec import Codec
from schemas.topics import Names
from tillstream.kafka.publisher import Message
from tillstream.logs import logger
from tillstream.settings import Connection
from tillstream.telemetry import FILE_ROWS, FILES

LOG = logger(__name__)
MOST_ROWS = 10_000
MOST_BYTES = 16 << 20
MOST_TOLD = 10


@dataclass(frozen=True)
class Works:
    """What ingesting needs of the world around it; `commit` writes messages with all that was put into the drawers."""

    connection: Connection
    memory: Memory
    ledger: Ledger
    codec: Codec
    names: Names
    largest: int
    commit: Callable[[list[Message]], None]
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Finished:
    """What is to be done with the file: put it away, and before that write what was rejected ("" = nothing) or why."""

    entry: Entry
    rejects: str = ""
    again: bool = False


class Ingestion:
    """One file on its way. Each step of `steps` ends with a committed transaction; dropped between, nothing is lost."""

    def __init__(self, works: Works, spooled: Spooled, spool: Spool, layout: Layout) -> None:
        self._works = works
        self._spooled = spooled
        self._rejects = spool.rejects(spooled)
        self._layout = layout
        self._page = Page(spooled.upload.folder, spooled.sha256)
        self._sheet = Sheet()
        source = Provenance(
            works.connection.name, "apparel21-file", spooled.upload.name, spooled.sha256, self._page.folder == "bulk"
        )
        scribe = Scribe(works.codec, works.names, source, works.largest)
        desk = Desk(works.connection, works.memory, scribe, self._sheet, self._page, works.now)
        self._clerk = Clerk(desk, spooled.name.kind)
        self._log = LOG.bind(connection=works.connection.name, file=spooled.upload.name, sha256=spooled.sha256)
        self._entry = self._found()

    def _found(self) -> Entry:
        name, started = self._spooled.upload.name, self._works.now().isoformat()
        known = self._works.ledger.find(self._works.connection.name, *self._page)
        if known is None:
            return Entry(self._works.connection.name, self._page.folder, name, self._page.sha256, started=started)
        return known.anew(name, started) if known.in_vain else known

    def steps(self) -> Generator[Finished | None]:
        """One transaction a step; the last step says what to do with the file. Raises whatever `commit` raises."""
        if self._entry.archived:
            self._log.info("the same bytes again, nothing to do", first=self._entry.name)
            self._note_again()
            yield Finished(self._entry, again=True)
            return
        if self._entry.done and not self._entry.finished:
            self._log.info("going on where reading ended", rows=self._entry.rows, transactions=self._entry.transactions)
        with opened(self._spooled.path) as stream:
            try:
                reading = read(stream, self._layout, self._spooled.name.time, self._spooled.path.parent)
            except Refused as refused:
                yield self._refuse(refused)
                return
            yield from self._rows(reading)

    def _note_again(self) -> None:
        """A file did come: an export of a day without news has the same bytes as the one before."""
        now = self._works.now()
        self._entry = replace(self._entry, archived=now.isoformat())
        self._works.ledger.write(self._entry)
        self._works.memory.note_time("taken", now)
        self._works.commit([])

    def _rows(self, reading: Reading) -> Generator[Finished | None]:
        done, rows, odd, wrong = 0, 0, Counter[str](), list[str]()
        with RejectsFile(self._rejects, reading, self._spooled.upload.name) as rejects:
            for item in reading.rows:
                done += 1
                if done <= self._entry.done:
                    self._seen_before(item, rejects)
                    continue
                rows += self._take(item, rejects)
                if isinstance(item, Row) and item.notes:
                    odd.update(f"{note.column} {note.rule}" for note in item.notes)
                if isinstance(item, Reject) and item.detail and len(wrong) < MOST_TOLD:
                    wrong.append(f"line {item.line}: {item.detail}")
                if rows >= MOST_ROWS or self._sheet.weight >= MOST_BYTES:
                    self._commit(done)
                    rows = 0
                    yield None
        finished = self._finish(done, rejects.count)
        self._tell_odd(reading, odd, wrong)
        yield finished

    def _seen_before(self, item: Row | Reject, rejects: RejectsFile) -> None:
        """What a committed transaction holds already; only the file of rejects is made anew."""
        if isinstance(item, Reject):
            rejects.write(item)
        elif item.line in self._entry.too_large:
            rejects.write_all(item.turned_down("too_large"))

    def _take(self, item: Row | Reject, rejects: RejectsFile) -> int:
        """Put it on the sheet; how many rows of the file it was."""
        if isinstance(item, Reject):
            self._clerk.reject(item)
            rejects.write(item)
            return 1
        rule = self._clerk.take(item)
        if rule:
            self._entry = replace(self._entry, too_large=(*self._entry.too_large, item.line))
            rejects.write_all(item.turned_down(rule))
        return len(item.sources)

    def _commit(self, done: int, *, finished: str = "", rejects: str = "") -> None:
        """Rows, memory and books in one transaction, begun when all of it is ready."""
        others = [(page, counts) for page, counts in self._sheet.pages() if page != self._page]
        self._works.ledger.book(self._works.connection.name, others)
        self._entry = self._entry.plus(self._sheet.counts(self._page))
        self._entry = replace(
            self._entry, done=done, transactions=self._entry.transactions + 1, finished=finished, rejects=rejects
        )
        self._works.ledger.write(self._entry)
        self._works.commit(self._sheet.messages)
        self._sheet.clear()

    def _finish(self, done: int, rejected: int) -> Finished:
        """The last transaction, or none if it was committed before a crash and only putting away is left."""
        if self._entry.finished:
            return Finished(self._entry, self._entry.rejects)
        now = self._works.now()
        name = self._name_rejects(now) if rejected else ""
        self._works.memory.note_time("taken", now)
        self._commit(done, finished=now.isoformat(), rejects=name)
        self._tell("processed")
        return Finished(self._entry, name)

    def _name_rejects(self, now: datetime) -> str:
        name, time = rejects_name(self._spooled.name.kind, now, self._works.memory.time("rejects"))
        self._works.memory.note_time("rejects", time)
        return name

    def _refuse(self, refused: Refused) -> Finished:
        name = self._spooled.upload.name
        self._rejects.write_text(why_refused(name, refused.why), encoding="utf-8")
        if not self._entry.finished:
            now = self._works.now()
            self._works.memory.note_time("taken", now)
            self._entry = replace(self._entry, refused=refused.why)
            self._commit(0, finished=now.isoformat())
            self._tell("refused")
        return Finished(self._entry, f"{name}.why.txt")

    def _tell_odd(self, reading: Reading, odd: Counter[str], wrong: list[str]) -> None:
        """What a person may want to know that no count and no column of the rejects says; no cell's value is in it."""
        header, seen = reading.header, reading.seen
        found = {
            "ignored_columns": header.ignored,
            "dropped_columns": header.dropped,
            "emptied_cells": dict(odd),
            "rejected": wrong,
            "encodings": {name: rows for name, rows in seen.encodings.items() if name != "utf-8"},
            "nul_padding": seen.nul_padding,
        }
        said = {name: what for name, what in found.items() if what}
        if said:
            self._log.warning("odd things in the file", **said)

    def _tell(self, outcome: str) -> None:
        entry, kind = self._entry, self._spooled.name.kind
        FILES.labels(entry.connection, outcome).inc()
        FILE_ROWS.labels(entry.connection, kind, "accepted").inc(entry.accepted)
        FILE_ROWS.labels(entry.connection, kind, "rejected").inc(entry.rejected)
        say = self._log.warning if entry.refused else self._log.info
        say(
            f"file {outcome}", rows=entry.rows, accepted=entry.accepted, rejected=entry.rejected, records=entry.records,
            lines_joined=entry.lines_joined, none=dict(entry.none), rescued=entry.rescued, why=list(entry.refused),
        )  # fmt: skip
