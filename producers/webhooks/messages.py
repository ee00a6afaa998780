"""Make Kafka messages of what a webhook said, and of what could not be read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from producers.looks import Event
from producers.scribe import TooLarge, retell, too_large
from producers.webhooks.door import Door
from schemas.codec import Codec
from schemas.topics import Names
from tillstream import telemetry
from tillstream.kafka.publisher import Message

_ID = re.compile(r"[A-Za-z0-9_.:-]{1,100}")


@dataclass(frozen=True, slots=True)
class Desk:
    """Writes messages for one installation. `largest` is what the broker takes, in bytes; `letters` of dead letters."""

    codec: Codec
    names: Names
    largest: int = 1_000_000
    letters: int = 1_000_000

    def messages(self, door: Door, events: Sequence[Event], now: datetime) -> list[Message] | TooLarge:
        """The events of one delivery, all of them or none.

        Raises Misfit; with a registry also RegistryAway and RegistryRefused.
        """
        page = f"{door.platform}-webhooks:{now.astimezone(UTC):%Y-%m-%d}"
        messages = []
        for event in events:
            made = retell(self.codec, self.names, self.largest, event, page)
            if isinstance(made, TooLarge):
                return made
            messages.append(made.message)
        return messages

    def letter(
        self, door: Door, body: bytes, reason: str, why: str, delivery: str, now: datetime
    ) -> Message | TooLarge:
        """The dead letter of a delivery that makes no events: its bytes as they came, the reason in headers."""
        moment = now.astimezone(UTC).isoformat(timespec="seconds")
        told = {
            "group": "webhooks",
            "timestamp": int(now.timestamp() * 1000),
            "connection": door.connection,
            "entity": door.platform,
            "reason": reason,
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
        message = Message(self.names.webhooks_dead_letters, None, body, lines)
        return too_large(message, self.letters) or message


def plain(name: str) -> str:
    """A name from outside, where a header and a log line may hold it; "" for what does not look like an id.

    >>> plain("b54557e4-bdd9"), plain("mia@customer.example")
    ('b54557e4-bdd9', '')
    """
    return name if _ID.fullmatch(name) else ""
