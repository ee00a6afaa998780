"""Leave a platform in peace that does not answer: ask one question, and go on when it is answered."""

from __future__ import annotations

import asyncio
import random

from tillstream.clock import Clock

FAILURES = 5
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0


class Away(Exception):
    """The platform has been away for so long that whoever waits must give up its place."""


class Breaker:
    """Closed: requests go. Open: they wait. Half: one goes, and its answer decides for all."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures = 0
        self._pause = FIRST_PAUSE
        self._probing = False
        self._try_at = 0.0
        self._changed = asyncio.Event()
        self.open_since: float | None = None
        self.evicted = False

    @property
    def state(self) -> int:
        """0 closed, 1 half open, 2 open."""
        if self.open_since is None:
            return 0
        return 1 if self._probing else 2

    async def enter(self) -> bool:
        """Return when a request may go: True for the one question that is asked while open.

        Raises Away once the waiting have been told to give up (`evict`).
        """
        while self.open_since is not None:
            if self.evicted:
                raise Away
            now = self._clock.monotonic()
            if not self._probing and now >= self._try_at:
                self._probing = True
                return True
            await self._sleep(0.5 if self._probing else self._try_at - now)
        return False

    async def _sleep(self, seconds: float) -> None:
        self._changed.clear()
        try:
            await asyncio.wait_for(self._changed.wait(), max(0.01, seconds))
        except TimeoutError:
            return

    def answered(self) -> None:
        """The platform is there (whatever it said)."""
        self._failures, self._pause, self._probing = 0, FIRST_PAUSE, False
        self.open_since, self.evicted = None, False
        self._changed.set()

    def failed(self, *, probe: bool) -> None:
        """No answer, or one that says the platform is down. While open only the probe's failure counts."""
        self._failures += 1
        now = self._clock.monotonic()
        if self.open_since is None and self._failures >= FAILURES:
            self.open_since = now
            self._try_at = now + self._pause * random.uniform(0.5, 1.0)  # noqa: S311  # jitter is no secret
        elif probe and self.open_since is not None:
            self._pause = min(LONGEST_PAUSE, self._pause * 2)
            self._try_at = now + self._pause * random.uniform(0.5, 1.0)  # noqa: S311
            self.abandoned(probe=True)

    def abandoned(self, *, probe: bool) -> None:
        """A request that had entered was given up before its answer; another may ask in place of the probe."""
        if probe:
            self._probing = False
            self._changed.set()

    def evict(self) -> None:
        """Tell whoever waits to give up; `probe` lets one through again."""
        self.evicted = True
        self._changed.set()

    def readmit(self) -> None:
        """Let one request through again, at once."""
        self.evicted = False
        self._try_at = 0.0
