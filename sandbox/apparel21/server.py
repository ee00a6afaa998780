"""Run a sandbox Apparel21 in a thread of this process, on real HTTP."""

from __future__ import annotations

from typing import Any

from sandbox.apparel21.control import WORKS
from sandbox.apparel21.door import Apparel21
from sandbox.apparel21.remote import Remote
from sandbox.apparel21.world import Settings, World
from sandbox.web.control import replaced
from sandbox.web.server import Running


class Apparel21Server(Running, Remote):
    """A running sandbox: `api` for the worker, and the methods of Remote for the test."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, **settings: Any) -> None:
        super().__init__(Apparel21(World(replaced(Settings(), settings))), WORKS, host, port)
