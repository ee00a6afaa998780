"""Turn records into Kafka messages: key, bytes, and the headers that spare most readers the decoding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from producers import looks
from schemas import headers
from schemas.codec import Codec
from schemas.topics import Names
from tillstream.kafka.publisher import Message

OVERHEAD = 300
"""Bytes that Kafka adds to a record, its headers and its batch, generously; the broker's limit is on all of it."""


class Provenance(NamedTuple):
    """Where a record came from: connection, origin (`apparel21-file`, `apparel21-poll`), file, whether from /bulk.

    `page` is what the books count it under where that is no file.
    """

    connection: str
    origin: str
    file: str = ""
    sha256: str = ""
    bulk: bool = False
    page: str = ""


class Moment(NamedTuple):
    """When a record was true, the time in its file's name (None: no file), its line, and all three as sortable text."""

    source_time: datetime
    file_time: datetime | None
    line: int
    order: str


def moment(source_time: datetime, file_time: datetime | None = None, line: int = 0) -> Moment:
    """A moment with its sortable text: what is newest is decided by it."""
    return Moment(source_time, file_time, line, headers.order(source_time, file_time, line))


class Event(NamedTuple):
    """A record as it goes to Kafka; `content` is the hash of what it says, whoever says it."""

    message: Message
    content: str


class TooLarge(NamedTuple):
    """A message of more bytes than the broker takes."""

    size: int


@dataclass(frozen=True)
class Scribe:
    """Writes the records of one source. `largest` is what the broker takes, in bytes."""

    codec: Codec
    names: Names
    source: Provenance
    largest: int = 1_000_000

    def write(self, topic: str, tail: str, subject: str, values: Mapping[str, Any], when: Moment) -> Event | TooLarge:
        """One record: `tail` is its key without the connection, `subject` the object inside the key.

        Raises schemas.codec.Misfit where the values do not fit the schema, which is our own fault.
        """
        source = self.source
        record = {
            **values,
            "connection": source.connection,
            "origin": source.origin,
            "source_time": when.source_time,
            "file": source.file,
            "sha256": source.sha256,
            "line": when.line,
            "file_time": when.file_time,
            "bulk": source.bulk,
        }
        payload, content = self.codec.encode(topic, record)
        key = f"{source.connection}/{tail}".encode()
        page = source.page or source.sha256
        told = headers.of_event(content, when.order, subject, when.line, source.origin, page)
        message = Message(self.names.topic(topic), key, payload, told)
        return too_large(message, self.largest) or Event(message, content)


def too_large(message: Message, largest: int) -> TooLarge | None:
    """Does a message have more bytes than the broker takes?"""
    size = len(message.key or b"") + len(message.value or b"") + OVERHEAD
    size += sum([len(name) + len(value) for name, value in message.headers])
    return TooLarge(size) if size > largest else None


def retell(codec: Codec, names: Names, largest: int, event: looks.Event, page: str) -> Event | TooLarge:
    """The event that a platform told us of; `page` is what the books count it under. Raises schemas.codec.Misfit."""
    record = event.record
    source = Provenance(record["connection"], record["origin"], "", record["sha256"], page=page)
    scribe = Scribe(codec, names, source, largest)
    return scribe.write(event.topic, event.tail, event.object, record, moment(record["source_time"]))


def tail_of(email: str, person_id: str, otherwise: str) -> str:
    """The key of a record without the connection: the address, else the person, else what it is itself.

    >>> tail_of("kim@customer.example", "7", "tran:1"), tail_of("", "7", "tran:1"), tail_of("", "", "tran:1")
    ('kim@customer.example', 'person:7', 'tran:1')
    """
    if email:
        return email
    return f"person:{person_id}" if person_id else otherwise
