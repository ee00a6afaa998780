"""A simulated account of one's own, and a client that knows its keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox.yotpo.server import YotpoServer

KEYS = {"X-GUID": "g-1", "X-API-KEY": "k-1"}


class Api:
    """One HTTP client of a sandbox."""

    def __init__(self, url: str) -> None:
        self.client = httpx.Client(base_url=url, headers=KEYS, trust_env=False, timeout=60)

    def get(self, path: str, **query: Any) -> httpx.Response:
        """GET with a query."""
        return self.client.get(path, params=query)

    def post(self, path: str, **body: Any) -> httpx.Response:
        """POST a JSON body."""
        return self.client.post(path, json=body)

    def order(self, name: str = "D1", cents: Any = 10_000, email: str = "kim@customer.example", **more: Any) -> int:
        """POST /orders of a till; the status."""
        body = {"customer_email": email, "order_id": name, "total_amount_cents": cents, "currency_code": "AUD"}
        return self.post("/orders", **{**body, "ignore_ip_ua": True, **more}).status_code

    def refund(self, name: str = "D1", cents: Any = 10_000, **more: Any) -> int:
        """POST /refunds; the status."""
        return self.post("/refunds", order_id=name, total_amount_cents=cents, **more).status_code


@pytest.fixture
def yotpo() -> Iterator[YotpoServer]:
    """A fresh account whose orders have their effect at once, and without a rate limit."""
    with YotpoServer(limits=False) as server:
        yield server


@pytest.fixture
def api(yotpo: YotpoServer) -> Iterator[Api]:
    """A client of this test's Yotpo."""
    client = Api(yotpo.api)
    yield client
    client.client.close()
