"""Run a sandbox Klaviyo in a thread of this process, on real HTTP."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any, Self

import uvicorn

from sandbox.klaviyo.app import Klaviyo
from sandbox.klaviyo.control import changed, control
from sandbox.klaviyo.remote import Remote
from sandbox.klaviyo.world import Settings, World


class KlaviyoServer(Remote):
    """A running sandbox: `url` for the worker, and the methods of Remote for the test."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, **settings: Any) -> None:
        self._application = Klaviyo(World(changed(Settings(), settings)))
        self._application.control = control(self._application)
        self._host = host
        self.port = self._listen(port)
        super().__init__(f"http://{host}:{self.port}")

    def stop(self) -> None:
        """Stop answering, breaking off what is in flight; the account stays as it is."""
        self._server.should_exit = self._server.force_exit = True
        for connection in list(self._server.server_state.connections):
            held: Any = connection
            with contextlib.suppress(RuntimeError):  # its loop may have ended meanwhile
                held.loop.call_soon_threadsafe(held.transport.abort)
        self._thread.join()

    def resume(self) -> None:
        """Answer again on the same port."""
        self._listen(self.port)

    def run(self) -> None:
        """Block until it is stopped from outside."""
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self.stop()

    def _listen(self, port: int) -> int:
        """Serve in a new thread; the socket is bound here, so whoever connects from now on is served."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self._host, port))
        listener.listen(2048)
        config = uvicorn.Config(
            self._application, log_level="critical", access_log=False, lifespan="off", proxy_headers=False, ws="none"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="klaviyo", daemon=True)
        self._thread.start()
        bound: int = listener.getsockname()[1]
        return bound
