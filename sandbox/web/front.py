"""The ASGI application of a simulated platform: its own paths answered without a framework, for speed, each request
logged, faults on order, and `/sandbox` beside them."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

from sandbox.web.answer import Answer, Knock, Refused
from sandbox.web.faults import Fault, Faults
from sandbox.web.post import Postman, Sender
from sandbox.web.wire import App, Message, Receive, Send, read_body, send_answer
from sandbox.web.world import World

_LOG = logging.getLogger(__name__)
ORDERED = "Ordered by a test"
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


W = TypeVar("W", bound=World[Any])


class Front(ABC, Generic[W]):
    """One simulated account behind HTTP. A platform says what it answers and how its errors look."""

    content_type = b"application/json"

    def __init__(self, world: W) -> None:
        self.world = world
        self.faults = Faults()
        self.control: App | None = None
        self._postman = Postman(world) if isinstance(world, Sender) else None
        self.clear()

    def settle(self) -> None:
        """Do what has become due since the last request."""
        self.world.settle()

    @abstractmethod
    def answer(self, knock: Knock) -> Answer:
        """What the platform says to this request."""

    @abstractmethod
    def endpoint(self, knock: Knock) -> str:
        """Its method and path template, or the bare path where nobody knows it."""

    @abstractmethod
    def refusal(self, status: int, told: str = ORDERED) -> bytes:
        """The body of an ordinary error."""

    def carried(self, work: Callable[..., Answer], *given: Any) -> Answer:
        """What the work says; a body of a shape that it did not foresee is the sender's mistake."""
        try:
            return work(*given)
        except Refused as no:
            return no.answer
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            _LOG.warning("unexpected shape", exc_info=error)
            return Answer(400, self.refusal(400, "The request has an unexpected shape"))

    def clear(self) -> None:
        """Forget requests, counts and faults."""
        self.faults.standing = []
        self.log: deque[Logged] = deque(maxlen=self.world.settings.kept_requests)
        self.counts: Counter[tuple[str, int]] = Counter()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if self._postman is not None:
            self._postman.begin()
        if scope["path"].startswith("/sandbox") and self.control is not None:
            await self.control(scope, receive, send)
            return
        knock = Knock(
            scope["method"], scope["path"], scope["query_string"], dict(scope["headers"]), await read_body(receive)
        )
        self.settle()
        now, endpoint = self.world.now(), self.endpoint(knock)
        fault = self.faults.take(endpoint, now)
        answer = self._answer(knock, fault)
        status = answer.status if fault is None or fault.kind in ("answer", "slow") else BROKEN
        query = f"?{knock.query.decode('latin-1')}" if knock.query else ""
        self.log.append(Logged(now, knock.method, knock.path + query, endpoint, knock.body, status))
        self.counts[endpoint, status] += 1
        if self.world.settings.latency > 0:
            await asyncio.sleep(self.world.settings.latency)
        await send_answer(answer, fault, self.content_type, receive, send)

    def _answer(self, knock: Knock, fault: Fault | None) -> Answer:
        """The platform's answer, unless a fault comes before (or instead of) it."""
        if fault is None or fault.kind in ("cut", "slow"):
            return self.answer(knock)
        if fault.done:
            self.answer(knock)
        return fault.answer(self.refusal) if fault.kind == "answer" else Answer(BROKEN)
