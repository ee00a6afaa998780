"""A simulated account of one's own, a client that knows its key, and somebody who hears its webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox.clearer.server import ClearerServer
from tests.sandbox.listener import Listener

KIM, LEE = "kim@customer.example", "lee@customer.example"


class Api:
    """One HTTP client of a sandbox."""

    def __init__(self, url: str) -> None:
        self.client = httpx.Client(base_url=f"{url}/v1", headers={"x-api-key": "k-1"}, trust_env=False, timeout=60)

    def ask(self, method: str, path: str, **body: Any) -> httpx.Response:
        """One request with a JSON body."""
        return self.client.request(method, path, json=body)

    def join(self, external: str = "7", email: str = KIM, **more: Any) -> httpx.Response:
        """PUT a member."""
        return self.ask("PUT", f"/customers/{external}", **{"email": email, **more})

    def order(self, name: str = "D1", total: Any = "189.90", customer: str = "7", **more: Any) -> httpx.Response:
        """POST a paid order."""
        body = {"externalId": name, "customerId": customer, "email": KIM, "currency": "AUD", "total": total}
        return self.ask("POST", "/orders", **{**body, "financialStatus": "paid", **more})

    def change(self, name: str = "D1", status: str = "refunded", **more: Any) -> httpx.Response:
        """PATCH an order."""
        return self.ask("PATCH", f"/orders/{name}", financialStatus=status, **more)


@pytest.fixture
def api(clearer: ClearerServer) -> Iterator[Api]:
    """A client of this test's account."""
    client = Api(clearer.url)
    yield client
    client.client.close()


@pytest.fixture
def listener(clearer: ClearerServer) -> Iterator[Listener]:
    """The webhooks of this test's account come here."""
    with Listener() as found:
        clearer.hooks(url=found.url)
        yield found
