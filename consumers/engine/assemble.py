"""Put a worker together from the configuration, and run it to its end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from consumers.engine.books import Books
from consumers.engine.breaker import Breaker
from consumers.engine.crew import Crew
from consumers.engine.dead_letters import Limit
from consumers.engine.http import Client
from consumers.engine.limits import Limits
from consumers.engine.live import Live, Pools
from consumers.engine.post import Post
from consumers.engine.rim import Rim
from consumers.engine.sink import Account, Sink
from consumers.engine.tables import account_of
from consumers.engine.tenure import patiently
from consumers.engine.threads import Loose, Unanswered
from consumers.engine.worker import Worker
from schemas.topics import Names
from tillstream import telemetry
from tillstream.clock import SYSTEM, Clock
from tillstream.codecs import codec_of
from tillstream.kafka import layout, topics
from tillstream.kafka.identity import identity
from tillstream.kafka.publisher import Publisher
from tillstream.settings import Settings

log = structlog.get_logger()


@dataclass(slots=True)
class Watch:
    """A running worker as health pages and the command line see it."""

    worker: Worker | None = None
    lives: Mapping[str, Live] = field(default_factory=dict)
    stop: Callable[[], object] = lambda: None
    waits: Sequence[str] = ()

    @property
    def ready(self) -> str | None:
        """None while Kafka and state are there; else why the worker cannot do its work."""
        return self.worker.ready if self.worker else "Kafka has not answered yet"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a worker touches: its post, its producer, its pool of connections to platforms, its clock."""

    post: Post
    publisher: Publisher
    client: Client
    clock: Clock


def accounts(settings: Settings, sink: Sink, now: Callable[[], datetime]) -> dict[str, Account]:
    """The sink's accounts, by connection. Raises TableErrors where a table is wrong."""
    own = [connection for connection in settings.connections.values() if sink.name in connection.platforms]
    return {connection.name: account_of(settings, connection, sink, now) for connection in own}


async def work(settings: Settings, sink: Sink, watch: Watch, *, once: bool = False, clock: Clock = SYSTEM) -> int:
    """Run one worker until it is stopped, or until nothing is due (`once`).

    The exit code: 1 where a connection is stopped. Waits for Kafka as long as that takes.
    """
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()
    watch.stop = lambda: loop.call_soon_threadsafe(stopped.set)
    with identity(settings.state.folder, settings.topics.prefix, sink.name) as own:
        ready = asyncio.ensure_future(_ready(settings, sink, own))
        told = asyncio.ensure_future(stopped.wait())
        await asyncio.wait((ready, told), return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            ready.cancel()
            return 0
        post, publisher = ready.result()
        async with Client() as client:
            worker, crew = _assemble(settings, sink, Surroundings(post, publisher, client, clock))
            told.add_done_callback(lambda _: worker.hurry())
            watch.worker, watch.lives = worker, crew.lives
            return await _live(worker, crew, watch, stopped, once=once)


async def _ready(settings: Settings, sink: Sink, own: str) -> tuple[Post, Publisher]:
    """The topics as they should be, and a producer of ours. Raises WrongTopics."""
    kafka, names = settings.kafka.options(), Names(settings.topics.prefix)
    thread = Loose(1, f"start-{sink.name}")
    plans = [*layout.shared(settings), *layout.of_sink(settings, sink.name)]
    try:
        found = await patiently(thread, topics.ensure, kafka, plans)
        timing = await patiently(thread, topics.timing, kafka)
        publisher = await patiently(thread, Publisher, kafka, own)
    finally:
        thread.shutdown()
    listened = {names.topic(topic): topic for topic in sink.topics} | {names.replay(sink.name): "replay"}
    folder = settings.state.folder / sink.name / own.rsplit(".", 1)[1]
    return Post(kafka, names, sink.name, listened, found.ids, settings.topics.partitions, folder, timing), publisher


def _assemble(settings: Settings, sink: Sink, around: Surroundings) -> tuple[Worker, Crew]:
    engine, post, clock = settings.engine, around.post, around.clock
    limits = Limits(
        engine.in_flight,
        engine.unsettled,
        drain_seconds=engine.drain.total_seconds(),
        exhausted_after=engine.exhausted_after,
        ahead=engine.read_ahead,
    )
    lives = {
        name: Live(sink, account, clock, Breaker(clock))
        for name, account in accounts(settings, sink, clock.now).items()
    }
    books = Books(
        sink.name,
        post.names,
        codec_of(settings, sink.name),
        Limit(engine.dead_letter_run, engine.dead_letter_ratio),
        telemetry.release(),
        lambda connection: lives[connection].account.version if connection in lives else "",
        clock.now,
    )
    pools = Pools(clock, lambda: worker.share)
    worker = Worker(post, around.publisher, limits=limits, books=books, pools=pools, clock=clock)
    around.client.allowed = worker.allowed
    rim = Rim(around.client, pools, clock, worker.allowed)
    return worker, Crew(sink, lives, books, rim=rim, clock=clock, limits=limits, settled=worker.settled)


async def _live(worker: Worker, crew: Crew, watch: Watch, stopped: asyncio.Event, *, once: bool) -> int:
    await worker.start(crew)
    try:
        with contextlib.suppress(Unanswered):
            while not stopped.is_set() and not (once and worker.at_rest()):
                await worker.turn()
        watch.waits = worker.waits()
    except BaseException:
        await worker.abandon()
        raise
    await worker.stop()
    return int(any(live.stopped for live in crew.lives.values()))
