"""Put a worker together from the configuration, and run it to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
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
from consumers.engine.rim import Rim
from consumers.engine.sink import Account, Sink
from consumers.engine.tenure import Post
from consumers.engine.worker import Worker
from schemas.codec import codec
from schemas.topics import Names
from tillstream import telemetry
from tillstream.clock import SYSTEM, Clock
from tillstream.kafka import layout, topics
from tillstream.kafka.identity import identity
from tillstream.kafka.publisher import Publisher
from consumers.engine.tables import tables_for
from tillstream.settings import Settings

log = structlog.get_logger()


@dataclass(slots=True)
class Watch:
    """A running worker as health pages and the command line see it."""

    worker: Worker | None = None
    lives: Mapping[str, Live] = field(default_factory=dict)
    stop: Callable[[], object] = lambda: None
    drained: bool = True


def accounts(settings: Settings, sink: Sink, now: Callable[[], datetime]) -> dict[str, Account]:
    """The sink's accounts, by connection. Raises TableErrors where a table is wrong."""
    found = {}
    for name, connection in settings.connections.items():
        own = connection.platforms.get(sink.name)
        if own is not None:
            tables, version = tables_for(sink.tables, name, settings.mappings.folder)
            found[name] = Account(connection, own, tables, version, now)
    return found


async def work(settings: Settings, sink: Sink, watch: Watch, *, once: bool = False, clock: Clock = SYSTEM) -> int:
    """Run one worker until it is stopped, or until nothing is due (`once`). The exit code: 1 where a connection is stopped."""
    names, kafka = Names(settings.topics.prefix), settings.kafka.options()
    found = topics.ensure(kafka, [*layout.shared(settings), *layout.of_sink(settings, sink.name)])
    full = {names.topic(topic): topic for topic in sink.topics} | {names.replay(sink.name): "replay"}
    with identity(settings.state.folder, settings.topics.prefix, sink.name) as own:
        folder = settings.state.folder / sink.name / own.rsplit(".", 1)[1]
        post = Post(kafka, names, sink.name, full, found.ids, settings.topics.partitions, folder, topics.timing(kafka))
        async with Client() as client:
            worker, crew = _assemble(settings, sink, post, client, clock, Publisher(kafka, own))
            watch.worker, watch.lives = worker, crew.lives
            return await _live(worker, crew, watch, once=once)


def _assemble(settings: Settings, sink: Sink, post: Post, client: Client, clock: Clock, publisher: Publisher) -> tuple[Worker, Crew]:
    engine = settings.engine
    limits = Limits(engine.in_flight, engine.unsettled, drain_seconds=engine.drain.total_seconds(), exhausted_after=engine.exhausted_after,
                    ahead=engine.read_ahead)
    lives: dict[str, Live] = {}
    books = Books(
        sink.name, post.names, codec(_registry(settings), settings.topics.prefix),
        Limit(engine.dead_letter_run, engine.dead_letter_ratio), telemetry.release(),
        lambda connection: lives[connection].account.version if connection in lives else "", clock.now,
    )
    pools = Pools(clock, lambda: worker.share)
    worker = Worker(post, limits, books, pools, clock, publisher)
    for name, account in accounts(settings, sink, clock.now).items():
        lives[name] = Live(sink, account, clock, Breaker(clock))
    crew = Crew(sink, lives, books, Rim(client, pools, clock, worker.allowed), clock, limits, worker.settled)
    return worker, crew


def _registry(settings: Settings) -> str | None:
    return settings.registry.url.read() if settings.registry.url else None


async def _live(worker: Worker, crew: Crew, watch: Watch, *, once: bool) -> int:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    watch.stop = lambda: loop.call_soon_threadsafe(stopped.set)
    await worker.start(crew)
    try:
        while not stopped.is_set() and not (once and worker.at_rest()):
            await worker.turn()
    except BaseException:
        await worker.abandon()
        raise
    watch.drained = await worker.stop()
    return int(any(live.stopped for live in crew.lives.values()))
