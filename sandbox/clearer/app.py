"""The ASGI application of one simulated Clearer.io account."""

from __future__ import annotations

from sandbox.clearer.answers import refused
from sandbox.clearer.door import Door, endpoint
from sandbox.clearer.post import Postman
from sandbox.clearer.world import World
from sandbox.web.answer import Answer, Knock
from sandbox.web.front import Front
from sandbox.web.wire import Message, Receive, Send


class Clearer(Front):
    """One simulated account behind HTTP."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.postman = Postman(world)
        super().__init__()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        self.postman.begin()
        await super().__call__(scope, receive, send)

    def clear(self) -> None:
        """Forget requests, counts and faults."""
        self.door = Door(self.world)
        super().clear()

    def now(self) -> float:
        """Unix seconds, moved by what a test asked for."""
        return self.world.now()

    def settle(self) -> None:
        """Do what has become due since the last request."""
        self.world.settle()

    def answer(self, knock: Knock) -> Answer:
        """What the Platform API says to this request."""
        return self.door.answer(knock)

    def endpoint(self, knock: Knock) -> str:
        """Method and path template, or the bare path where nobody knows it."""
        return endpoint(knock)

    def refusal(self, status: int) -> bytes:
        """The body of an ordinary error."""
        return refused(status, "Ordered by a test").body

    @property
    def latency(self) -> float:
        """Seconds before every answer."""
        return self.world.settings.latency

    @property
    def kept_requests(self) -> int:
        """How many requests the log keeps."""
        return self.world.settings.kept_requests
