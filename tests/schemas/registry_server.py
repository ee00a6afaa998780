"""A schema registry of the smallest kind: Confluent's two calls that the codec makes, and ways to fail."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class RegistryServer:
    """Ids from 1; `failing` answers every call with that status; `calls` is what was asked."""

    def __init__(self) -> None:
        self.schemas: dict[int, str] = {}
        self.subjects: dict[str, int] = {}
        self.calls: list[str] = []
        self.failing: int | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Be away."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and JSON for a call."""
        place = path.partition("?")[0]
        self.calls.append(f"{method} {place}")
        if self.failing is not None:
            return self.failing, {"error_code": self.failing * 100, "message": "as told"}
        _, kind, name, last, *_ = place.split("/")
        if kind == "subjects":
            return 200, {"id": self.register(name, body["schema"])}
        number = int(last)
        if number not in self.schemas:
            return 404, {"error_code": 40403, "message": "Schema not found"}
        return 200, {"schema": self.schemas[number]}

    def register(self, subject: str, schema: str) -> int:
        """The id of a schema, a new one if it is new."""
        number = next((known for known, text in self.schemas.items() if text == schema), len(self.schemas) + 1)
        self.schemas[number] = schema
        self.subjects[subject] = number
        return number

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._reply({})

            def do_POST(self) -> None:
                self._reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def _reply(self, body: dict[str, Any]) -> None:
                status, answer = registry.answer(self.command, self.path, body)
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's
                """Tests tell their own story."""

        return Handler
