"""Turn records into Kafka messages: key, bytes, and the headers that spare most readers the decoding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from schemas import headers
from schemas.codec import Codec
from schemas.topics import Names
from tillstream.kafka.publisher import Message

OVERHEAD = 300
"""Bytes that Kafka adds to a record and its batch, generously; the broker's limit is on all of it."""


class Provenance(NamedTuple):
    """Where a record came from: connection, origin (`apparel21-file`, `apparel21-poll`), file, whether from /bulk."""

    connection: str
    origin: str
    file: str = ""
    sha256: str = ""
    bulk: bool = False


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
    """A record of more bytes than the broker takes."""

    size: int


@dataclass(frozen=True)
class Scribe:
    """Writes the records of one source. `largest` is what the broker takes, in bytes."""

    codec: Codec
    names: Names
    source: Provenance
    largest: int = 1_000_000

    @cached_property
    def _constant(self) -> tuple[tuple[str, bytes], ...]:
        """The headers that all records of one source share."""
        return (headers.ORIGIN, self.source.origin.encode()), (headers.SHA256, self.source.sha256.encode())

    def of(self, source: Provenance) -> Scribe:
        """The same for another source."""
        return replace(self, source=source)

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
        if len(payload) + len(key) + OVERHEAD > self.largest:
            return TooLarge(len(payload))
        told = self._headers(subject, when, content)
        return Event(Message(self.names.topic(topic), key, payload, told), content)

    def _headers(self, subject: str, when: Moment, content: str) -> tuple[tuple[str, bytes], ...]:
        return (
            (headers.CONTENT, content.encode()),
            (headers.SOURCE_TIME, when.order.partition("|")[0].encode()),
            (headers.ORDER, when.order.encode()),
            (headers.OBJECT, ascii_only(subject)),
            (headers.LINE, b"%d" % when.line),
            *self._constant,
        )


def ascii_only(text: str) -> bytes:
    """Header values are ASCII; other letters of an id are escaped, so that different ids stay different.

    >>> ascii_only("73152"), ascii_only("Zoë")
    (b'73152', b'Zo\\\\xeb')
    """
    return text.encode("ascii", "backslashreplace")


def tail_of(email: str, person_id: str, otherwise: str) -> str:
    """The key of a record without the connection: the address, else the person, else what it is itself.

    >>> tail_of("kim@customer.example", "7", "tran:1"), tail_of("", "7", "tran:1"), tail_of("", "", "tran:1")
    ('kim@customer.example', 'person:7', 'tran:1')
    """
    if email:
        return email
    return f"person:{person_id}" if person_id else otherwise
