"""What can never be delivered is kept with its reason, its bytes untouched; too much of it stops the group instead."""

from __future__ import annotations

from collections import Counter, deque
from datetime import UTC, datetime

from consumers.engine.item import Record
from consumers.engine.outcome import Rejected
from tillstream.kafka.publisher import Message

REMEMBERED = 1000


class TooManyDeadLetters(Exception):
    """So many records in a row, or such a part of them, were refused that a person must look before more are buried."""


class Limit:
    """Stops a group that fills its dead letters: a run of refusals, or too large a part of the last thousand records."""

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
            raise TooManyDeadLetters(f"{self._dead} of the last {len(self._last)} records were refused: {self._reasons()}")

    def _reasons(self) -> str:
        counted = Counter(reason for reason in self._last if reason).most_common(3)
        return ", ".join(f"{reason} ({count})" for reason, count in counted)


def letter(topic: str, group: str, version: str, tables: str, record: Record, why: Rejected, now: datetime) -> Message:
    """The dead letter of a record: key and value as they were, the reason in headers, no personal data among them."""
    moment = now.astimezone(UTC).isoformat(timespec="seconds")
    ours = {
        "group": group,
        "topic": record.topic,
        "partition": record.slot.number,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "connection": record.connection,
        "entity": record.topic,
        "reason": why.reason,
        "message": why.message,
        "status": why.status or "",
        "request-id": why.request_id,
        "attempts": record.attempts + 1,
        "first-failed": record.first_failed or moment,
        "last-failed": moment,
        "file-sha256": record.file,
        "file-line": record.line,
        "schema": record.value[:10].hex(),
        "tables": tables,
        "version": version,
    }
    known = {"topic": record.source, "partition": record.slot.number, "offset": record.offset, "timestamp": record.timestamp}
    headers = [(f"tillstream.{name}", str(value).encode()) for name, value in ours.items()]
    headers += [(f"kafka_dlt-original-{name}", str(value).encode()) for name, value in known.items()]
    headers += [(name, value) for name, value in record.headers.items() if f"tillstream.{name}" not in dict(headers)]
    return Message(topic, record.key.encode(), record.value, headers, record.slot.number)
