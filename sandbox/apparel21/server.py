"""Run a sandbox Apparel21 in a thread of this process, on real HTTP."""

from __future__ import annotations

from typing import Any, Self

from sandbox.apparel21.app import Apparel21
from sandbox.apparel21.control import changed, control
from sandbox.apparel21.remote import Remote
from sandbox.apparel21.world import Settings, World
from sandbox.web.server import Serving


class Apparel21Server(Remote):
    """A running sandbox: `api` for the worker, and the methods of Remote for the test."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, **settings: Any) -> None:
        application = Apparel21(World(changed(Settings(), settings)))
        application.control = control(application)
        self._serving = Serving(application, "apparel21", host, port)
        self.port = self._serving.port
        super().__init__(self._serving.url)

    def stop(self) -> None:
        """Stop answering, breaking off what is in flight; what it holds stays as it is."""
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
