"""What every request must pass before anybody reads it: the pair of keys, the bucket, JSON; and who reads it then."""

from __future__ import annotations

import math
from collections.abc import Callable
from urllib.parse import parse_qsl

import orjson

from sandbox.web.answer import Answer, Knock
from sandbox.web.bucket import Bucket
from sandbox.web.front import ORDERED, Front
from sandbox.yotpo import customers, orders, points, tiers
from sandbox.yotpo.answers import Request, refused
from sandbox.yotpo.world import World

BASE = "/api/v2"

Handler = Callable[[World, Request], Answer]
ROUTES: dict[tuple[str, str], Handler] = {
    ("POST", "/customers"): customers.save,
    ("GET", "/customers"): customers.read,
    ("GET", "/customers/recent"): customers.recent,
    ("DELETE", "/privacy/data"): customers.erase,
    ("POST", "/orders"): orders.create,
    ("POST", "/refunds"): orders.refund,
    ("POST", "/points/adjust"): points.adjust,
    ("GET", "/vip_tiers"): points.vip_tiers,
    ("GET", "/redemption_options"): points.options,
    ("POST", "/redemptions"): points.redeem,
}
HEADERS = (
    b"ratelimit-limit",
    b"ratelimit-remaining",
    b"ratelimit-reset",
    b"x-ratelimit-limit-minute",
    b"x-ratelimit-remaining-minute",
)
Headers = tuple[tuple[bytes, bytes], ...]


class Yotpo(Front[World]):
    """One simulated account behind HTTP."""

    def clear(self) -> None:
        """Forget requests, counts, the bucket and faults."""
        self._bucket, self._minute, self._used = Bucket(), 0, 0
        super().clear()

    def settle(self) -> None:
        """Do what has become due since the last request, and end the tiers whose time is over."""
        super().settle()
        tiers.expire(self.world)

    def answer(self, knock: Knock) -> Answer:
        """What Yotpo says to this request."""
        passes, headers = self._paid()
        answer = self.carried(self._admit, knock) if passes else refused(429, "Too many requests")
        return Answer(answer.status, answer.body, (*answer.headers, *headers))

    def _paid(self) -> tuple[bool, Headers]:
        """Whether one more request may pass, and the headers that say how it stands."""
        now, rate = self.world.now(), self.world.settings.rate if self.world.settings.limits else 1e6
        passes, left = self._bucket.take(rate, now), self._bucket.left
        minute = math.floor(now / 60)
        self._used = (self._used if self._minute == minute else 0) + passes
        self._minute, most = minute, math.floor(rate * 60)
        reset = 0 if left >= rate else max(1, math.ceil((rate - left) / rate))
        said = (math.floor(rate), math.floor(left), reset, most, max(0, most - self._used))
        return passes, tuple((name, b"%d" % value) for name, value in zip(HEADERS, said, strict=True))

    def _admit(self, knock: Knock) -> Answer:
        if not knock.path.startswith(f"{BASE}/"):
            return refused(404, "Not found")
        if not self._known(knock):
            return refused(401, "Invalid guid or api_key")
        handler = ROUTES.get((knock.method, knock.path.removeprefix(BASE)))
        if handler is None:
            return refused(404, "Not found")
        body = orjson.loads(knock.body) if knock.body else {}
        if not isinstance(body, dict):
            return refused(400, "Malformed JSON")
        return handler(self.world, Request(dict(parse_qsl(knock.query.decode("latin-1"))), body))

    def _known(self, knock: Knock) -> bool:
        settings = self.world.settings
        pairs = ((b"x-guid", settings.guid), (b"x-api-key", settings.api_key))
        given = [(knock.headers.get(name, b"").decode("latin-1"), known) for name, known in pairs]
        return all(said == known if known is not None else bool(said) for said, known in given)

    def endpoint(self, knock: Knock) -> str:
        """Method and path, as the platform's own documentation names it."""
        return f"{knock.method} {knock.path.removeprefix(BASE)}"

    def refusal(self, status: int, told: str = ORDERED) -> bytes:
        """The body of an ordinary error."""
        return refused(status, told).body
