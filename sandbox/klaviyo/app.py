"""The ASGI application: Klaviyo's own paths answered without a framework, for speed, and `/sandbox` beside them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections import Counter, deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple

from sandbox.klaviyo.answer import Answer
from sandbox.klaviyo.door import Door, Knock
from sandbox.klaviyo.faults import Fault, Faults
from sandbox.klaviyo.world import World

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

BROKEN = 0
"""The status in the log of a request that got no answer."""


class Logged(NamedTuple):
    """One request in the log; `path` has its query, `time` is Unix seconds at its arrival."""

    time: float
    method: str
    path: str
    endpoint: str
    body: bytes
    status: int


class Klaviyo:
    """One simulated account behind HTTP."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.faults = Faults()
        self.control: App | None = None
        self.clear()

    def clear(self) -> None:
        """Forget requests, counts, limits and faults."""
        self.door = Door(self.world)
        self.faults.standing = []
        self.log: deque[Logged] = deque(maxlen=self.world.settings.kept_requests)
        self.counts: Counter[tuple[str, int]] = Counter()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["path"].startswith("/sandbox") and self.control is not None:
            await self.control(scope, receive, send)
            return
        knock = Knock(
            scope["method"], scope["path"], scope["query_string"], dict(scope["headers"]), await _body(receive)
        )
        self.world.settle()
        now, endpoint = self.world.now(), knock.endpoint
        fault = self.faults.take(endpoint, now)
        answer = self._answer(knock, fault)
        status = answer.status if fault is None or fault.kind in ("answer", "slow") else BROKEN
        query = f"?{knock.query.decode('latin-1')}" if knock.query else ""
        self.log.append(Logged(now, knock.method, knock.path + query, endpoint, knock.body, status))
        self.counts[endpoint, status] += 1
        if self.world.settings.latency > 0:
            await asyncio.sleep(self.world.settings.latency)
        await _send(answer, fault, receive, send)

    def _answer(self, knock: Knock, fault: Fault | None) -> Answer:
        """The world's answer, unless a fault comes before (or instead of) it."""
        if fault is None or fault.kind in ("cut", "slow"):
            return self.door.answer(knock)
        if fault.done:
            self.door.answer(knock)
        return fault.answer() if fault.kind == "answer" else Answer(BROKEN)


async def _body(receive: Receive) -> bytes:
    chunks = []
    more = True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _send(answer: Answer, fault: Fault | None, receive: Receive, send: Send) -> None:
    kind = "answer" if fault is None else fault.kind
    if kind == "answer":
        await send(_head(answer))
        await send({"type": "http.response.body", "body": answer.body})
    elif kind == "hang" and fault is not None:
        await _until_gone(receive, fault.seconds)
        _reset(send)
    elif kind == "slow" and fault is not None:
        await _trickle(answer, fault.seconds, send)
    else:
        if kind == "cut":
            await send(_head(answer))
            await send({"type": "http.response.body", "body": answer.body[: len(answer.body) // 2], "more_body": True})
            await asyncio.sleep(0.05)  # what was written leaves before the reset throws it away
        _reset(send)


def _head(answer: Answer) -> Message:
    usual = ((b"content-type", b"application/vnd.api+json"), (b"content-length", b"%d" % len(answer.body)))
    return {"type": "http.response.start", "status": answer.status, "headers": [*usual, *answer.headers]}


async def _until_gone(receive: Receive, seconds: float) -> None:
    """Say nothing until the client has had enough, at most so long."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(receive(), seconds)


async def _trickle(answer: Answer, seconds: float, send: Send) -> None:
    """Blanks before JSON are allowed, so only the client's patience can tell that this body never ends."""
    kind = (b"content-type", b"application/vnd.api+json")
    await send({"type": "http.response.start", "status": answer.status, "headers": [kind, *answer.headers]})
    for _ in range(int(seconds)):
        await send({"type": "http.response.body", "body": b" ", "more_body": True})
        await asyncio.sleep(1)
    await send({"type": "http.response.body", "body": answer.body})


def _reset(send: Send) -> None:
    """Break the connection as a crashed machine does; uvicorn's `send` is a method of the object that holds it."""
    transport: Any = send.__self__.transport  # type: ignore[attr-defined]
    if transport.is_closing():
        return
    with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
