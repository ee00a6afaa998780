"""Somebody whom webhooks are sent to: it remembers every delivery and answers as told."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self


class Heard(NamedTuple):
    """One delivery: its headers in lower case, its bytes, and what they say."""

    headers: dict[str, str]
    payload: bytes
    body: dict[str, Any]


class Listener:
    """The statuses in `answers` come first, then `otherwise`."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.answers: list[int] = []
        self.otherwise = 200
        listener = self

        class Ear(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                payload = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                listener.heard.append(Heard(headers, payload, json.loads(payload)))
                self.send_response(listener.answers.pop(0) if listener.answers else listener.otherwise)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Ear)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def all_of(self, header: str) -> list[str]:
        """What this header said in every delivery."""
        return [one.headers[header] for one in self.heard]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
