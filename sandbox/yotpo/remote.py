"""Steer a running sandbox Yotpo, and read out what really reached it, over HTTP."""

from __future__ import annotations

from typing import Any

from sandbox.web import remote
from sandbox.web.answer import Json


class Remote(remote.Remote):
    """The control side of the sandbox; `api` is what the setting `[connection.X.yotpo] url` takes.

    `settings` takes guid, api_key, limits, rate, delay, points_rate, tiers, term, repeated_order, unknown_refund,
    lock_rate, options, latency, kept_requests; `counts` also tells customers, orders, refunds, repeats, redemptions.
    """

    @property
    def api(self) -> str:
        """The base of the Loyalty API v2."""
        return f"{self.url}/api/v2"

    def customers(self, who: str | None = None) -> list[Json]:
        """Customers as the API gives them, with `history_items`, and `details`: what POST /customers said."""
        return self._list("customers", who=who)

    def customer(self, who: str) -> Json:
        """The one customer with this e-mail; raises ValueError for none."""
        return self._one("customers", who)

    def orders(self) -> list[Json]:
        """Orders as they were received; `done`: processed."""
        return self._list("orders")

    def refunds(self) -> list[Json]:
        """Refunds as they were received, each id once."""
        return self._list("refunds")

    def redemptions(self) -> list[Json]:
        """Redemptions made."""
        return self._list("redemptions")

    def seed(self, email: str, **person: Any) -> None:
        """Put a customer there: details {...}, balance, tier (id)."""
        self._post("customers", {"email": email, **person})

    def year_end(self) -> None:
        """Move its clock to the first moments of next year."""
        self._post("year-end", {})
