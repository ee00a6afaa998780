"""The ASGI application of one simulated Retail API."""

from __future__ import annotations

from sandbox.apparel21 import door
from sandbox.apparel21.routes import find
from sandbox.apparel21.wire import Refused, page
from sandbox.apparel21.world import World
from sandbox.web.answer import Answer, Knock
from sandbox.web.front import Front


class Apparel21(Front[World]):
    """One simulated server behind HTTP."""

    content_type = b"text/xml; charset=utf-8"

    def answer(self, knock: Knock) -> Answer:
        """What Apparel21 says to this request."""
        return door.answer(self.world, knock)

    def endpoint(self, knock: Knock) -> str:
        """Its method and path template, or the bare path where nobody knows it."""
        found = find(knock.method, knock.path)
        return found[0].endpoint if found else f"{knock.method} {knock.path}"

    def refusal(self, status: int) -> bytes:
        """The body of an ordinary error: an HTML page where the web server speaks, XML where Apparel21 does."""
        if status >= 500 or status == 401:
            return page(status, f"{status} - ordered by a test").body
        return Refused(status, 5170, "ordered by a test").answer().body
