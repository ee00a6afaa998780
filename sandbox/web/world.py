"""What one simulated account is before it is anybody's: how it behaves, its clock, and that all may be forgotten."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar

from sandbox.web.answer import Json
from sandbox.web.clockwork import Clockwork


class Behaviour(Protocol):
    """What every account's settings have, beside its platform's own."""

    @property
    def latency(self) -> float:
        """Seconds before every answer."""

    @property
    def kept_requests(self) -> int:
        """How many requests the log keeps."""


S = TypeVar("S", bound=Behaviour)


class World(Clockwork, Generic[S]):
    """One account. Only the server's own thread touches it."""

    def __init__(self, settings: S) -> None:
        super().__init__()
        self.settings = settings
        self.reset()

    def reset(self) -> None:
        """Forget everything but the settings and the time; a platform forgets what is its own besides."""
        self.empty()
        self.random = random.Random(7)

    def sizes(self) -> Json:
        """What a test may want to have counted."""
        return {}


def stamp(seconds: float | None) -> str | None:
    """A moment in UTC with milliseconds and a Z, as many platforms write it; None for none.

    >>> stamp(1755138660.0)
    '2025-08-14T02:31:00.000Z'
    """
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: object) -> float | None:
    """Unix seconds of an ISO 8601 text (or one with a blank for the T), without an offset read as UTC; None for others.

    >>> moment("2019-05-25 20:59:53"), moment("2025-08-14T02:31:00Z"), moment("soon"), moment(20250814)
    (1558817993.0, 1755138660.0, None, None)
    """
    try:
        read = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        read = None
    if read is None:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
