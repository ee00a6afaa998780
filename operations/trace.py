"""Tell where everything about one customer went: from file and line to what each platform answered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import click
import orjson

from consumers.engine.shelf import AT, ON
from operations import platforms, telling, whose
from operations.audit import ledger
from operations.looks import of_file
from operations.reading import Kafka, records, spans, there
from operations.whose import Customer
from schemas import headers
from schemas.topics import EVENT_TOPICS, Names
from tillstream.kafka.partitioner import partition_of
from tillstream.settings import Settings


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to a customer's record.

    `kind`: `event` (it was published), `receipt` (a group is done with it, or put it off), `shelf` (it waits there
    now), `dead_letter`, `waiting` (the producers keep an order until its person is seen, until `time` at most). `time`
    is ISO 8601 in UTC; `offset` that on the topic; `call` the last request and `status` its answer; None where there
    is none.
    """

    time: str
    kind: str
    group: str | None
    key: str
    file: str | None
    line: int | None
    topic: str
    offset: int | None
    call: str | None
    status: int | None
    outcome: str
    why: str | None


class Archive:
    """Kafka, and the names of the files behind their bytes."""

    def __init__(self, kafka: Kafka, names: Names) -> None:
        self.kafka, self.names = kafka, names
        pages = (page for page in ledger(kafka, names).values() if of_file(page))
        self._files = {(page.connection, page.sha256): page.name for page in pages}

    def file(self, key: str, sha256: str) -> str | None:
        """The name of a file, its hash where the name is not known; of a poll its name and day."""
        return self._files.get((key.partition("/")[0], sha256), sha256) or None

    def of_keys(self, topics: Iterable[str], keys: frozenset[str]) -> Iterator[tuple[str, str, Any]]:
        """Topic, key and record of everything under these keys; only their partitions are read."""
        found = there(self.kafka, topics).partitions
        wanted = {key.encode(): key for key in keys}
        homes = {(topic, partition_of(key, count)) for topic, count in found.items() for key in wanted}
        for message in records(self.kafka, [span for span in spans(self.kafka, found) if span[:2] in homes]):
            key = wanted.get(message.key())
            if key is not None:
                yield message.topic(), key, message


def run(settings: Settings, person: str, as_json: bool) -> int:
    """Print everything that is known of a person, oldest first."""
    with telling.kafka_answers():
        customers, steps = follow(settings, person)
    if as_json:
        telling.json([asdict(step) for step in steps])
    else:
        _show(customers, steps)
    return 0


def follow(settings: Settings, person: str) -> tuple[list[Customer], list[Step]]:
    """Who is meant, and what happened to their records, oldest first. Raises KafkaException."""
    kafka, names = settings.kafka.options(), Names(settings.topics.prefix)
    customers = whose.find(kafka, names, settings.connections, person)
    keys = frozenset(key for customer in customers for key in customer.keys)
    archive, sinks = Archive(kafka, names), list(platforms.find())
    steps = [step for customer in customers for step in _kept(archive, customer)]
    if keys:
        steps += [*_events(archive, keys), *_receipts(archive, keys), *_letters(archive, keys, sinks)]
        steps += _shelf(archive, keys, sinks)
    return customers, sorted(steps, key=lambda step: step.time)


def _kept(archive: Archive, customer: Customer) -> Iterator[Step]:
    key = min(customer.keys)
    for order in customer.waiting:
        due, file = order.due.astimezone(UTC).isoformat(), archive.file(key, order.sha256)
        why = "its person was not seen yet"
        yield Step(due, "waiting", None, key, file, None, "orders", None, None, None, "waiting", why)


def _events(archive: Archive, keys: frozenset[str]) -> Iterator[Step]:
    bare = {archive.names.topic(name): name for name in EVENT_TOPICS}
    for topic, key, message in archive.of_keys(bare, keys):
        told = _headers(message)
        file, line = archive.file(key, told.get(headers.SHA256, "")), _line(told.get(headers.LINE))
        origin = told.get(headers.ORIGIN) or None
        yield Step(
            _time(message),
            "event",
            None,
            key,
            file,
            line,
            bare[topic],
            message.offset(),
            None,
            None,
            "published",
            origin,
        )


def _receipts(archive: Archive, keys: frozenset[str]) -> Iterator[Step]:
    for _, key, message in archive.of_keys([archive.names.receipts], keys):
        told = orjson.loads(message.value())
        yield Step(
            time=told["time"],
            kind="receipt",
            group=told["group"],
            key=key,
            file=archive.file(key, told["file"]),
            line=_line(told["line"]),
            topic=told["topic"] + (f" ({told['part']})" if told["part"] else ""),
            offset=told["offset"] if told["offset"] >= 0 else None,
            call=told.get("call") or None,
            status=told.get("status") or None,
            outcome=told["outcome"],
            why=", ".join(str(told[name]) for name in ("why", "message", "note", "until") if told.get(name)) or None,
        )


def _letters(archive: Archive, keys: frozenset[str], sinks: Iterable[str]) -> Iterator[Step]:
    groups = {archive.names.dead_letters(sink): sink for sink in sinks}
    for topic, key, message in archive.of_keys(groups, keys):
        told = {name.removeprefix("tillstream."): text for name, text in _headers(message).items()}
        yield Step(
            time=_time(message),
            kind="dead_letter",
            group=groups[topic],
            key=key,
            file=archive.file(key, told.get("file-sha256", "")),
            line=_line(told.get("file-line")),
            topic=told.get("topic", ""),
            offset=_number(told.get("offset")),
            call=None,
            status=_number(told.get("status")),
            outcome="dead",
            why=", ".join(told[name] for name in ("reason", "message") if told.get(name)) or None,
        )


def _shelf(archive: Archive, keys: frozenset[str], sinks: Iterable[str]) -> Iterator[Step]:
    """What waits on the shelves now. They stand in the partitions of the keys."""
    groups = {archive.names.state(sink): sink for sink in sinks}
    found = there(archive.kafka, groups).partitions
    homes = {(topic, partition_of(key.encode(), count)) for topic, count in found.items() for key in keys}
    entries: dict[tuple[str, bytes], dict[str, Any] | None] = {}
    for message in records(archive.kafka, [span for span in spans(archive.kafka, found) if span[:2] in homes]):
        name, value = message.key(), message.value()
        if name.startswith((AT.encode(), ON.encode())):
            entries[message.topic(), name] = orjson.loads(value) if value else None
    for (topic, _), entry in entries.items():
        if entry is not None and entry["key"] in keys:
            yield _shelved(archive, groups[topic], entry)


def _shelved(archive: Archive, group: str, entry: Mapping[str, Any]) -> Step:
    told = entry["headers"]
    until = entry["until"] or entry["wakes"]
    return Step(
        time=entry["since"],
        kind="shelf",
        group=group,
        key=entry["key"],
        file=archive.file(entry["key"], told.get(headers.SHA256, "")),
        line=_line(told.get(headers.LINE)),
        topic=entry["topic"] + (f" ({entry['part']})" if entry["part"] else ""),
        offset=None,
        call=None,
        status=None,
        outcome="waiting",
        why=", ".join(part for part in (entry["why"], entry.get("told"), until) if part),
    )


def _headers(message: Any) -> dict[str, str]:
    return {name: (value or b"").decode("utf-8", "replace") for name, value in message.headers() or ()}


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None


def _line(text: str | None) -> int | None:
    """The line of a file; what came from none says 0."""
    return _number(text) or None


def _time(message: Any) -> str:
    return datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC).isoformat(timespec="milliseconds")


def _show(customers: list[Customer], steps: list[Step]) -> None:
    if not customers:
        click.echo("Nobody is known under this address, id or docket.")
    for customer in customers:
        persons = ", ".join(sorted(customer.persons)) or "none known"
        click.echo(f"{customer.connection}: AP21 ids {persons}; keys {', '.join(sorted(customer.keys))}")
    if customers and not steps:
        click.echo("Nothing was ever published, sent or kept under these keys.")
    if steps:
        columns = ("time", "what", "group", "file", "line", "topic", "offset", "call", "status", "outcome", "why")
        telling.table(telling.console(), "Steps", columns, (_row(step) for step in steps))


def _row(step: Step) -> tuple[object, ...]:
    line, offset, status = (None if one is None else str(one) for one in (step.line, step.offset, step.status))
    first = (step.time[:23], step.kind, step.group, step.file, line, step.topic)
    return (*first, offset, step.call, status, step.outcome, step.why)
