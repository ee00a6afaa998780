"""Run a sandbox Yotpo in a thread of this process, on real HTTP."""

from __future__ import annotations

from typing import Any

from sandbox.web.server import Running
from sandbox.yotpo.control import WORKS, changed
from sandbox.yotpo.door import Yotpo
from sandbox.yotpo.remote import Remote
from sandbox.yotpo.world import Settings, World


class YotpoServer(Running, Remote):
    """A running sandbox: `api` for the worker, and the methods of Remote for the test."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, **settings: Any) -> None:
        super().__init__(Yotpo(World(changed(Settings(), settings))), WORKS, host, port, changed)
