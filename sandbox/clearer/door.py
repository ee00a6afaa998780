"""What every request must pass before anybody reads it: the switch, the key, JSON; and who reads it then."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from urllib.parse import parse_qsl, unquote

import orjson

from sandbox.clearer import members, orders
from sandbox.clearer.answers import Refused, Request, refused
from sandbox.clearer.world import World
from sandbox.web.answer import Answer, Json, Knock

_LOG = logging.getLogger(__name__)

Handler = Callable[[World, Request], Answer]
ROUTES: dict[str, Handler] = {
    "GET /v1/customers": members.listed,
    "GET /v1/customers/{customerId}": members.read,
    "PUT /v1/customers/{customerId}": members.save,
    "POST /v1/customers/{customerId}/points": members.award,
    "POST /v1/customers/{customerId}/points/deduct": members.deduct,
    "POST /v1/orders": orders.create,
    "GET /v1/orders/{orderId}": orders.read,
    "PATCH /v1/orders/{orderId}": orders.change,
    "POST /v1/rewards/{couponCode}/use": members.use,
}
_PATTERNS = {name: re.compile(re.sub(r"\{\w+\}", "([^/]+)", name)) for name in ROUTES}


class Door:
    """Lets requests in to the world, one after the other."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._tokens, self._at = 0.0, 0.0

    def answer(self, knock: Knock) -> Answer:
        """What the Platform API says to this request."""
        settings = self.world.settings
        if settings.throttle or not self._passes(settings.rate):
            headers = ((b"retry-after", settings.retry_after.encode()),) if settings.retry_after else ()
            return Answer(429, refused(429, "Too many requests").body, headers)
        key = knock.headers.get(b"x-api-key", b"").decode("latin-1")
        if not key or settings.api_key not in (None, key):
            return refused(401, "Unauthorized")
        template, ids = _named(knock)
        if template is None:
            return refused(404, "Not found")
        return self._handle(ROUTES[template], knock, ids)

    def _passes(self, rate: float | None) -> bool:
        """A bucket that holds one second's requests."""
        if rate is None:
            return True
        now = self.world.now()
        self._tokens, self._at = min(rate, self._tokens + max(0.0, now - self._at) * rate), now
        passes = self._tokens >= 1
        self._tokens -= passes
        return passes

    def _handle(self, handler: Handler, knock: Knock, ids: tuple[str, ...]) -> Answer:
        """A body of a shape that no handler foresaw is the sender's mistake."""
        try:
            body = orjson.loads(knock.body) if knock.body else {}
            if not isinstance(body, dict):
                return refused(400, "The body must be a JSON object")
            return handler(self.world, Request(ids, _query(knock), body))
        except orjson.JSONDecodeError:
            return refused(400, "Malformed JSON")
        except Refused as no:
            return refused(no.status, no.message)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            _LOG.warning("unexpected shape", exc_info=error)
            return refused(400, "Malformed request")


def _query(knock: Knock) -> Json:
    return dict(parse_qsl(knock.query.decode("latin-1")))


def _named(knock: Knock) -> tuple[str | None, tuple[str, ...]]:
    asked = f"{knock.method} {knock.path}"
    for name, pattern in _PATTERNS.items():
        if found := pattern.fullmatch(asked):
            return name, tuple(unquote(one) for one in found.groups())
    return None, ()


def endpoint(knock: Knock) -> str:
    """Method and path template, or the bare path where nobody knows it."""
    return _named(knock)[0] or f"{knock.method} {knock.path}"
