"""Drive plans: give each request its place in the quota, send it, and let only answers that mean something through."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Protocol

import structlog

from consumers.engine.live import Live, Pools
from consumers.engine.quota import LONGEST_REST, Gate
from consumers.engine.wire import Nap, Plan, Remember, Request, Response, Started, T
from tillstream import telemetry
from tillstream.clock import Clock

ATTEMPTS = 5
FIRST_PAUSE = 0.5
UNSAID_REST = 10.0
SHORTEST_REST = 0.5
SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]*)?")
PAGE = re.compile(rb"\s*<(!doctype\s+html|html)\b", re.IGNORECASE)

log = structlog.get_logger()


class Trip:
    """How far a plan has come: how many requests went out, what the platform did for it already, and which job of the
    platform carries its records. `share` is the part of every quota that plans of its kind may take together; so
    many as are `queued` wait for their turn at the `gate`. While `noting` it waits for a settlement."""

    __slots__ = ("acted", "gate", "job", "noting", "queued", "sent", "share", "under_way")

    def __init__(self, job: str = "", share: float = 1.0) -> None:
        self.share = share
        self.sent = 0
        self.under_way = 0
        self.acted = False
        self.queued = 0
        self.gate: Gate | None = None
        self.job = job
        self.noting = False

    @property
    def held(self) -> bool:
        """Does it stand still because a quota is used up?"""
        return self.gate is not None and self.queued > 0 and not self.under_way and self.gate.exhausted

    @property
    def harmless(self) -> bool:
        """May it be given up while its partitions go, without a request being repeated that waiting would save?

        A settlement that it waits for does not come before they have gone, and the last one has what it notes.
        """
        return bool(self.job) or self.noting or not (self.acted or self.under_way)


class Sender(Protocol):
    """Who carries requests: `http.Client`, or a test's own platform."""

    async def send(self, base: str, headers: Mapping[str, str], request: Request) -> Response:
        """One answer; status 0 where none came. Never raises."""


class Rim:
    """Everything between a plan and the network.

    A 429 rests the quota and the request goes again. No answer, or 5xx, is repeated with jitter (where the request is
    repeatable) while the platform answers others; when it answers nobody, the breaker keeps requests waiting.
    """

    def __init__(self, client: Sender, pools: Pools, clock: Clock, allowed: Callable[[], Awaitable[None]]) -> None:
        """`allowed` returns once it is certain that what we hold is still ours."""
        self._client = client
        self._pools = pools
        self._clock = clock
        self._allowed = allowed

    async def drive(
        self, live: Live, plan: Plan[T], trip: Trip, note: Callable[[Started | Remember], Awaitable[None]]
    ) -> T:
        """Run a plan to its end. `note` settles what a later owner of its records must know."""
        try:
            asked = next(plan)
            while True:
                answer: object = None
                if isinstance(asked, Request):
                    answer = await self.perform(live, asked, trip)
                elif isinstance(asked, tuple):
                    answer = await self._all(live, asked, trip)
                elif isinstance(asked, Started | Remember):
                    trip.job = asked.job if isinstance(asked, Started) else trip.job
                    trip.noting = True
                    await note(asked)
                    trip.noting = False
                elif isinstance(asked, Nap):
                    await self._clock.sleep(asked.seconds)
                asked = plan.send(answer)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            plan.close()

    async def _all(self, live: Live, requests: tuple[Request, ...], trip: Trip) -> list[Response]:
        """All answers; where one request is given up, the others come to their end first."""
        answers = await asyncio.gather(*(self.perform(live, r, trip) for r in requests), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return [answer for answer in answers if isinstance(answer, Response)]

    async def perform(self, live: Live, request: Request, trip: Trip) -> Response:
        """One answer that a plan can judge. Raises breaker.Away when the connection is given up for the time being."""
        endpoint = self._pools.portion(live.sink, live.account, request.endpoint, trip.share)
        attempts = 0
        while True:
            response = await self._once(live, endpoint, request, trip)
            if response.status == 429:
                self._rest(live, endpoint, request, response)
                continue
            if response.status and response.status < 500:
                trip.acted = trip.acted or request.method != "GET"
                return response
            attempts = 0 if live.breaker.state else attempts + 1
            if not request.repeatable or attempts >= ATTEMPTS:
                trip.acted = trip.acted or request.method != "GET"
                return response
            await self._clock.sleep(FIRST_PAUSE * 2**attempts * random.uniform(0.5, 1.0))  # noqa: S311  # jitter is no secret

    async def _once(self, live: Live, endpoint: Gate, request: Request, trip: Trip) -> Response:
        """One sending. The quota comes first: what waited for it must not pass a breaker that opened meanwhile."""
        trip.gate, trip.queued = endpoint, trip.queued + 1
        try:
            first = await endpoint.start(request.cost)
        finally:
            trip.queued -= 1
        try:
            probe = await live.breaker.enter()
        except BaseException:
            endpoint.unused(first=first, cost=request.cost)
            raise
        begun, remaining = self._clock.monotonic(), None
        trip.under_way += 1
        try:
            await self._allowed()
            trip.sent += 1
            response = no_page(live.sink.plainly(await self._client.send(live.url, live.headers, request)))
            remaining = live.sink.remaining(response)
            endpoint.limited(live.sink.limits(response))
        except BaseException:
            live.breaker.abandoned(probe=probe)
            raise
        finally:
            trip.under_way -= 1
            endpoint.answered(remaining, first=first, cost=request.cost)
        self._judge(live, request, response, probe=probe)
        self._measure(live, request, response, self._clock.monotonic() - begun)
        return response

    def _judge(self, live: Live, request: Request, response: Response, *, probe: bool) -> None:
        if response.status and response.status < 500:
            live.breaker.answered()
            return
        live.breaker.failed(probe=probe)
        log.info(
            "no answer to speak of",
            group=live.sink.name,
            connection=live.name,
            endpoint=request.endpoint,
            status=response.status,
            why=response.body[:200].decode("utf-8", "replace") if response.status == 0 else "",
        )

    def _measure(self, live: Live, request: Request, response: Response, seconds: float) -> None:
        told = telemetry.status_class(response.status or None)
        telemetry.HTTP_REQUESTS.labels(live.sink.name, live.name, request.endpoint, told).inc()
        telemetry.BATCH_ROWS.labels(live.sink.name, request.endpoint).observe(request.rows)
        telemetry.HTTP_REQUEST_DURATION.labels(live.sink.name, request.endpoint).observe(seconds)

    def _rest(self, live: Live, endpoint: Gate, request: Request, response: Response) -> None:
        """All of the quota rests, a little longer than asked, so that not all workers come back in one moment."""
        seconds = retry_after(response, self._clock)
        endpoint.rest(max(seconds, SHORTEST_REST) * random.uniform(1.0, 1.2))  # noqa: S311
        log.info(
            "the platform asks for a pause",
            group=live.sink.name,
            connection=live.name,
            endpoint=request.endpoint,
            seconds=round(seconds, 1),
            capped=seconds > LONGEST_REST,
        )


def retry_after(response: Response, clock: Clock) -> float:
    """Seconds to rest after a 429: the header as seconds or as a date, never negative; a default where it says nothing.

    Both forms are those of RFC 9110, section 10.2.3; fractions of a second are met as well. Platforms without that
    header may say the seconds in RateLimit-Reset (IETF draft "RateLimit header fields for HTTP").
    """
    said = (response.headers.get("Retry-After") or response.headers.get("RateLimit-Reset") or "").strip()
    if SECONDS.fullmatch(said):
        return float(said)
    try:
        until = parsedate_to_datetime(said)
    except (ValueError, TypeError, OverflowError):
        return UNSAID_REST
    return max(0.0, ((until if until.tzinfo else until.replace(tzinfo=UTC)) - clock.now()).total_seconds())


def no_page(response: Response) -> Response:
    """The answer; a yes that is a page for people comes from a gateway between, and the platform has said nothing.

    >>> no_page(Response(200, b"<html>Sign in</html>")).status, no_page(Response(200, b"<Person/>")).status
    (502, 200)
    """
    return Response(502, response.body, response.headers) if response.ok and PAGE.match(response.body) else response
