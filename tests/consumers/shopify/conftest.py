"""A simulated shop for each test that asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.shopify.server import ShopifyServer


@pytest.fixture
def shopify() -> Iterator[ShopifyServer]:
    """A fresh shop on real HTTP, with a fixed token and an app that fetches its own."""
    with ShopifyServer() as server:
        yield server
