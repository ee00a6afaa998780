"""Answer a platform's call: 200 only when what it says is on Kafka. It remembers nothing from one call to the next.

Nothing here holds a duplicate back: a delivery that comes again is written again, and whoever carries events on knows
a state that has not changed and a fact that was delivered. So no memory can be wrong, lost or behind, and any number
of servers may stand side by side.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from producers.looks import Event
from producers.scribe import TooLarge
from producers.webhooks.door import Door, Headers, Unreadable
from producers.webhooks.messages import Desk, plain
from schemas.codec import Misfit
from schemas.lookup import RegistryAway, RegistryRefused
from tillstream import logs, telemetry
from tillstream.kafka.publisher import Message

LOG = logs.logger(__name__)

PATH = "/webhooks/{connection}/{platform}/{token:path}"
"""A token may hold a slash, as those in base64 do; in the address it is written %2F."""
LARGEST_BODY = 512 * 1024
"""Bytes; a dead letter of it must fit into a record of Kafka's default size."""
BODY_SECONDS = 10.0
UNKNOWN = "unknown"
"""The label of a platform that nobody has configured: labels hold names of ours only."""

STATUS = {
    "taken": 200,
    "nothing": 200,
    "malformed": 200,
    "signature": 401,
    "unknown": 404,
    "too_slow": 408,
    "too_large": 413,
    "failed": 500,
    "kafka_away": 503,
}
"""What became of a call, and how it is answered. A platform tries again what is not answered with 2xx."""


class Writes(Protocol):
    """Who puts records on Kafka: `writer.Writer`, or a test's own."""

    async def write(self, messages: Sequence[Message]) -> bool:
        """True once the broker has all of them, False when it has not taken them in time. Never raises."""
        ...


class Heard(NamedTuple):
    """What became of a call, how many events it made, and the platform's own name of the delivery."""

    outcome: str
    events: int = 0
    delivery: str = ""


@dataclass
class Counter:
    """Where calls are taken. Until `writer` and `desk` are there, Kafka counts as away."""

    doors: Iterable[Door]
    now: Callable[[], datetime]
    desk: Desk | None = None
    writer: Writes | None = None
    body_seconds: float = BODY_SECONDS
    _doors: dict[tuple[str, str], Door] = field(init=False)

    def __post_init__(self) -> None:
        self._doors = {(door.connection, door.platform): door for door in self.doors}

    async def take(self, request: Request) -> Response:
        """One call, one answer. Nothing of what was wrong is told, but by the status."""
        names = request.path_params
        door = self._doors.get((names["connection"], names["platform"]))
        known = hmac.compare_digest(names["token"].encode(), (door.token.now() if door else "").encode())
        if door is None or not known or not names["token"]:
            telemetry.WEBHOOKS.labels(door.platform if door else UNKNOWN, "unknown").inc()
            return Response(status_code=404)
        heard = await self._heard(door, request)
        telemetry.WEBHOOKS.labels(door.platform, heard.outcome).inc()
        told = {"delivery": heard.delivery, "events": heard.events, "outcome": heard.outcome}
        LOG.info("webhook", connection=door.connection, platform=door.platform, **told)
        return Response(status_code=STATUS[heard.outcome])

    async def _heard(self, door: Door, request: Request) -> Heard:
        """Whatever goes wrong with one call ends that call alone."""
        try:
            async with asyncio.timeout(self.body_seconds):
                body = await _body(request)
        except (TimeoutError, ClientDisconnect):
            return Heard("too_slow")
        if body is None:
            return Heard("too_large")
        try:
            return await self._judge(door, dict(request.headers), body)
        except (RegistryAway, RegistryRefused) as error:
            LOG.warning("the schema registry is needed and does not help", why=str(error))
            return Heard("kafka_away")
        except Exception as error:  # its text may hold what was delivered
            LOG.error("a webhook could not be taken", platform=door.platform, error=type(error).__name__)
            return Heard("failed")

    async def _judge(self, door: Door, headers: Headers, body: bytes) -> Heard:
        if not door.signed(headers, body):
            return Heard("signature")
        name = plain(door.delivery(headers))
        if self.writer is None or self.desk is None:
            return Heard("kafka_away", delivery=name)
        read = door.read(headers, body)
        if isinstance(read, Unreadable):
            return await self._bury(door, body, "malformed", read.why, name)
        fresh = await asyncio.gather(*map(door.fresh, read))
        try:
            messages = await asyncio.to_thread(self.desk.messages, door, fresh, self.now())  # it may ask a registry
        except Misfit as misfit:
            return await self._bury(door, body, "malformed", str(misfit), name)
        if isinstance(messages, TooLarge):
            why = f"it makes an event of {messages.size} bytes, which is more than Kafka takes"
            return await self._bury(door, body, "too_large", why, name)
        return await self._write(messages, fresh, name)

    async def _write(self, messages: Sequence[Message], events: Sequence[Event], name: str) -> Heard:
        if not events:
            return Heard("nothing", 0, name)
        taken = self.writer is not None and await self.writer.write(messages)
        return Heard("taken", len(events), name) if taken else Heard("kafka_away", 0, name)

    async def _bury(self, door: Door, body: bytes, reason: str, why: str, name: str) -> Heard:
        """A body that nobody can use would be no better the next time: it is kept, and counts as taken."""
        assert self.desk is not None  # noqa: S101 - asked before anything was read
        assert self.writer is not None  # noqa: S101
        letter = self.desk.letter(door, body, reason, why, name, self.now())
        if isinstance(letter, TooLarge):
            LOG.error("a webhook is larger than Kafka takes", platform=door.platform, bytes=letter.size)
            return Heard("too_large", 0, name)
        kept = await self.writer.write([letter])
        return Heard("malformed", 0, name) if kept else Heard("kafka_away", 0, name)


async def _body(request: Request) -> bytes | None:
    """The body, None for one that is too large; it is not read any further then."""
    said = request.headers.get("content-length", "")
    if said.isdigit() and int(said) > LARGEST_BODY:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            return None
    return bytes(body)


def _bare(_: Request, error: Exception) -> Response:
    """Whatever path is asked for, the answer says no more than its status."""
    return Response(status_code=error.status_code if isinstance(error, HTTPException) else 500)


def application(counter: Counter) -> Starlette:
    """The one page there is."""
    routes = [Route(PATH, counter.take, methods=["POST"])]
    made = Starlette(routes=routes, exception_handlers={HTTPException: _bare})
    made.router.redirect_slashes = False  # a path without a token is as wrong as any other
    return made
