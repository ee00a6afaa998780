"""Klaviyo's rate limits: fixed windows of one second and one minute, for each account and endpoint."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple


class Limit(NamedTuple):
    """How many requests one second and one minute take."""

    burst: int
    steady: int


XS, S, M, L, XL = Limit(1, 15), Limit(3, 60), Limit(10, 150), Limit(75, 750), Limit(350, 3500)
"""Klaviyo's tiers (developers.klaviyo.com, "Rate limits, status codes, and errors")."""


@dataclass(frozen=True, slots=True)
class Room:
    """The request may pass; the rest describes the minute's window, which is the only one the headers speak of."""

    limit: int
    remaining: int
    reset: int


@dataclass(frozen=True, slots=True)
class Full:
    """The request may not pass before this many whole seconds are over."""

    wait: int


@dataclass(slots=True)
class _Count:
    window: int = -1
    used: int = 0


class Windows:
    """Counts requests by endpoint. A refused request uses up nothing."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, int], _Count] = {}

    def take(self, endpoint: str, limit: Limit, now: float) -> Room | Full:
        """Count one request of `endpoint` at `now` (Unix seconds), or say how long to wait."""
        second, minute = self._current(endpoint, 1, now), self._current(endpoint, 60, now)
        reset = max(1, math.ceil(60 - now % 60))
        if minute.used >= limit.steady:
            return Full(reset)
        if second.used >= limit.burst:
            return Full(1)
        second.used += 1
        minute.used += 1
        return Room(limit.steady, limit.steady - minute.used, reset)

    def _current(self, endpoint: str, length: int, now: float) -> _Count:
        """The endpoint's count in the window of this length; a count of an earlier window is over."""
        window, key = int(now // length), (endpoint, length)
        count = self._counts.get(key)
        if count is None or count.window != window:
            count = self._counts[key] = _Count(window)
        return count
