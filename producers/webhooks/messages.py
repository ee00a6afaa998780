"""Make Kafka messages of what a webhook said, and of what could not be read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from producers.looks import Event
from producers.scribe import ascii_only
from producers.webhooks.door import Door
from schemas import headers
from schemas.codec import Codec
from schemas.topics import Names
from tillstream import telemetry
from tillstream.kafka.publisher import Message

_ID = re.compile(r"[A-Za-z0-9_.:-]{1,100}")


@dataclass(frozen=True, slots=True)
class Desk:
    """Writes messages for one installation."""

    codec: Codec
    names: Names

    def messages(self, door: Door, events: Sequence[Event], now: datetime) -> list[Message]:
        """The events of one delivery. Raises Misfit; with a registry also RegistryAway and RegistryRefused."""
        page = f"{door.platform}-webhooks:{now.astimezone(UTC):%Y-%m-%d}".encode()
        return [self._message(event, page) for event in events]

    def _message(self, event: Event, page: bytes) -> Message:
        """An event as a message; its header names what the books count it under: its platform and day."""
        record = event.record
        payload, content = self.codec.encode(event.topic, record)
        key = f"{record['connection']}/{event.tail}".encode()
        told = (
            (headers.CONTENT, content.encode()),
            (headers.SOURCE_TIME, headers.instant(record["source_time"]).encode()),
            (headers.ORDER, headers.order(record["source_time"], None, 0).encode()),
            (headers.OBJECT, ascii_only(event.object)),
            (headers.ORIGIN, record["origin"].encode()),
            (headers.SHA256, page),
            (headers.LINE, b"0"),
        )
        return Message(self.names.topic(event.topic), key, payload, told)

    def letter(self, door: Door, body: bytes, why: str, delivery: str, now: datetime) -> Message:
        """The dead letter of a delivery that cannot be read: its bytes as they came, the reason in headers."""
        moment = now.astimezone(UTC).isoformat(timespec="seconds")
        told = {
            "group": "webhooks",
            "timestamp": int(now.timestamp() * 1000),
            "connection": door.connection,
            "entity": door.platform,
            "reason": "malformed",
            "message": why,
            "status": 200,
            "request-id": plain(delivery),
            "attempts": 1,
            "first-failed": moment,
            "last-failed": moment,
            "file-sha256": hashlib.sha256(body).hexdigest(),
            "version": telemetry.release(),
        }
        lines = [(f"tillstream.{name}", str(value).encode("ascii", "backslashreplace")) for name, value in told.items()]
        return Message(self.names.webhooks_dead_letters, None, body, lines)


def plain(name: str) -> str:
    """A name from outside, where a header and a log line may hold it; "" for what does not look like an id.

    >>> plain("b54557e4-bdd9"), plain("mia@customer.example")
    ('b54557e4-bdd9', '')
    """
    return name if _ID.fullmatch(name) else ""
