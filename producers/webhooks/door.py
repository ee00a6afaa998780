"""What the server is given for each account: the secret of its path, who reads its deliveries, and in which words."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from producers.looks import Event
from tillstream import logs
from tillstream.settings import SecretError

LOG = logs.logger(__name__)
ASK_AGAIN = 30.0
"""Seconds for which a token is known that stands in a file."""

Headers = Mapping[str, str]
"""By lower-case name."""


class Unreadable(NamedTuple):
    """Why a delivery is not what its platform says it sends; no personal data."""

    why: str


class Token:
    """The secret part of a path. One in a file may change; while the file cannot be read, the last one holds."""

    def __init__(self, read: Callable[[], str], monotonic: Callable[[], float] = time.monotonic) -> None:
        """Raises SecretError where it cannot be read at the start."""
        self._read, self._monotonic = read, monotonic
        self._known, self._at = read(), monotonic()

    def now(self) -> str:
        """The token as it was at most half a minute ago."""
        if self._monotonic() - self._at > ASK_AGAIN:
            self._at = self._monotonic()
            try:
                self._known = self._read()
            except SecretError as error:
                LOG.warning("a webhook's token cannot be read again", why=str(error))
        return self._known


def always(_headers: Headers, _body: bytes) -> bool:
    """A platform that signs nothing: the secret path is the only proof."""
    return True


def unnamed(_headers: Headers) -> str:
    """A platform that does not name its deliveries."""
    return ""


async def as_delivered(event: Event) -> Event:
    """A platform that is not asked again."""
    return event


@dataclass(frozen=True, slots=True)
class Door:
    """Where one account's deliveries come in.

    `signed` and `read` are pure; `fresh` returns the event as the platform tells it now, or as it is, in a few seconds
    at most. `delivery` is by which the platform itself names a delivery, "" where it does not.
    """

    connection: str
    platform: str
    token: Token
    read: Callable[[Headers, bytes], Sequence[Event] | Unreadable]
    signed: Callable[[Headers, bytes], bool] = field(default=always)
    delivery: Callable[[Headers], str] = field(default=unnamed)
    fresh: Callable[[Event], Awaitable[Event]] = field(default=as_delivered)
