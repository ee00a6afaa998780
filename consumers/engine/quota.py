"""Stay inside a platform's limits, whoever else works on the same account, and use them well."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from math import floor

from tillstream.clock import Clock

LONGEST_REST = 300.0
"""A platform that asks for a longer rest is asked again after this; the rest is said in the log."""


class Window:
    """At most `limit` requests in any `seconds`. A request counts from its start until `seconds` after its answer, so
    that it is inside the platform's count whenever the platform may have counted it."""

    def __init__(self, seconds: float, limit: float) -> None:
        self.seconds = seconds
        self.limit = limit
        self._under_way = 0
        self._answered: deque[float] = deque()

    def wait(self, now: float, share: float) -> float:
        """0 when a request may start now, else the seconds until it may; infinity while only answers can tell."""
        while self._answered and self._answered[0] <= now - self.seconds:
            self._answered.popleft()
        allowed = max(1, floor(self.limit * share + 1e-9))
        used = len(self._answered) + self._under_way
        if used < allowed:
            return 0.0
        index = used - allowed
        if index < len(self._answered):
            return max(0.001, self._answered[index] + self.seconds - now)
        return float("inf")

    def start(self) -> None:
        self._under_way += 1

    def answered(self, now: float) -> None:
        self._under_way -= 1
        self._answered.append(now)

    def used_up_to(self, left: int, share: float, now: float) -> None:
        """The platform says only `left` requests remain for everybody in this window: take our share of them."""
        spare = floor(left * share)
        known = len(self._answered) + self._under_way
        allowed = max(1, floor(self.limit * share))
        for _ in range(max(0, allowed - spare - known)):
            self._answered.append(now)


class Endpoint:
    """One endpoint's quota in one worker: our share of every window, rests, and who waits."""

    def __init__(self, windows: tuple[tuple[float, int], ...], clock: Clock, share: Callable[[], float]) -> None:
        self._windows = [Window(seconds, limit) for seconds, limit in windows]
        self._clock = clock
        self._share = share
        self._rest_until = 0.0
        self._turn = asyncio.Lock()
        self._answer = asyncio.Event()
        self._alone = bool(windows)
        self._first_under_way = False
        self.waited = 0.0

    def forget_phase(self) -> None:
        """The assignment changed: the next request goes alone, and its answer says what is left."""
        self._alone = bool(self._windows)

    def rest(self, seconds: float) -> None:
        """The platform asked for a pause: nobody asks before it is over."""
        self._rest_until = max(self._rest_until, self._clock.monotonic() + min(seconds, LONGEST_REST))

    @property
    def resting(self) -> float:
        """Seconds of the rest that are left."""
        return max(0.0, self._rest_until - self._clock.monotonic())

    async def start(self) -> None:
        """Return when a request may go; the caller sends it at once and calls `answered`."""
        begun = self._clock.monotonic()
        async with self._turn:
            while (wait := self._wait()) > 0:
                await self._pause(wait)
            for window in self._windows:
                window.start()
            self._first_under_way = self._alone
        self.waited += self._clock.monotonic() - begun

    def _wait(self) -> float:
        if self._first_under_way:
            return float("inf")
        now = self._clock.monotonic()
        return max(self.resting, *(w.wait(now, self._share()) for w in self._windows)) if self._windows else self.resting

    async def _pause(self, seconds: float) -> None:
        self._answer.clear()
        try:
            await asyncio.wait_for(self._answer.wait(), min(seconds, 1.0))
        except TimeoutError:
            return

    def answered(self, remaining: int | None) -> None:
        """A request came back (or never will). `remaining`: what the platform says is left of its longest window."""
        now = self._clock.monotonic()
        for window in self._windows:
            window.answered(now)
        if self._first_under_way:
            self._alone = self._first_under_way = False
            if remaining is not None:
                max(self._windows, key=lambda w: w.seconds).used_up_to(remaining, self._share(), now)
        self._answer.set()

    def remaining_ratio(self) -> float:
        """The part of our share that is free, in the tightest window."""
        now, share = self._clock.monotonic(), self._share()
        free = []
        for window in self._windows:
            window.wait(now, share)
            allowed = max(1, floor(window.limit * share))
            free.append(max(0.0, 1 - (len(window._answered) + window._under_way) / allowed))
        return min(free, default=1.0)
