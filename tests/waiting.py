"""Waiting for what comes by itself, and a clock for what would take too long."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from tillstream.clock import SYSTEM


def until(true: Callable[..., object], seconds: float = 120, what: str | Callable[[], str] = "") -> None:
    """Wait until something is true; no test passes sooner or later because of `seconds`.

    `what` is waited for, or tells at the end of all patience how things stand.
    """
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what() if callable(what) else what or true}"
        time.sleep(0.02)


class Leap:
    """A clock that a test sets ahead, while everything else takes its time."""

    def __init__(self, ahead: timedelta = timedelta(0)) -> None:
        self._ahead = ahead.total_seconds()

    def leap(self, seconds: float) -> None:
        self._ahead += seconds

    def now(self) -> datetime:
        return SYSTEM.now() + timedelta(seconds=self._ahead)

    def monotonic(self) -> float:
        return SYSTEM.monotonic() + self._ahead

    async def sleep(self, seconds: float) -> None:
        """As long as it says, or until a leap has passed the end."""
        end = self.monotonic() + seconds
        while (left := end - self.monotonic()) > 0:
            await SYSTEM.sleep(min(left, 0.1))
