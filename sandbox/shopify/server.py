"""Run a sandbox Shopify in a thread of this process, on real HTTP."""

from __future__ import annotations

from typing import Any

from sandbox.shopify.control import WORKS
from sandbox.shopify.door import Shopify
from sandbox.shopify.remote import Remote
from sandbox.shopify.world import Settings, World
from sandbox.web.control import replaced
from sandbox.web.server import Running


class ShopifyServer(Running, Remote):
    """A running sandbox: `url` for the worker, and the methods of Remote for the test."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, **settings: Any) -> None:
        super().__init__(Shopify(World(replaced(Settings(), settings))), WORKS, host, port)
