"""Serve the calls of the platforms, in a thread with a loop of its own, until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

import uvicorn

from producers.webhooks.app import Counter, application
from producers.webhooks.messages import Desk
from producers.webhooks.writer import Writer
from tillstream import logs
from tillstream.settings import Address

LOG = logs.logger(__name__)
DRAIN_SECONDS = 20
MOST_AT_ONCE = 200
"""Calls and open connections; one more is answered 503, and comes again."""
LOOK_SECONDS = 5.0
TICK_SECONDS = 0.2
STUCK_SECONDS = 30.0


@dataclass
class Watch:
    """The server as health pages and signals see it. Any thread may set `stop`: what is in flight is answered then."""

    why: str = "starting"
    url: str = ""
    stop: threading.Event = field(default_factory=threading.Event)
    over: bool = False
    turned: float = field(default_factory=time.monotonic)

    def alive(self) -> str | None:
        """The loop goes round; a server that has ended has said why."""
        idle = time.monotonic() - self.turned
        return f"no turn for {idle:.0f} s" if idle > STUCK_SECONDS and not self.over else None

    def ready(self) -> str | None:
        """Kafka takes what we write."""
        return self.why or None


Reach = Callable[[], Awaitable[tuple[Writer, Desk] | None]]
"""Returns once Kafka and its topics are there; None when told to stop meanwhile."""


async def serve(listen: socket.socket, counter: Counter, reach: Reach, watch: Watch) -> None:
    """Answer from now on: 503 until Kafka is there. Returns when stopped and the calls in flight are answered."""
    server = _Server(
        uvicorn.Config(
            application(counter),
            log_config=None,
            access_log=False,  # a path holds a token
            lifespan="off",
            ws="none",
            server_header=False,
            limit_concurrency=MOST_AT_ONCE,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
    )
    beside = asyncio.ensure_future(_attend(counter, reach, watch))
    serving = asyncio.ensure_future(server.serve([listen]))
    while not watch.stop.is_set() and not beside.done() and not serving.done():
        watch.turned = time.monotonic()
        await asyncio.sleep(TICK_SECONDS)
    watch.stop.set()
    server.should_exit = True
    await serving
    writer = await beside  # raises what ended it
    if writer is not None:
        await asyncio.to_thread(writer.close)


async def _attend(counter: Counter, reach: Reach, watch: Watch) -> Writer | None:
    """Open the counter when Kafka is there, then look now and again whether it still is; the writer when stopped."""
    found = await reach()
    if found is None:
        return None
    writer, counter.desk = found
    counter.writer = writer
    last = ""
    while not watch.stop.is_set():
        watch.why = await asyncio.to_thread(writer.look)
        if watch.why != last:
            last = watch.why
            LOG.info(last or "Kafka answers")
        await asyncio.to_thread(watch.stop.wait, LOOK_SECONDS)
    return writer


def bound(listen: Address) -> socket.socket:
    """A socket at this address (port 0: any free one). Raises OSError where it is taken."""
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    made = socket.socket(family)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((listen.host, listen.port))
        made.listen(2048)  # from now on nobody else can have it
    except OSError:
        made.close()
        raise
    return made


class _Server(uvicorn.Server):
    """Signals are for the command that hosts this role."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None of its own."""
        yield
