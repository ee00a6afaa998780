"""Steer a running sandbox Shopify, and read out what really reached it, over HTTP."""

from __future__ import annotations

from typing import Any

from sandbox.web import remote
from sandbox.web.answer import Json


class Remote(remote.Remote):
    """The control side of the sandbox at `url`, which stands for `https://{shop}.myshopify.com`.

    `settings` takes the fields of `world.Settings`; `counts` also tells customers, subscriptions and issued tokens, and
    names GraphQL requests by their root field (`POST customerCreate`), as faults do.
    """

    def customers(self, who: str | None = None) -> list[Json]:
        """Customers with email, phone, names, tags, addresses, metafields and consents; of one id, e-mail or number."""
        return self._list("customers", who=who)

    def customer(self, who: str) -> Json:
        """The one customer with this id, e-mail or number; raises ValueError for none or several."""
        return self._one("customers", who)

    def register(self, **customer: Any) -> Json:
        """Somebody signs up on the website: the members of CustomerInput, consents too."""
        return self._post("customers", customer)

    def change(self, who: str, **changes: Any) -> Json:
        """Somebody changes their account on the website, or their mind."""
        return self._post("customers", {"who": who, **changes})

    def merge(self, keep: str, drop: str) -> None:
        """The merchant merges two customers."""
        self._post("merge", {"keep": keep, "drop": drop})

    def delete(self, who: str) -> None:
        """The merchant deletes a customer."""
        self._post("delete", {"who": who})

    def subscriptions(self) -> list[Json]:
        """Webhook subscriptions: id, topic, enum, uri, created, failures."""
        return self._list("subscriptions")
