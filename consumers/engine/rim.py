"""Drive plans: give each request its place in the quota, send it, and let only answers that mean something through."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime

import structlog

from consumers.engine.http import Client
from consumers.engine.live import Live, Pools
from consumers.engine.quota import LONGEST_REST, Endpoint
from consumers.engine.wire import Nap, Plan, Request, Response, Started, T
from tillstream import telemetry
from tillstream.clock import Clock

ATTEMPTS = 5
FIRST_PAUSE = 0.5
UNSAID_REST = 10.0

log = structlog.get_logger()


class Trip:
    """How far a plan has come: how many requests went out, and which job of the platform carries its records."""

    __slots__ = ("job", "sent", "under_way")

    def __init__(self) -> None:
        self.sent = 0
        self.under_way = 0
        self.job = ""

    @property
    def harmless(self) -> bool:
        """May it be given up without a request being repeated?"""
        return bool(self.job) or not self.sent


class Rim:
    """Everything between a plan and the network.

    A 429 rests the quota and the request goes again. No answer, or 5xx, is repeated with jitter (where the request is
    repeatable) while the platform answers others; when it answers nobody, the breaker keeps requests waiting.
    """

    def __init__(self, client: Client, pools: Pools, clock: Clock, allowed: Callable[[], Awaitable[None]]) -> None:
        """`allowed` returns once it is certain that what we hold is still ours."""
        self._client = client
        self._pools = pools
        self._clock = clock
        self._allowed = allowed

    async def drive(self, live: Live, plan: Plan[T], trip: Trip, note: Callable[[str], Awaitable[None]]) -> T:
        """Run a plan to its end. `note` settles that a job of the platform carries its records."""
        try:
            asked = next(plan)
            while True:
                answer: object = None
                if isinstance(asked, Request):
                    answer = await self.perform(live, asked, trip)
                elif isinstance(asked, tuple):
                    answer = await asyncio.gather(*(self.perform(live, request, trip) for request in asked))
                elif isinstance(asked, Started):
                    trip.job = asked.job
                    await note(asked.job)
                elif isinstance(asked, Nap):
                    await self._clock.sleep(asked.seconds)
                asked = plan.send(answer)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            plan.close()

    async def perform(self, live: Live, request: Request, trip: Trip) -> Response:
        """One answer that a plan can judge. Raises breaker.Away when the connection is given up for the time being."""
        endpoint = self._pools.endpoint(live.sink, live.account, request.endpoint)
        attempts = 0
        while True:
            response = await self._once(live, endpoint, request, trip)
            if response.status == 429:
                self._rest(live, endpoint, request, response)
                continue
            if response.status and response.status < 500:
                return response
            attempts = 0 if live.breaker.state else attempts + 1
            if not request.repeatable or attempts >= ATTEMPTS:
                return response
            await self._clock.sleep(FIRST_PAUSE * 2**attempts * random.uniform(0.5, 1.0))  # noqa: S311  # jitter is no secret

    async def _once(self, live: Live, endpoint: Endpoint, request: Request, trip: Trip) -> Response:
        await live.breaker.enter()
        try:
            await endpoint.start()
        except BaseException:
            live.breaker.abandoned()
            raise
        begun, remaining = self._clock.monotonic(), None
        try:
            await self._allowed()
            trip.sent += 1
            trip.under_way += 1
            response = await self._client.send(live.url, live.headers, request)
            trip.under_way -= 1
            remaining = live.sink.remaining(response)
        except BaseException:
            live.breaker.abandoned()
            raise
        finally:
            endpoint.answered(remaining)
        self._judge(live, request, response, self._clock.monotonic() - begun)
        return response

    def _judge(self, live: Live, request: Request, response: Response, seconds: float) -> None:
        if response.status == 0 or response.status >= 500:
            live.breaker.failed()
            log.info("no answer to speak of", group=live.sink.name, connection=live.name, endpoint=request.endpoint,
                     status=response.status, why=response.body[:200].decode("utf-8", "replace") if response.status == 0 else "")
        else:
            live.breaker.answered()
        told = "429" if response.status == 429 else f"{response.status // 100}xx" if response.status else "none"
        telemetry.HTTP_REQUESTS.labels(live.sink.name, live.name, request.endpoint, told).inc()
        telemetry.BATCH_ROWS.labels(live.sink.name, request.endpoint).observe(request.rows)
        telemetry.HTTP_REQUEST_DURATION.labels(live.sink.name, request.endpoint).observe(seconds)

    def _rest(self, live: Live, endpoint: Endpoint, request: Request, response: Response) -> None:
        seconds = retry_after(response, self._clock)
        endpoint.rest(seconds + random.uniform(0.0, 0.25))  # noqa: S311
        log.info("the platform asks for a pause", group=live.sink.name, connection=live.name, endpoint=request.endpoint,
                 seconds=round(seconds, 1), capped=seconds > LONGEST_REST)


def retry_after(response: Response, clock: Clock) -> float:
    """Seconds to rest after a 429: the header as seconds or as a date, never negative; a default where it says nothing."""
    said = response.headers.get("Retry-After", "").strip()
    if not said:
        return UNSAID_REST
    if said.replace(".", "", 1).isdigit():
        return float(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - clock.now()).total_seconds())
    except (ValueError, TypeError):
        return UNSAID_REST
