"""Stay inside a platform's limits, whoever else works on the same account, and use them well."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from math import floor

from tillstream.clock import Clock

PAUSE = 1.0
"""Seconds from which on a wait is no breath between two requests but time for something else."""
LONGEST_REST = 300.0
"""A platform that asks for a longer rest is asked again after this; the rest is said in the log."""


class Window:
    """At most `limit` requests in any `seconds`. A request counts from its start until `seconds` after its answer, so
    that it is inside the platform's count whenever the platform may have counted it. Where a platform counts points
    instead of requests, `limit` is of points, and a request counts as many as it costs."""

    def __init__(self, seconds: float, limit: float) -> None:
        self.seconds = seconds
        self.limit = limit
        self._under_way = 0
        self._answered: deque[tuple[float, int]] = deque()
        self._counted = 0  # what the answered ones cost together

    def wait(self, now: float, share: float, cost: int = 1) -> float:
        """0 when a request may start now, else the seconds until it may; infinity while only answers can tell.

        What costs more than our share of the whole window goes when nothing else counts.
        """
        allowed, seconds = self._ours(share)
        while self._answered and self._answered[0][0] <= now - seconds:
            self._counted -= self._answered.popleft()[1]
        used = self._counted + self._under_way
        over = used + cost - allowed
        if over <= 0 or not used:
            return 0.0
        for moment, spent in self._answered:
            over -= spent
            if over <= 0:
                return max(0.001, moment + seconds - now)
        return float("inf")

    def _ours(self, share: float) -> tuple[int, float]:
        """Our part: so many requests in so many seconds. Less than one in the window is one in a longer time."""
        part = self.limit * share
        whole = floor(part + 1e-9)
        return (whole, self.seconds) if whole else (1, self.seconds / max(part, 1e-3))

    def free(self, now: float, share: float) -> float:
        """The part of our share that is not used, 0 to 1."""
        self.wait(now, share)
        return max(0.0, 1 - (self._counted + self._under_way) / self._ours(share)[0])

    def start(self, cost: int = 1) -> None:
        """A request is about to be sent."""
        self._under_way += cost

    def answered(self, now: float, cost: int = 1) -> None:
        """It came back, or never will."""
        self._under_way -= cost
        self._count(now, cost)

    def unused(self, cost: int = 1) -> None:
        """It was not sent after all."""
        self._under_way -= cost

    def used_up_to(self, left: int, share: float, now: float) -> None:
        """The platform says only `left` requests remain for everybody in this window: take our share of them."""
        spare = floor(left * share)
        unknown = self._ours(share)[0] - spare - self._counted - self._under_way
        if unknown > 0:
            self._count(now, unknown)

    def _count(self, now: float, cost: int) -> None:
        self._answered.append((now, cost))
        self._counted += cost


class Endpoint:
    """One endpoint's quota in one worker: our share of every window, rests, and who waits."""

    def __init__(
        self, windows: tuple[tuple[float, int], ...], clock: Clock, share: Callable[[], float], *, sounds: bool = True
    ) -> None:
        """`sounds`: after a pause or a change the first request goes alone, to hear what is left."""
        self._windows = [Window(seconds, limit) for seconds, limit in windows]
        self._clock = clock
        self._share = share
        self._rest_until = 0.0
        self._turn = asyncio.Lock()
        self._answer = asyncio.Event()
        self._alone = bool(windows) and sounds
        self._first_under_way = False
        self.waited = 0.0

    def forget_phase(self) -> None:
        """The assignment changed: the next request goes alone, and its answer says what is left."""
        self._alone = bool(self._windows)

    def rest(self, seconds: float) -> None:
        """The platform asked for a pause: nobody asks before it is over, and then one goes alone."""
        self._alone = bool(self._windows)
        self._rest_until = max(self._rest_until, self._clock.monotonic() + min(seconds, LONGEST_REST))

    @property
    def exhausted(self) -> bool:
        """Is our share used up, so that nobody goes for a while?"""
        return PAUSE < self._wait(1) < float("inf")

    @property
    def resting(self) -> float:
        """Seconds of the rest that are left."""
        return max(0.0, self._rest_until - self._clock.monotonic())

    async def start(self, cost: int = 1) -> bool:
        """Return when a request may go; the caller sends it at once and calls `answered`, or `unused`.

        True: it is the one that goes alone (its caller hands that on to `answered` and `unused`, as it does its cost).
        """
        begun = self._clock.monotonic()
        async with self._turn:
            while (wait := self._wait(cost)) > 0:
                await self._pause(wait)
            for window in self._windows:
                window.start(cost)
            self._first_under_way = first = self._alone
        self.waited += self._clock.monotonic() - begun
        return first

    def _wait(self, cost: int) -> float:
        if self._first_under_way:
            return float("inf")
        now, share = self._clock.monotonic(), self._share()
        return max((window.wait(now, share, cost) for window in self._windows), default=0.0) or self.resting

    async def _pause(self, seconds: float) -> None:
        self._answer.clear()
        try:
            await asyncio.wait_for(self._answer.wait(), min(seconds, 1.0))
        except TimeoutError:
            return

    def answered(self, remaining: int | None, *, first: bool, cost: int = 1) -> None:
        """A request came back (or never will). `remaining`: what the platform says is left of its longest window."""
        now = self._clock.monotonic()
        for window in self._windows:
            window.answered(now, cost)
        if first:
            self._alone = self._first_under_way = False
            if remaining is not None:
                max(self._windows, key=lambda w: w.seconds).used_up_to(remaining, self._share(), now)
        self._answer.set()

    def unused(self, *, first: bool, cost: int = 1) -> None:
        """The request that might have gone was not sent."""
        for window in self._windows:
            window.unused(cost)
        if first:
            self._first_under_way = False
        self._answer.set()

    def limited(self, windows: Sequence[tuple[float, int]]) -> None:
        """The platform says what it allows: so many in so many seconds, window by window as they were declared."""
        for window, (seconds, limit) in zip(self._windows, windows, strict=False):
            window.seconds, window.limit = seconds, limit

    def remaining_ratio(self) -> float:
        """The part of our share that is free, in the tightest window."""
        now, share = self._clock.monotonic(), self._share()
        return min((window.free(now, share) for window in self._windows), default=1.0)


class Portion:
    """A part of an endpoint's quota, for what must leave room to others: its requests pass a narrower gate first."""

    def __init__(self, whole: Endpoint, narrow: Endpoint) -> None:
        self._whole, self._narrow = whole, narrow

    @property
    def exhausted(self) -> bool:
        """Will nobody go for a while?"""
        return self._whole.exhausted or self._narrow.exhausted

    async def start(self, cost: int = 1) -> bool:
        """Return when a request may go; True when it is the one that goes alone."""
        await self._narrow.start(cost)
        try:
            return await self._whole.start(cost)
        except BaseException:
            self._narrow.unused(first=False, cost=cost)
            raise

    def answered(self, remaining: int | None, *, first: bool, cost: int = 1) -> None:
        """It came back (or never will)."""
        self._narrow.answered(None, first=False, cost=cost)
        self._whole.answered(remaining, first=first, cost=cost)

    def unused(self, *, first: bool, cost: int = 1) -> None:
        """It was not sent after all."""
        self._narrow.unused(first=False, cost=cost)
        self._whole.unused(first=first, cost=cost)

    def limited(self, windows: Sequence[tuple[float, int]]) -> None:
        """The platform says what it allows."""
        self._narrow.limited(windows)
        self._whole.limited(windows)

    def rest(self, seconds: float) -> None:
        """The platform asked for a pause, of everybody."""
        self._whole.rest(seconds)


Gate = Endpoint | Portion
"""Where a request waits for its turn."""
