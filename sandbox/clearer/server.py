"""Run a sandbox Clearer.io in a thread of this process, on real HTTP."""

from __future__ import annotations

from typing import Any, Self

from sandbox.clearer.app import Clearer
from sandbox.clearer.control import changed, control
from sandbox.clearer.remote import Remote
from sandbox.clearer.world import Settings, World
from sandbox.web.server import Serving


class ClearerServer(Remote):
    """A running sandbox: `url` for the worker, and the methods of Remote for the test."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, **settings: Any) -> None:
        application = Clearer(World(changed(Settings(), settings)))
        application.control = control(application)
        self._serving = Serving(application, "clearer", host, port)
        self.port = self._serving.port
        super().__init__(self._serving.url)

    def stop(self) -> None:
        """Stop answering, breaking off what is in flight; the account stays as it is."""
        self._serving.stop()

    def resume(self) -> None:
        """Answer again on the same port."""
        self._serving.resume()

    def run(self) -> None:
        """Block until it is stopped from outside."""
        self._serving.run()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self.stop()
