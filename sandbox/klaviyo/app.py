"""The ASGI application of one simulated Klaviyo account."""

from __future__ import annotations

from sandbox.klaviyo.answer import Problem, refused
from sandbox.klaviyo.door import Door, endpoint
from sandbox.klaviyo.world import World
from sandbox.web.answer import Answer, Knock
from sandbox.web.front import Front

_CODES = {401: "not_authenticated", 403: "permission_denied", 410: "gone", 429: "throttled", 503: "unavailable"}


class Klaviyo(Front[World]):
    """One simulated account behind HTTP."""

    content_type = b"application/vnd.api+json"

    def clear(self) -> None:
        """Forget requests, counts, limits and faults."""
        self.door = Door(self.world)
        super().clear()

    def answer(self, knock: Knock) -> Answer:
        """What Klaviyo says to this request."""
        return self.door.answer(knock)

    def endpoint(self, knock: Knock) -> str:
        """Its method and path template, or the bare path where nobody knows it."""
        return endpoint(knock)

    def refusal(self, status: int) -> bytes:
        """The body of an ordinary error."""
        problem = Problem("Ordered by a test.", code=_CODES.get(status, "error"), title="Sandbox fault.")
        return refused(status, [problem]).body
