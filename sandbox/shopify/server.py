"""Run a sandbox Shopify in a thread of this process, on real HTTP."""

from __future__ import annotations

from typing import Any

from sandbox.shopify.app import Shopify
from sandbox.shopify.control import changed, control
from sandbox.shopify.remote import Remote
from sandbox.shopify.world import Settings, World
from sandbox.web.server import Running


class ShopifyServer(Running, Remote):
    """A running sandbox: `url` for the worker, and the methods of Remote for the test."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, **settings: Any) -> None:
        application = Shopify(World(changed(Settings(), settings)))
        application.control = control(application)
        super().__init__(application, "shopify", host, port)
