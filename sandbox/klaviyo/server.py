"""Run a sandbox Klaviyo in a thread of this process, on real HTTP."""

from __future__ import annotations

from typing import Any

from sandbox.klaviyo.control import WORKS
from sandbox.klaviyo.door import Klaviyo
from sandbox.klaviyo.remote import Remote
from sandbox.klaviyo.world import Settings, World
from sandbox.web.control import replaced
from sandbox.web.server import Running


class KlaviyoServer(Running, Remote):
    """A running sandbox: `url` for the worker, and the methods of Remote for the test."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, **settings: Any) -> None:
        super().__init__(Klaviyo(World(replaced(Settings(), settings))), WORKS, host, port)
