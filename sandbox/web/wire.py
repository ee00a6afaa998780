"""Bytes in and bytes out of an ASGI server, also as a platform that is not well sends them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from sandbox.web.answer import Answer
from sandbox.web.faults import Fault

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


async def read_body(receive: Receive) -> bytes:
    """All of a request's body."""
    chunks = []
    more = True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def send_answer(answer: Answer, fault: Fault | None, content_type: bytes, receive: Receive, send: Send) -> None:
    """Send an answer, or what a fault leaves of it."""
    kind = "answer" if fault is None else fault.kind
    if kind == "answer":
        await send(_head(answer, content_type))
        await send({"type": "http.response.body", "body": answer.body})
    elif kind == "hang" and fault is not None:
        await _until_gone(receive, fault.seconds)
        _reset(send)
    elif kind == "slow" and fault is not None:
        await _trickle(answer, fault.seconds, content_type, send)
    else:
        if kind == "cut":
            await send(_head(answer, content_type))
            await send({"type": "http.response.body", "body": answer.body[: len(answer.body) // 2], "more_body": True})
            await asyncio.sleep(0.05)  # what was written leaves before the reset throws it away
        _reset(send)


def _head(answer: Answer, content_type: bytes) -> Message:
    """The status line and headers; an answer that names its own content type keeps it."""
    length = (b"content-length", b"%d" % len(answer.body))
    named = any(name == b"content-type" for name, _ in answer.headers)
    usual = (length,) if named else ((b"content-type", content_type), length)
    return {"type": "http.response.start", "status": answer.status, "headers": [*usual, *answer.headers]}


async def _until_gone(receive: Receive, seconds: float) -> None:
    """Say nothing until the client has had enough, at most so long."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(receive(), seconds)


async def _trickle(answer: Answer, seconds: float, content_type: bytes, send: Send) -> None:
    """Blanks before JSON are allowed, so only the client's patience can tell that this body never ends."""
    headers = [(b"content-type", content_type), *answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
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
