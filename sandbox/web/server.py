"""Run a simulated platform in a thread of this process, on real HTTP."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any, Self

import uvicorn

from sandbox.web.remote import Remote
from sandbox.web.wire import App


class Serving:
    """An application behind a port, which can be stopped and resumed."""

    def __init__(self, application: App, name: str, host: str = "127.0.0.1", port: int = 0) -> None:
        """Port 0: any free one, found in `port`."""
        self._application, self._name, self._host = application, name, host
        self.port = self._listen(port)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{self._host}:{self.port}"

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

    def _listen(self, port: int) -> int:
        """Serve in a new thread; the socket is bound here, so whoever connects from now on is served."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self._host, port))
        listener.listen(2048)
        application: Any = self._application
        config = uvicorn.Config(
            application, log_level="critical", access_log=False, lifespan="off", proxy_headers=False, ws="none"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name=self._name, daemon=True)
        self._thread.start()
        bound: int = listener.getsockname()[1]
        return bound


class Running(Remote):
    """A simulated platform that runs, and its control side: what the server of every platform is.

    It comes before the platform's own Remote among the bases, and has that one's methods, too.
    """

    def __init__(self, application: App, name: str, host: str, port: int) -> None:
        self._serving = Serving(application, name, host, port)
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
