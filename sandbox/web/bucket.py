"""A bucket that requests are paid from."""

from __future__ import annotations

import math


class Bucket:
    """So much flows in each second, and it holds so much; it is full at first."""

    def __init__(self) -> None:
        self.left = math.inf
        self._at = 0.0

    def fill(self, rate: float, most: float, now: float) -> float:
        """What is in it at `now` (Unix seconds); whoever takes something out lowers `left`."""
        self.left = min(most, self.left + max(0.0, now - self._at) * rate)
        self._at = now
        return self.left

    def take(self, rate: float, now: float) -> bool:
        """One request of a bucket that holds one second's."""
        passes = self.fill(rate, rate, now) >= 1
        self.left -= passes
        return passes
