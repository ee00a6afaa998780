"""Run a simulated platform in a thread of this process, on real HTTP."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Mapping
from typing import Any, Self

import uvicorn

from sandbox.web.control import Changed, Work, control, replaced
from sandbox.web.front import Front
from sandbox.web.remote import Remote


class Running(Remote):
    """A simulated platform that runs, and its control side: what the server of every platform is.

    It comes before the platform's own Remote among the bases, and has that one's methods, too.
    """

    def __init__(
        self, front: Front[Any], works: Mapping[tuple[str, str], Work[Any]], host: str, port: int,
        changed: Changed = replaced,
    ) -> None:  # fmt: skip
        """Port 0: any free one, found in `port`. `works` and `changed` are those of the platform's control side."""
        front.control = control(front, works, changed)
        self._front, self._host = front, host
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
        front: Any = self._front
        config = uvicorn.Config(
            front, log_level="critical", access_log=False, lifespan="off", proxy_headers=False, ws="none"
        )
        self._server = uvicorn.Server(config)
        name = type(front).__name__
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name=name, daemon=True)
        self._thread.start()
        bound: int = listener.getsockname()[1]
        return bound
