"""What every request must pass before anybody reads it: the pair of keys, the bucket, JSON; and who reads it then."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from urllib.parse import parse_qsl

import orjson

from sandbox.web.answer import Answer, Json, Knock
from sandbox.yotpo import customers, orders, points
from sandbox.yotpo.answers import Request, refused
from sandbox.yotpo.world import World

_LOG = logging.getLogger(__name__)
BASE = "/api/v2"

Handler = Callable[[World, Request], Answer]
ROUTES: dict[tuple[str, str], Handler] = {
    ("POST", "/customers"): customers.save,
    ("GET", "/customers"): customers.read,
    ("GET", "/customers/recent"): customers.recent,
    ("POST", "/orders"): orders.create,
    ("POST", "/refunds"): orders.refund,
    ("POST", "/points/adjust"): points.adjust,
    ("GET", "/vip_tiers"): points.vip_tiers,
    ("GET", "/redemption_options"): points.options,
    ("POST", "/redemptions"): points.redeem,
}


class Bucket:
    """So many tokens a second, and never more than one second's; beside it, a count of the minute."""

    def __init__(self) -> None:
        self._tokens = math.inf
        self._at = 0.0
        self._minute = (-1, 0)

    def take(self, rate: float, now: float) -> tuple[bool, tuple[tuple[bytes, bytes], ...]]:
        """Whether one more request may pass, and the headers that say how it stands."""
        self._tokens = min(rate, self._tokens + max(0.0, now - self._at) * rate)
        self._at = now
        passes = self._tokens >= 1
        self._tokens -= passes
        minute = math.floor(now / 60)
        used = (self._minute[1] if self._minute[0] == minute else 0) + passes
        self._minute = (minute, used)
        left = max(0, math.floor(rate * 60) - used)
        reset = 0 if self._tokens >= rate else max(1, math.ceil((rate - self._tokens) / rate))
        said = (math.floor(rate), math.floor(self._tokens), reset, math.floor(rate * 60), left)
        return passes, tuple((name, b"%d" % value) for name, value in zip(HEADERS, said, strict=True))


HEADERS = (
    b"ratelimit-limit",
    b"ratelimit-remaining",
    b"ratelimit-reset",
    b"x-ratelimit-limit-minute",
    b"x-ratelimit-remaining-minute",
)


class Door:
    """Lets requests in to the world, one after the other."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.bucket = Bucket()

    def answer(self, knock: Knock) -> Answer:
        """What Yotpo says to this request."""
        settings = self.world.settings
        passes, headers = self.bucket.take(settings.rate if settings.limits else 1e6, self.world.now())
        answer = refused(429, "Too many requests") if not passes else self._admit(knock)
        return Answer(answer.status, answer.body, (*answer.headers, *headers))

    def _admit(self, knock: Knock) -> Answer:
        if not knock.path.startswith(f"{BASE}/"):
            return refused(404, "Not found")
        if not self._known(knock):
            return refused(401, "Invalid guid or api_key")
        handler = ROUTES.get((knock.method, knock.path.removeprefix(BASE)))
        if handler is None:
            return refused(404, "Not found")
        try:
            body = orjson.loads(knock.body) if knock.body else {}
        except orjson.JSONDecodeError:
            return refused(400, "Malformed JSON")
        if not isinstance(body, dict):
            return refused(400, "Malformed JSON")
        return self._handle(handler, dict(parse_qsl(knock.query.decode("latin-1"))), body)

    def _handle(self, handler: Handler, query: dict[str, str], body: Json) -> Answer:
        """A body of a shape that no handler foresaw is the sender's mistake."""
        try:
            return handler(self.world, Request(query, body))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            _LOG.warning("unexpected shape", exc_info=error)
            return refused(400, "Malformed request")

    def _known(self, knock: Knock) -> bool:
        settings = self.world.settings
        pairs = ((b"x-guid", settings.guid), (b"x-api-key", settings.api_key))
        given = [(knock.headers.get(name, b"").decode("latin-1"), known) for name, known in pairs]
        return all(said == known if known is not None else bool(said) for said, known in given)


def endpoint(knock: Knock) -> str:
    """Method and path, as the platform's own documentation names it."""
    return f"{knock.method} {knock.path.removeprefix(BASE)}"
