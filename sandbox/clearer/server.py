"""Run a sandbox Clearer.io in a thread of this process, on real HTTP."""

from __future__ import annotations

from typing import Any

from sandbox.clearer.control import WORKS, changed
from sandbox.clearer.door import Clearer
from sandbox.clearer.remote import Remote
from sandbox.clearer.world import Settings, World
from sandbox.web.server import Running


class ClearerServer(Running, Remote):
    """A running sandbox: `url` for the worker, and the methods of Remote for the test."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, **settings: Any) -> None:
        super().__init__(Clearer(World(changed(Settings(), settings))), WORKS, host, port, changed)
