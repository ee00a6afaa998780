"""Steer a running sandbox Clearer.io, and read out what really reached it, over HTTP."""

from __future__ import annotations

from typing import Any

from sandbox.web import remote
from sandbox.web.answer import Json


class Remote(remote.Remote):
    """The control side of the sandbox; its `url` is what the setting `[connection.X.clearer] url` takes.

    `settings` takes api_key, throttle, rate, retry_after, points_rate, tiers, basis, repeated_order, latency and
    kept_requests; `counts` also tells customers and orders.
    """

    def customers(self, who: str | None = None) -> list[Json]:
        """Members as the API gives them, with `earned` and `spent`; of one external id or e-mail."""
        return self._list("customers", who=who)

    def customer(self, who: str) -> Json:
        """The one member with this external id or e-mail; raises ValueError for none."""
        return self._one("customers", who)

    def seed(self, external: str, **member: Any) -> Json:
        """Put a member there: details {...}, balance, tier (id)."""
        return self._post("customers", {"external": external, **member})

    def redeem(self, external: str, points: int, kind: str = "custom", title: str = "$20 off") -> Json:
        """A member spends points on the loyalty page; returns what the webhook tells."""
        return self._post("redemptions", {"external": external, "points": points, "kind": kind, "title": title})

    def orders(self) -> list[Json]:
        """Orders as they stand, with `points` and `posted` (how often)."""
        return self._list("orders")

    def unknown(self) -> list[Json]:
        """Members of bodies that the API does not know: at, name."""
        return self._list("unknown")
