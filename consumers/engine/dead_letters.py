"""What can never be delivered is kept with its reason, its bytes untouched; too much of it stops the group instead."""

from __future__ import annotations

from collections import Counter, deque
from datetime import UTC, datetime
from typing import NamedTuple

from consumers.engine.item import PART, REPLAYS, Record
from consumers.engine.outcome import Rejected
from schemas.topics import Names
from tillstream.kafka.publisher import Message

REMEMBERED = 1000
_FRAMED = b"\x00"
"""Confluent framing: then the schema's id in four bytes, and after them what the record says."""
ATTEMPTS, FIRST_FAILED = "tillstream.attempts", "tillstream.first-failed"


class Origin(NamedTuple):
    """Who writes a dead letter: the group, the release, the hash of the tables that were in force, and how our topics
    are called in full."""

    group: str
    version: str
    tables: str
    names: Names


class TooManyDeadLetters(Exception):
    """So many records in a row, or such a part of them, were refused that a person must look before more go."""


class Limit:
    """Stops a group that fills its dead letters: a run of refusals, or too large a part of the last thousand."""

    def __init__(self, run: int, ratio: float) -> None:
        """`run`: refusals in a row; `ratio`: refused / finished among the last thousand (at least 200)."""
        self._run = run
        self._ratio = ratio
        self._in_a_row = 0
        self._last: deque[str] = deque(maxlen=REMEMBERED)
        self._dead = 0

    def note(self, reason: str) -> None:
        """A record is finished; `reason` is "" unless it was refused. Raises TooManyDeadLetters."""
        if len(self._last) == REMEMBERED and self._last[0]:
            self._dead -= 1
        self._last.append(reason)
        self._dead += bool(reason)
        self._in_a_row = self._in_a_row + 1 if reason else 0
        if self._in_a_row >= self._run:
            raise TooManyDeadLetters(f"{self._in_a_row} records in a row were refused: {self._reasons()}")
        if reason and len(self._last) >= 200 and self._dead > self._ratio * len(self._last):
            told = f"{self._dead} of the last {len(self._last)} records were refused: {self._reasons()}"
            raise TooManyDeadLetters(told)

    def _reasons(self) -> str:
        counted = Counter(reason for reason in self._last if reason).most_common(3)
        return ", ".join(f"{reason} ({count})" for reason, count in counted)


def letter(topic: str, origin: Origin, record: Record, why: Rejected, now: datetime) -> Message:
    """The dead letter of a record: key and value as they were, the reason in headers, no personal data among them.

    A record that was redriven and refused again goes on counting its attempts, since its first failure.
    """
    moment = now.astimezone(UTC).isoformat(timespec="seconds")
    told = dict(record.headers) | _ours(origin, record, why, moment) | _known_to_consoles(origin, record)
    key = record.raw_key or record.key.encode() or None
    return Message(topic, key, record.value, list(told.items()), record.slot.number)


def _ours(origin: Origin, record: Record, why: Rejected, moment: str) -> dict[str, bytes]:
    fields = {
        "group": origin.group,
        "topic": record.topic,
        "partition": record.slot.number,
        "offset": record.place,
        "timestamp": record.timestamp,
        "connection": record.connection,
        "entity": record.topic,
        "reason": why.reason,
        "message": why.message,
        "status": why.status or "",
        "request-id": why.request_id,
        "attempts": record.attempts + 1 + _whole(record.headers.get(ATTEMPTS)),
        "first-failed": (record.headers.get(FIRST_FAILED) or b"").decode("ascii", "ignore")
        or record.first_failed
        or moment,
        "last-failed": moment,
        "file-sha256": record.file,
        "file-line": record.line,
        "schema": record.value[: 5 if record.value.startswith(_FRAMED) else 10].hex(),
        "tables": origin.tables,
        "version": origin.version,
    }
    parts = {PART: record.part.encode()} if record.part else {}
    return parts | {f"tillstream.{name}": str(value).encode() for name, value in fields.items()}


def _known_to_consoles(origin: Origin, record: Record) -> dict[str, bytes]:
    """How common Kafka consoles show and resend a dead letter (Spring for Apache Kafka, class `KafkaHeaders`)."""
    again = record.source == REPLAYS and not record.run
    fields = {
        "topic": origin.names.replay(origin.group) if again else origin.names.topic(record.topic),
        "partition": record.slot.number,
        "offset": record.place,
        "timestamp": record.timestamp,
    }
    return {f"kafka_dlt-original-{name}": str(value).encode() for name, value in fields.items()}


def _whole(text: bytes | None) -> int:
    return int(text) if text and text.isdigit() else 0
