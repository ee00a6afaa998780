"""Say over HTTP whether this process is alive, whether it is ready, and what it measures."""

import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6
from threading import Thread
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from tillstream.logs import logger
from tillstream.settings.kinds import Address
from tillstream.telemetry import REGISTRY

LOG = logger(__name__)

Probe = Callable[[], str | None]
"""None when all is well, else why not. Called by any thread; must not block."""


class Probes:
    """What the roles of this process have to say about themselves."""

    def __init__(self) -> None:
        self._probes: dict[str, tuple[Probe, Probe]] = {}

    def add(self, name: str, live: Probe, ready: Probe) -> None:
        """Ask a role from now on. `live`: the loop makes progress; `ready`: Kafka and state are there."""
        self._probes[name] = (live, ready)

    def not_alive(self) -> list[str]:
        """Why this process should be restarted, one line a reason."""
        return self._complaints(0)

    def not_ready(self) -> list[str]:
        """Why this process cannot do its work yet, one line a reason."""
        return self._complaints(1)

    def _complaints(self, which: int) -> list[str]:
        asked = list(self._probes.items())  # a role may be added meanwhile
        return [f"{name}: {why}" for name, probes in asked if (why := _ask(probes[which])) is not None]


def _ask(probe: Probe) -> str | None:
    """What the probe says; one that fails says just that, for its text may hold anything."""
    try:
        return probe()
    except Exception as error:
        return f"the probe failed with {type(error).__name__}"


class PortTakenError(OSError):
    """Somebody else listens there."""


class Health:
    """The server of /metrics, /livez and /readyz, in threads of its own."""

    def __init__(self, listen: Address, probes: Probes, registry: CollectorRegistry = REGISTRY) -> None:
        """Serves from now on; port 0 takes any free one. Raises PortTakenError."""
        try:
            self._server = _Server(listen, _pages(probes, registry))
        except OSError as error:
            raise PortTakenError(f"cannot listen on {listen}: {error.strerror}") from error
        self._thread = Thread(target=self._server.serve_forever, args=(0.1,), name="health", daemon=True)
        self._thread.start()
        self.port: int = self._server.server_address[1]
        self.url = f"http://{listen._replace(port=self.port)}"

    def close(self) -> None:
        """Stop serving and give the port back."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> "Health":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def served(listen: Address, probes: Probes, *, once: bool) -> Health:
    """The server at this address. Work that ends by itself (`once`) does not wait for a role that has it: where the
    port is taken it gets any free one. Raises PortTakenError."""
    try:
        return Health(listen, probes)
    except PortTakenError:
        if not once:
            raise
    return Health(listen._replace(port=0), probes)


Answer = tuple[int, str, bytes]
Page = Callable[[str], Answer]

TEXT = "text/plain; charset=utf-8"


def _pages(probes: Probes, registry: CollectorRegistry) -> dict[str, Page]:
    """Path -> what answers, given the Accept header."""

    def metrics(accept: str) -> Answer:
        encode, content_type = choose_encoder(accept)
        return 200, content_type, encode(registry)

    return {
        "/metrics": metrics,
        "/livez": lambda _: _verdict(probes.not_alive()),
        "/readyz": lambda _: _verdict(probes.not_ready()),
    }


def _verdict(complaints: list[str]) -> Answer:
    if complaints:
        return 503, TEXT, ("\n".join(complaints) + "\n").encode()
    return 200, TEXT, b"ok\n"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listen: Address, pages: dict[str, Page]) -> None:
        self.pages = pages
        self.address_family = AF_INET6 if ":" in listen.host else AF_INET
        super().__init__(listen, _Handler)

    def handle_error(self, *_: object) -> None:
        """A caller that goes away is no news; whatever else is wrong is for the log."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            LOG.error("a page failed", exc_info=error)


class _Handler(BaseHTTPRequestHandler):
    server_version = "tillstream"
    sys_version = ""
    timeout = 10  # seconds a client may take over its request, else it would hold a thread for ever
    server: _Server

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        page = self.server.pages.get(urlsplit(self.path).path)
        status, content_type, body = page(self.headers.get("Accept", "")) if page else (404, TEXT, b"not found\n")
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the standard library's
        """A scrape every few seconds is no news."""
