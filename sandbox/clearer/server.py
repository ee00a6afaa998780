"""Run a sandbox Clearer.io in a thread of this process, on real HTTP."""

from __future__ import annotations

from typing import Any

from sandbox.clearer.app import Clearer
from sandbox.clearer.control import changed, control
from sandbox.clearer.remote import Remote
from sandbox.clearer.world import Settings, World
from sandbox.web.server import Running


class ClearerServer(Running, Remote):
    """A running sandbox: `url` for the worker, and the methods of Remote for the test."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, **settings: Any) -> None:
        application = Clearer(World(changed(Settings(), settings)))
        application.control = control(application)
        super().__init__(application, "clearer", host, port)
