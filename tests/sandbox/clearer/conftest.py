"""A simulated account of one's own, a client that knows its key, and somebody who hears its webhooks."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import httpx
import pytest

from sandbox.clearer.server import ClearerServer

KIM, LEE = "kim@customer.example", "lee@customer.example"


class Api:
    """One HTTP client of a sandbox."""

    def __init__(self, url: str) -> None:
        self.client = httpx.Client(base_url=f"{url}/v1", headers={"x-api-key": "k-1"}, trust_env=False)

    def ask(self, method: str, path: str, **body: Any) -> httpx.Response:
        """One request with a JSON body."""
        return self.client.request(method, path, json=body)

    def join(self, external: str = "7", email: str = KIM, **more: Any) -> httpx.Response:
        """PUT a member."""
        return self.ask("PUT", f"/customers/{external}", **{"email": email, **more})

    def order(self, name: str = "D1", total: Any = "189.90", customer: str = "7", **more: Any) -> httpx.Response:
        """POST a paid order."""
        body = {"externalId": name, "customerId": customer, "email": KIM, "currency": "AUD", "total": total}
        return self.ask("POST", "/orders", **{**body, "financialStatus": "paid", **more})

    def patch(self, name: str = "D1", status: str = "refunded", **more: Any) -> httpx.Response:
        """PATCH an order."""
        return self.ask("PATCH", f"/orders/{name}", financialStatus=status, **more)


class Heard(NamedTuple):
    """One webhook: its headers in lower case, and its body."""

    headers: dict[str, str]
    body: dict[str, Any]


class Listener:
    """Somebody whom webhooks are sent to; the statuses in `answers` come first, then 200."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.answers: list[int] = []
        listener = self

        class Ear(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                listener.heard.append(Heard({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(listener.answers.pop(0) if listener.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Ear)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"


@pytest.fixture
def clearer() -> Iterator[ClearerServer]:
    """A fresh account."""
    with ClearerServer() as server:
        yield server


@pytest.fixture
def api(clearer: ClearerServer) -> Iterator[Api]:
    """A client of this test's account."""
    client = Api(clearer.url)
    yield client
    client.client.close()


@pytest.fixture
def listener(clearer: ClearerServer) -> Iterator[Listener]:
    """The webhooks of this test's account come here."""
    found = Listener()
    thread = threading.Thread(target=found.server.serve_forever, daemon=True)
    thread.start()
    clearer.hooks(url=found.url)
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()
