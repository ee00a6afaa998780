"""The ASGI application of one simulated Shopify store."""

from __future__ import annotations

from sandbox.shopify.door import Door, endpoint, told
from sandbox.shopify.world import World
from sandbox.web.answer import Answer, Knock
from sandbox.web.front import Front


class Shopify(Front[World]):
    """One simulated store behind HTTP."""

    def clear(self) -> None:
        """Forget requests, counts, the bucket and faults."""
        self.door = Door(self.world)
        super().clear()

    def answer(self, knock: Knock) -> Answer:
        """What Shopify says to this request."""
        return self.door.answer(knock)

    def endpoint(self, knock: Knock) -> str:
        """`POST customerCreate` and the like for GraphQL, else method and path."""
        return endpoint(knock)

    def refusal(self, status: int) -> bytes:
        """The body of an ordinary error: a text, not a list."""
        return told(status, "Ordered by a test").body
