"""Know where a group stands: what its state says became of the records, and what the topics say is still to do.

The totals, the positions and the shelf of a partition are written together, so what one reading of the state topic
finds belongs together; records are then counted from exactly those positions on, whatever the worker does meanwhile.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from consumers.engine.item import OWN, REPLAYS
from consumers.engine.position import unpacked
from consumers.engine.shelf import AT, ON
from consumers.engine.sink import Sink
from consumers.engine.slot import DOUBT, POSITION, REDRIVEN, TOTAL, UNWELL
from operations.reading import Kafka, Span, records, spans, there
from schemas import headers as names
from schemas.topics import Names
from tillstream.settings import Settings

NO_FILE = "-"
"""What came from no file (a poll, a webhook) is counted under this."""


class Row(NamedTuple):
    """One line of the books: records of one file (by its sha-256) on one topic."""

    connection: str
    file: str
    topic: str


class Doubt(NamedTuple):
    """A record that may be at the platform twice, or of which nobody knows yet whether it is there."""

    connection: str
    topic: str
    object: str
    told: str


class Shelved(NamedTuple):
    """A record on the shelf: whose it is, since when (Kafka's time, ms), why (`told`: in a sentence, where there is
    one), until when ("": until woken), and which object it tells of."""

    row: Row
    timestamp: int
    why: str
    until: str
    object: str = ""
    told: str = ""


class Unwell(NamedTuple):
    """A connection that a worker cannot serve: `stopped` or `away`, why, and since when (ISO 8601)."""

    state: str
    why: str
    since: str


@dataclass(slots=True)
class Waiting:
    """Records that are not finished: how many, since when the oldest (Kafka's time, ms), and which are shelved."""

    count: int = 0
    oldest: int = 0
    shelved: Counter[str] = field(default_factory=Counter)
    until: str = ""

    def add(self, timestamp: int, why: str = "", until: str = "") -> None:
        """One more; `why` is that of the shelf."""
        self.count += 1
        if timestamp > 0:
            self.oldest = min(self.oldest or timestamp, timestamp)
        if why:
            self.shelved[why] += 1
        if until:
            self.until = min(self.until or until, until)


@dataclass(frozen=True, slots=True)
class Standing:
    """All of a group's books. `begun`: has a worker of the group ever settled anything? `again`: by connection, what
    waits on the replay topic, which is no line of the books."""

    group: str
    topics: tuple[str, ...]
    begun: bool
    done: Mapping[Row, Counter[str]]
    waiting: Mapping[Row, Waiting]
    unwell: Mapping[str, Unwell]
    again: Mapping[str, Waiting] = field(default_factory=dict)
    doubts: tuple[Doubt, ...] = ()

    def rows(self) -> set[Row]:
        """Every line that holds anything."""
        return {*self.done, *self.waiting}

    def total(self, row: Row) -> int:
        """Records of the line, finished or not."""
        waits = self.waiting.get(row)
        return sum(self.done.get(row, Counter()).values()) + (waits.count if waits else 0)


class Position(NamedTuple):
    """How far a partition of a topic was worked: offsets below `next` are done, but for the ranges in `open`."""

    committed: int
    next: int
    open: tuple[tuple[int, int], ...]
    topic_id: str

    def unfinished(self, offset: int) -> bool:
        """Is the record with this offset still to do?"""
        return offset >= self.next or any(first <= offset < last for first, last in self.open)


FROM_THE_START = Position(0, 0, (), "")


class StateBook:
    """What is kept of a state topic while it is read: of each key the newest, and of all the others nothing."""

    def __init__(self) -> None:
        self.totals: dict[tuple[int, bytes], int] = {}
        self.positions: dict[tuple[str, int], Position] = {}
        self.shelf: dict[tuple[int, bytes], Shelved] = {}
        self.unwell: dict[tuple[int, bytes], Unwell] = {}
        self.redriven: set[str] = set()
        self.doubts: dict[str, str] = {}

    def take(self, partition: int, key: bytes, value: bytes | None) -> None:
        """A record of the topic, in order; only keys that begin with ~ are looked at."""
        if key.startswith(_TOTAL):
            _keep(self.totals, (partition, key), int(value) if value else None)
        elif key.startswith(_SHELF):
            _keep(self.shelf, (partition, key), _shelved(orjson.loads(value)) if value else None)
        elif key.startswith(_POSITION):
            topic = key.removeprefix(_POSITION).decode()
            _keep(self.positions, (topic, partition), _position(orjson.loads(value)) if value else None)
        elif key.startswith(_UNWELL):
            _keep(self.unwell, (partition, key), Unwell(**orjson.loads(value)) if value else None)
        elif key.startswith(_REDRIVEN):
            self.redriven.add(key.removeprefix(_REDRIVEN).decode())
        elif key.startswith(_DOUBT):
            _keep(self.doubts, key.removeprefix(_DOUBT).decode(), value.decode() if value else None)


_TOTAL, _POSITION, _UNWELL, _REDRIVEN, _DOUBT = (name.encode() for name in (TOTAL, POSITION, UNWELL, REDRIVEN, DOUBT))
UNCLEAR = "unclear"
"""Why a record waits of which nobody knows yet whether the platform has it."""
_SHELF = (AT.encode(), ON.encode())


def _keep(kept: dict[Any, Any], key: Any, value: Any) -> None:
    if value is None:
        kept.pop(key, None)
    else:
        kept[key] = value


def _position(entry: Mapping[str, Any]) -> Position:
    return Position(entry["committed"], entry["next"], tuple(unpacked(entry["open"])), entry["id"])


def _shelved(entry: Mapping[str, Any]) -> Shelved | None:
    """An entry of the shelf, None where it is no line of the books (our own doing, or a replay)."""
    if OWN in entry["headers"] or entry["source"] != entry["topic"]:
        return None
    file = entry["headers"].get(names.SHA256) or NO_FILE
    row = Row(entry["key"].partition("/")[0], file, entry["topic"])
    thing, told = entry["headers"].get(names.OBJECT, ""), entry.get("told", "")
    return Shelved(row, entry["timestamp"], entry["why"], entry["until"] or "", thing, told)


def standing(kafka: Kafka, prefix: Names, sink: Sink) -> Standing:
    """Where a sink's group stands now. Raises KafkaException."""
    full = {prefix.topic(topic): topic for topic in sink.topics}
    state = prefix.state(sink.name)
    found = there(kafka, [state, *full])
    book = read_state(kafka, state, found.partitions.get(state, 0))
    ends = spans(kafka, {topic: found.partitions[topic] for topic in full if topic in found.partitions})
    waiting = _waiting(kafka, book, ends, full, found.ids)
    again: defaultdict[str, Waiting] = defaultdict(Waiting)
    for message in waiting_again(kafka, prefix, sink.name, book):
        again[_connection(message)].add(message.timestamp()[1])
    return Standing(
        sink.name, sink.topics, bool(book.positions), _done(book), waiting, _unwell(book), again, doubts(book)
    )


def read_state(kafka: Kafka, topic: str, partitions: int) -> StateBook:
    """The books in a state topic; empty where there is none."""
    book = StateBook()
    for message in records(kafka, spans(kafka, {topic: partitions})):
        key = message.key()
        if key and key[0] == 0x7E:  # ~
            book.take(message.partition(), key, message.value())
    return book


def _done(book: StateBook) -> dict[Row, Counter[str]]:
    done: defaultdict[Row, Counter[str]] = defaultdict(Counter)
    for (_, key), count in book.totals.items():
        connection, file, topic, outcome = key.decode().removeprefix(TOTAL).split("/", 3)
        done[Row(connection, file, topic)][outcome] += count
    return dict(done)


def doubts(book: StateBook) -> tuple[Doubt, ...]:
    """What may be at the platform twice, and what is being found out."""
    sent = []
    for place, told in book.doubts.items():
        connection, topic, thing = place.split("/", 2)
        sent.append(Doubt(connection, topic, thing, told))
    waiting = [
        Doubt(one.row.connection, one.row.topic, one.object, f"being found out whether it arrived, next at {one.until}")
        for one in book.shelf.values()
        if one.why == UNCLEAR
    ]
    return tuple(sorted([*sent, *waiting]))


def _unwell(book: StateBook) -> dict[str, Unwell]:
    """By connection; stopped says more than away."""
    told: dict[str, Unwell] = {}
    for (_, key), found in sorted(book.unwell.items(), key=lambda entry: entry[1]):
        told[key.decode().removeprefix(UNWELL)] = found
    return told


def _waiting(
    kafka: Kafka, book: StateBook, ends: Iterable[Span], bare: Mapping[str, str], ids: Mapping[str, str]
) -> dict[Row, Waiting]:
    waiting: defaultdict[Row, Waiting] = defaultdict(Waiting)
    for shelved in book.shelf.values():
        waiting[shelved.row].add(shelved.timestamp, shelved.told or shelved.why, shelved.until)
    for message in _unfinished(kafka, book, ends, bare, ids):
        row = row_of(message, bare[message.topic()])
        if row is not None:
            waiting[row].add(message.timestamp()[1])
    return dict(waiting)


def waiting_again(kafka: Kafka, prefix: Names, group: str, book: StateBook) -> Iterator[Any]:
    """The records on a group's replay topic (confluent_kafka.Message) that are still to do."""
    topic = prefix.replay(group)
    found = there(kafka, [topic])
    return _unfinished(kafka, book, spans(kafka, found.partitions), {topic: REPLAYS}, found.ids)


def _unfinished(
    kafka: Kafka, book: StateBook, ends: Iterable[Span], bare: Mapping[str, str], ids: Mapping[str, str]
) -> Iterator[Any]:
    reached = {span[:2]: _reached(book, span, bare, ids) for span in ends}
    left = [span._replace(start=max(span.start, reached[span[:2]].committed)) for span in ends]
    for message in records(kafka, left):
        if reached[message.topic(), message.partition()].unfinished(message.offset()):
            yield message


def _reached(book: StateBook, span: Span, bare: Mapping[str, str], ids: Mapping[str, str]) -> Position:
    """How far this partition was worked; a topic that was made anew is read from its start."""
    position = book.positions.get((bare[span.topic], span.partition), FROM_THE_START)
    return position if position.topic_id == ids[span.topic] else FROM_THE_START


def row_of(message: Any, topic: str) -> Row | None:
    """The line of the books that a record belongs to; None for our own doing, which is no row of them."""
    headers = dict(message.headers() or ())
    if OWN in headers:
        return None
    file = headers.get(names.SHA256, b"").decode("ascii", "replace") or NO_FILE
    return Row(_connection(message), file, topic)


def _connection(message: Any) -> str:
    return (message.key() or b"").decode("utf-8", "replace").partition("/")[0]


def outcomes(counts: Mapping[str, int], waiting: int) -> dict[str, Any]:
    """A line as programs read it.

    >>> outcomes({"delivered": 2, "skipped:web": 1}, 0)
    {'delivered': 2, 'unchanged': 0, 'superseded': 0, 'skipped': {'web': 1}, 'dead': 0, 'waiting': 0}
    """
    told: dict[str, Any] = {"delivered": 0, "unchanged": 0, "superseded": 0, "skipped": {}, "dead": 0}
    for outcome, count in sorted(counts.items()):
        kind, _, policy = outcome.partition(":")
        if policy:
            told[kind][policy] = count
        else:
            told[kind] = count
    return {**told, "waiting": waiting}


def running(settings: Settings, sinks: Mapping[str, Sink]) -> dict[str, Sink]:
    """The platforms that some connection has an account at."""
    configured = {name for connection in settings.connections.values() for name in connection.platforms}
    return {name: sink for name, sink in sinks.items() if name in configured}
