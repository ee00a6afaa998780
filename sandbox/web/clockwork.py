"""A clock that a test may move, and what is to be done later by it."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable


class Clockwork:
    """Time and agenda of one simulated account. Only the server's own thread touches it."""

    def __init__(self) -> None:
        self.skew = 0.0
        self.empty()

    def empty(self) -> None:
        """Forget what was to be done; the time stays."""
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = 0

    def now(self) -> float:
        """Unix seconds, moved by what a test asked for."""
        return time.time() + self.skew

    def serial(self) -> int:
        """A number never given before."""
        self._serial += 1
        return self._serial

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do this after so many seconds; at once for 0. Equal moments keep their order."""
        if seconds <= 0:
            action()
        else:
            heapq.heappush(self._later, (self.now() + seconds, self.serial(), action))

    def settle(self) -> None:
        """Do what has become due since the last time."""
        while self._later and self._later[0][0] <= self.now():
            heapq.heappop(self._later)[2]()
