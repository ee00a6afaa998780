"""What every request must pass before anybody reads it: the switch, the key, JSON; and who reads it then."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qsl, unquote

import orjson

from sandbox.clearer import members, orders
from sandbox.clearer.answers import Request, refused
from sandbox.clearer.world import World
from sandbox.web.answer import Answer, Knock
from sandbox.web.bucket import Bucket
from sandbox.web.front import ORDERED, Front
from sandbox.web.routes import Routes

Handler = Callable[[World, Request], Answer]
ROUTES: dict[str, Handler] = {
    "GET /v1/customers": members.listed,
    "GET /v1/customers/{customerId}": members.read,
    "PUT /v1/customers/{customerId}": members.save,
    "POST /v1/customers/{customerId}/points": members.award,
    "POST /v1/orders": orders.create,
    "GET /v1/orders/{orderId}": orders.read,
    "PATCH /v1/orders/{orderId}": orders.change,
}
_ROUTES = Routes(ROUTES)


class Clearer(Front[World]):
    """One simulated account behind HTTP."""

    def clear(self) -> None:
        """Forget requests, counts, the bucket and faults."""
        self._bucket = Bucket()
        super().clear()

    def answer(self, knock: Knock) -> Answer:
        """What the Platform API says to this request."""
        settings, now = self.world.settings, self.world.now()
        if settings.throttle or not (settings.rate is None or self._bucket.take(settings.rate, now)):
            headers = ((b"retry-after", settings.retry_after.encode()),) if settings.retry_after else ()
            return Answer(429, refused(429, "Too many requests").body, headers)
        key = knock.headers.get(b"x-api-key", b"").decode("latin-1")
        if not key or settings.api_key not in (None, key):
            return refused(401, "Unauthorized")
        found = _ROUTES.find(knock.method, knock.path)
        if found is None:
            return refused(404, "Not found")
        _, handler, ids = found
        return self.carried(self._handle, handler, knock, tuple(map(unquote, ids)))

    def _handle(self, handler: Handler, knock: Knock, ids: tuple[str, ...]) -> Answer:
        body = orjson.loads(knock.body) if knock.body else {}
        if not isinstance(body, dict):
            return refused(400, "The body must be a JSON object")
        return handler(self.world, Request(ids, dict(parse_qsl(knock.query.decode("latin-1"))), body))

    def endpoint(self, knock: Knock) -> str:
        """Method and path template, or the bare path where nobody knows it."""
        return _ROUTES.name(knock.method, knock.path)

    def refusal(self, status: int, told: str = ORDERED) -> bytes:
        """The body of an ordinary error."""
        return refused(status, told).body
