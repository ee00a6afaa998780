"""The ASGI application of one simulated Yotpo Loyalty account."""

from __future__ import annotations

from sandbox.web.answer import Answer, Knock
from sandbox.web.front import Front
from sandbox.yotpo import tiers
from sandbox.yotpo.answers import refused
from sandbox.yotpo.door import Door, endpoint
from sandbox.yotpo.world import World


class Yotpo(Front[World]):
    """One simulated account behind HTTP."""

    def clear(self) -> None:
        """Forget requests, counts, the bucket and faults."""
        self.door = Door(self.world)
        super().clear()

    def settle(self) -> None:
        """Do what has become due since the last request, and end the tiers whose time is over."""
        super().settle()
        tiers.expire(self.world)

    def answer(self, knock: Knock) -> Answer:
        """What Yotpo says to this request."""
        return self.door.answer(knock)

    def endpoint(self, knock: Knock) -> str:
        """Method and path, as the platform's own documentation names it."""
        return endpoint(knock)

    def refusal(self, status: int) -> bytes:
        """The body of an ordinary error."""
        return refused(status, "Ordered by a test").body
