"""The ASGI application of one simulated Clearer.io account."""

from __future__ import annotations

from sandbox.clearer.answers import refused
from sandbox.clearer.door import Door, endpoint
from sandbox.clearer.world import World
from sandbox.web.answer import Answer, Knock
from sandbox.web.front import Front


class Clearer(Front[World]):
    """One simulated account behind HTTP."""

    def clear(self) -> None:
        """Forget requests, counts and faults."""
        self.door = Door(self.world)
        super().clear()

    def answer(self, knock: Knock) -> Answer:
        """What the Platform API says to this request."""
        return self.door.answer(knock)

    def endpoint(self, knock: Knock) -> str:
        """Method and path template, or the bare path where nobody knows it."""
        return endpoint(knock)

    def refusal(self, status: int) -> bytes:
        """The body of an ordinary error."""
        return refused(status, "Ordered by a test").body
