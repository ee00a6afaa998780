"""Say how far behind each group is, since when, for how long still, and what is stopped and why."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import click
import orjson
from confluent_kafka import KafkaError, KafkaException

from consumers.engine.item import REPLAYS
from consumers.engine.sink import Sink
from operations import places, platforms, telling
from operations.audit import ledger
from operations.looks import looks, of_file
from operations.reading import PATIENCE, Kafka, records, since, spans, there
from operations.standing import Standing, Unwell, Waiting, running, standing
from producers.ledger import Entry
from producers.shift import missed
from schemas.topics import Names
from tillstream.kafka.client import admin, patiently
from tillstream.settings import Connection, Settings

SAMPLE = 60.0
"""Seconds back from now over which the speed of a group is taken."""


@dataclass(frozen=True, slots=True)
class Line:
    """One connection at one group.

    `lag` counts records that are not finished, by topic in `topics` (`replay`: what came again, or is our own doing);
    `shelved` of them wait on the shelf for a time or an event. `seconds` is how long the oldest has been in Kafka,
    `eta_seconds` until what can go has gone (None: nobody can say).
    """

    group: str
    connection: str
    state: str
    why: str
    lag: int
    seconds: int | None
    eta_seconds: int | None
    shelved: int
    topics: dict[str, int]


class Source(NamedTuple):
    """A connection's files: the last one taken, how many wait (None: nobody can say), rows rejected so far, the day on
    which none has come although one was expected by now, and why their place cannot be entered (None: all is well)."""

    name: str
    last_file: str | None
    waiting_files: int | None
    rejects: int
    missed: str | None = None
    why: str | None = None

    def told(self) -> dict[str, str | int | None]:
        """As a program reads it; what there is nothing to say of is left out."""
        return {name: value for name, value in self._asdict().items() if name not in ("missed", "why") or value}


def lag(settings: Settings, as_json: bool) -> int:
    """Print how far behind each group is; 1 where a connection is stopped."""
    with telling.kafka_answers():
        lines = measure(settings, platforms.find())
    if as_json:
        telling.json([asdict(line) for line in lines])
    else:
        _show_groups(lines)
    return _code(lines)


def status(settings: Settings, as_json: bool) -> int:
    """Print the same, and what is known of each connection's files and polls; 1 where a connection is stopped, or the
    place of its files cannot be entered."""
    with telling.kafka_answers():
        lines = measure(settings, platforms.find())
        found, polls = sources(settings), looks(_pages(settings))
    if as_json:
        told = {"connections": [source.told() for source in found], "groups": [asdict(line) for line in lines]}
        telling.json(told | ({"polls": [poll._asdict() for poll in polls]} if polls else {}))
    else:
        columns = ("connection", "last file", "files waiting", "rows rejected", "no file on", "why")
        telling.table(telling.console(), "Connections", columns, found)
        if polls:
            head = ("connection", "poll", "looked", "read that day", "records", "why it stands")
            telling.table(telling.console(), "Polls", head, polls)
        _show_groups(lines)
    return _code(lines) or int(any(source.why for source in found))


def measure(settings: Settings, sinks: Mapping[str, Sink]) -> list[Line]:
    """Every group and connection that the configuration brings together. Raises KafkaException."""
    kafka, names = settings.kafka.options(), Names(settings.topics.prefix)
    wanted = running(settings, sinks)
    speeds, staffed = rates(kafka, names, time.time()), members(kafka, names, wanted)
    lines = []
    for name, sink in wanted.items():
        now = standing(kafka, names, sink)
        for connection, settled in settings.connections.items():
            if name in settled.platforms:
                speed = speeds.get((name, connection), 0.0)
                lines.append(line(now, connection, speed, staffed.get(name, 0), time.time()))
    return lines


def line(group: Standing, connection: str, speed: float, members: int, now: float) -> Line:
    """How one connection stands at a group; `speed` is in records a second, `now` in seconds since 1970."""
    own = {row: waits for row, waits in group.waiting.items() if row.connection == connection}
    topics = Counter(dict.fromkeys(group.topics, 0))
    for row, waits in own.items():
        topics[row.topic] += waits.count
    again = group.again.get(connection, Waiting())
    topics[REPLAYS] = again.count
    shelved: Counter[str] = sum((waits.shelved for waits in own.values()), Counter())
    oldest = min((waits.oldest for waits in (again, *own.values()) if waits.oldest), default=None)
    total, resting = topics.total(), shelved.total()
    state, why = judge(group.unwell.get(connection), total, shelved, _until(own.values()), members)
    age = None if oldest is None else max(0, round(now - oldest / 1000))
    eta = _eta(state, total, resting, speed)
    return Line(group.group, connection, state, why, total, age, eta, resting, dict(topics))


def judge(unwell: Unwell | None, total: int, shelved: Counter[str], until: str, members: int) -> tuple[str, str]:
    """The state (`flowing`, `waiting` or `stopped`) and why.

    >>> judge(None, 5, Counter(), "", 0)
    ('waiting', 'no worker is running')
    >>> judge(Unwell("stopped", "Klaviyo does not know this private key", ""), 5, Counter(), "", 1)
    ('stopped', 'Klaviyo does not know this private key')
    """
    if unwell is not None and unwell.state == "stopped":
        return "stopped", unwell.why
    if not total:
        return "flowing", ""
    if unwell is not None:
        return "waiting", unwell.why
    if not members:
        return "waiting", "no worker is running"
    if shelved.total() < total:
        return "flowing", ""
    reasons = ", ".join(f"{why} ({count})" for why, count in shelved.most_common(3))
    return "waiting", f"{reasons}; the next at {until}" if until else reasons


def _until(waits: Iterable[Waiting]) -> str:
    return min((one.until for one in waits if one.until), default="")


def _eta(state: str, total: int, resting: int, speed: float) -> int | None:
    if not total:
        return 0
    if state != "flowing" or speed <= 0:
        return None
    return round((total - resting) / speed) or 1


def rates(kafka: Kafka, names: Names, now: float) -> dict[tuple[str, str], float]:
    """Records a second that got their last word lately, by group and connection, from the receipts."""
    found = spans(kafka, there(kafka, [names.receipts]).partitions)
    counted: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], float] = {}
    for message in records(kafka, since(kafka, found, now - SAMPLE)):
        receipt = orjson.loads(message.value())
        if receipt["outcome"] != "waiting" and not receipt["part"]:
            place = (receipt["group"], (message.key() or b"").decode("utf-8", "replace").partition("/")[0])
            counted[place] += 1
            first[place] = min(first.get(place, now), message.timestamp()[1] / 1000)
    return {place: count / max(1.0, now - first[place]) for place, count in counted.items()}


def members(kafka: Kafka, names: Names, groups: Iterable[str]) -> dict[str, int]:
    """How many workers each group has now. Raises KafkaException."""
    wanted = {names.group(group): group for group in groups}
    client = admin(kafka)  # kept until it has answered: its answers die with it

    def ask() -> dict[str, int]:
        answers: dict[str, Future[Any]] = client.describe_consumer_groups(list(wanted), request_timeout=20)
        return {wanted[name]: _members(answer) for name, answer in answers.items()}

    return patiently(ask, PATIENCE) if wanted else {}


def _members(answer: Future[Any]) -> int:
    try:
        return len(answer.result().members)
    except KafkaException as error:  # a group that never was is no group to Kafka
        if error.args[0].code() != KafkaError.GROUP_ID_NOT_FOUND:
            raise
        return 0


def sources(settings: Settings) -> list[Source]:
    """What is known of each connection's files. Raises KafkaException."""
    files = [page for page in _pages(settings) if of_file(page)]
    waiting = places.counts(settings.connections.values())
    now = datetime.now(UTC)
    return [source(one, files, found, now) for one, found in zip(settings.connections.values(), waiting, strict=True)]


def _pages(settings: Settings) -> list[Entry]:
    return list(ledger(settings.kafka.options(), Names(settings.topics.prefix)).values())


def source(connection: Connection, pages: list[Entry], found: tuple[int | None, str | None], now: datetime) -> Source:
    """What is known of one connection's files, from the books of all and from what was found at their place."""
    own = [page for page in pages if page.connection == connection.name]
    last = max(own, key=lambda page: page.started, default=None)
    taken = max((max(page.finished, page.archived) for page in own), default="")
    day = missed(connection, datetime.fromisoformat(taken) if taken else None, now)
    rejects = sum(page.rejected for page in own)
    waiting, why = found
    return Source(connection.name, last.name if last else None, waiting, rejects, day or None, why)


def _code(lines: Iterable[Line]) -> int:
    return int(any(line.state == "stopped" for line in lines))


def _show_groups(lines: Sequence[Line]) -> None:
    columns = ("group", "connection", "state", "topic", "records", "oldest", "drained in", "why")
    telling.table(telling.console(), f"Groups, {datetime.now(UTC):%H:%M:%S} UTC", columns, _rows(lines))
    if _code(lines):
        click.echo("What is stopped loses nothing, and goes on by itself once mended: `tillstream check` tries it now.")


def _rows(lines: Iterable[Line]) -> Iterable[tuple[object, ...]]:
    for found in lines:
        age, eta = telling.span(found.seconds), telling.span(found.eta_seconds)
        yield (found.group, found.connection, found.state, "", found.lag, age, eta, found.why)
        for topic, count in found.topics.items():
            if count:
                yield ("", "", "", topic, count, "", "", "")
