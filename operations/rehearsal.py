"""Rehearse a file: its rows become events and its events become requests, with nothing known, asked or sent."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from consumers.engine.outcome import Outcome
from consumers.engine.sink import Account, Item, Route, Sink, Work
from consumers.engine.wire import Json, Plan, Request
from producers.clerk import Clerk, Desk
from producers.files.layouts import Layout
from producers.files.reader import Reading, read
from producers.files.values import Reject, Row
from producers.ledger import NONE
from producers.memory import Memory
from producers.sales import Sales
from producers.scribe import Provenance, Scribe
from producers.sheet import Page, Sheet
from producers.spool import opened
from schemas import headers
from schemas.codec import codec
from schemas.topics import Names
from tillstream.kafka.publisher import Message
from tillstream.settings import Connection

LATEST = datetime.max.replace(tzinfo=UTC)


class Blank:
    """A memory that begins empty and goes when we go."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        """The newest value of a key."""
        return self._kept.get(key)

    def put(self, key: str, value: bytes | None) -> None:
        """Remember a value; None forgets it."""
        if value is None:
            self._kept.pop(key, None)
        else:
            self._kept[key] = value

    def scan(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Keys that start with a prefix, and their values."""
        yield from sorted((key, value) for key, value in self._kept.items() if key.startswith(prefix))


class Paper(NamedTuple):
    """A file to rehearse: where it is, what it is called, its bytes' hash, what it holds and since when."""

    path: Path
    name: str
    sha256: str
    layout: Layout
    time: datetime


@dataclass(frozen=True, slots=True)
class Stranger:
    """A record as a plan sees it when nobody has heard of its person: `consumers.engine.sink.Item`."""

    connection: str
    key: str
    topic: str
    record: dict[str, Any]
    content: str
    order: str
    object: str
    line: int
    job: str = ""
    forced: bool = False
    first_load: bool = True

    def known(self, part: str) -> Json:  # noqa: ARG002 - nothing is
        """Nothing."""
        return None


@dataclass(frozen=True, slots=True)
class Played:
    """What one platform would be asked for a record, and what would become of it if all went well."""

    item: Stranger
    sink: str
    requests: tuple[Request, ...]
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Counts:
    """The books of the file: `none` says why accepted rows made no record; no table reads the columns in `unknown`."""

    rows: int
    accepted: int
    rejected: int
    joined: int
    rescued: int
    none: Mapping[str, int]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """A file's rows as events: the counts, what was rejected, and the records by line."""

    counts: Counts
    rejects: list[Reject]
    items: list[Stranger]


def rows_to_events(paper: Paper, connection: Connection) -> Script:
    """What the producers would make of a file, knowing nothing. Raises producers.files.values.Refused."""
    sheet, page = Sheet(), Page("pending", paper.sha256)
    source = Provenance(connection.name, "apparel21-file", paper.name, paper.sha256)
    memory, scribe = Memory(Blank(), connection.name), Scribe(codec(None), Names(), source)
    clerk = Clerk(Desk(connection, memory, scribe, sheet, page, _now), paper.layout.kind.name)
    rejects: list[Reject] = []
    with opened(paper.path) as stream:
        reading = read(stream, paper.layout, paper.time)
        for found in reading.rows:
            rejects += _take(clerk, found)
    Sales(memory, scribe, sheet, connection).release_due(LATEST, sys.maxsize)
    items = [item for message in sheet.messages if (item := _item(scribe, message)) is not None]
    return Script(_counts(sheet.counts(page), reading), rejects, sorted(items, key=lambda item: item.line))


def _counts(counts: Mapping[str, int], reading: Reading) -> Counts:
    return Counts(
        rows=counts["rows"],
        accepted=counts["accepted"],
        rejected=counts["rejected"],
        joined=counts["lines_joined"],
        rescued=counts["rescued"],
        none={name.removeprefix(NONE): count for name, count in counts.items() if name.startswith(NONE) and count},
        unknown=tuple(reading.header.ignored),
    )


def _take(clerk: Clerk, found: Row | Reject) -> tuple[Reject, ...]:
    if isinstance(found, Reject):
        clerk.reject(found)
        return (found,)
    rule = clerk.take(found)
    return found.turned_down(rule) if rule else ()


def _item(scribe: Scribe, message: Message) -> Stranger | None:
    """The record in a message, None where it is for no event topic (the definition of a tier)."""
    if message.key is None or message.value is None or message.topic == scribe.names.programs:
        return None
    told = {name: value.decode() for name, value in message.headers}
    return Stranger(
        connection=scribe.source.connection,
        key=message.key.decode(),
        topic=message.topic,
        record=scribe.codec.decode(message.topic, message.value),
        content=told[headers.CONTENT],
        order=told[headers.ORDER],
        object=told[headers.OBJECT],
        line=int(told[headers.LINE]),
    )


def events_to_requests(items: Iterable[Stranger], stage: Mapping[str, tuple[Sink, Account]]) -> Iterator[Played]:
    """What each platform would be asked, one record at a time; one that does not listen to a topic is left out."""
    for item in items:
        for name, (sink, account) in stage.items():
            route = next((route for route in sink.routes if route.topic == item.topic and not route.part), None)
            if route is not None:
                yield _play(name, sink, route, account, item)


def _play(name: str, sink: Sink, route: Route, account: Account, item: Stranger) -> Played:
    asked: list[Request] = []
    lines: Item = item
    [outcome] = drive(sink, route.plan(account, [Work((lines,))]), asked)
    return Played(item, name, tuple(asked), outcome)


def drive(sink: Sink, plan: Plan[Any], asked: list[Request]) -> Any:
    """Step a plan to its end with made-up answers; what it asks for is noted, but for what is about our own key.

    Returns its result.
    """
    answer: object = None
    while True:
        try:
            wanted = plan.send(answer)
        except StopIteration as end:
            return end.value
        answer = None
        if isinstance(wanted, Request):
            asked += [wanted] if wanted.rows else []
            answer = sink.pretend(wanted)
        elif isinstance(wanted, tuple):
            asked.extend(wanted)
            answer = tuple(sink.pretend(request) for request in wanted)


def _now() -> datetime:
    return datetime.now(UTC)


def plain(value: Any) -> Any:
    """A record's values as JSON has them: times as ISO 8601, money as numbers.

    >>> plain({"a": Decimal("5.90"), "b": [date(2025, 4, 1)], "c": datetime(2025, 4, 1, tzinfo=UTC)})
    {'a': 5.9, 'b': ['2025-04-01'], 'c': '2025-04-01T00:00:00+00:00'}
    """
    match value:
        case dict():
            return {name: plain(one) for name, one in value.items()}
        case list():
            return [plain(one) for one in value]
        case Decimal():
            return float(value)
        case date():
            return value.isoformat()
        case _:
            return value
