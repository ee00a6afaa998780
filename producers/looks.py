"""The words between the rounds of polls and whoever makes a look: what is asked, what was found, and when it is due."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple, Protocol

from tillstream.settings import Connection

Every = timedelta | time | None
Known = Callable[[str], str]


class Event(Protocol):
    """A record for one of our topics: the key without its connection, the object inside the key, and the record."""

    @property
    def topic(self) -> str: ...
    @property
    def tail(self) -> str: ...
    @property
    def object(self) -> str: ...
    @property
    def record(self) -> Mapping[str, Any]: ...


class Told(Protocol):
    """What one that was read became: events, or none and why; and what is to be remembered ("" forgets)."""

    @property
    def events(self) -> Sequence[Event]: ...
    @property
    def none(self) -> str: ...
    @property
    def remember(self) -> Mapping[str, str]: ...


class Look(Protocol):
    """What a look found, where the next one begins, and whether that is to be at once."""

    @property
    def read(self) -> Sequence[Told]: ...
    @property
    def position(self) -> Any: ...
    @property
    def more(self) -> bool: ...


class Stands(NamedTuple):
    """Why a look could not be made; `stopped` is a word for what a person must mend, "" where nobody must."""

    why: str
    stopped: str = ""


class Errand(Protocol):
    """A look that is under way."""

    def result(self) -> Look | Stands | None:
        """What came of it; None while it goes on."""

    @property
    def trouble(self) -> str:
        """Why it takes so long: the platform does not answer. "" when all is well."""

    def drop(self) -> None:
        """Nobody waits for it any more."""


@dataclass(frozen=True)
class Round:
    """One poll of one connection: when, and how to set out from a position with what is remembered.

    `topic` is the one that its events are for.
    """

    connection: Connection
    name: str
    topic: str
    every: Every
    ask: Callable[[Any, Known], Errand]


def next_due(one: Round, last: datetime | None, now: datetime) -> datetime:
    """When a round is due whose last one was begun (daily: finished) then; one that never was: now."""
    if last is None or one.every is None:
        return now
    if isinstance(one.every, timedelta):
        return last + one.every
    return daily(one.every, one.connection.timezone, last)


def daily(at: time, zone: Any, after: datetime) -> datetime:
    """The first moment after another at which clocks of the zone show a time.

    >>> from zoneinfo import ZoneInfo
    >>> str(daily(time(3, 30), ZoneInfo("Australia/Melbourne"), datetime(2026, 6, 14, 2, 0, tzinfo=UTC)))
    '2026-06-14 17:30:00+00:00'
    """
    day = after.astimezone(zone).date()
    moments = (datetime.combine(day + timedelta(days=more), at, zone).astimezone(UTC) for more in range(3))
    return next(one for one in moments if one > after)
