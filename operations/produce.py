"""Run the producers: `tillstream produce sftp|folder`."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any, Protocol

import click
from confluent_kafka import KafkaException
from confluent_kafka.admin import ConfigResource, ResourceType  # type: ignore[attr-defined]  # public, all the same

from operations import webhooks
from operations.batches import work_in_batches
from producers.courier import Courier, Rhythm
from producers.folder import FolderInbox, Watcher
from producers.office import Office
from producers.sftp import Door
from producers.shift import Closing, Opening, Shift, Tools
from producers.spool import Spool
from producers.webhooks.server import Watch as Heard
from schemas.codec import codec
from schemas.topics import EVENT_TOPICS, Names
from tillstream import logs
from tillstream.clock import SYSTEM
from tillstream.health import Health, Probes
from tillstream.kafka import layout
from tillstream.kafka.client import admin
from tillstream.kafka.identity import identity
from tillstream.kafka.publisher import Fenced
from tillstream.kafka.topics import Found, WrongTopics, ensure, mocked
from tillstream.mapping.check import TableErrors
from tillstream.settings import Address, Connection, Settings

DONE, FAILED, WRONG = 0, 1, 2
LOG = logs.logger(__name__)
STUCK_SECONDS, SLOW_SECONDS, JOINING_SECONDS = 120.0, 15.0, 5.0
PATIENCE = 15.0
"""Seconds that a run with `--once` waits for the connections before it says that another producer works them."""


def run(settings: Settings, source: str, connection: str | None, once: bool, http: Address) -> int:
    """Turn files or webhooks into events until SIGTERM (or until nothing is due); the exit code."""
    if source == "webhooks":
        return _hear(settings, connection, once, http)
    if source not in ("sftp", "folder"):
        click.echo(f"tillstream: produce {source} is not built yet", err=True)
        return WRONG
    chosen = chosen_connections(settings, source, connection)
    if not chosen:
        click.echo(f"tillstream: no connection has a [connection.NAME.{source}] table", err=True)
        return WRONG
    logs.set_up()
    watch, probes = Watch(), Probes()
    probes.add(f"produce {source}", watch.alive, watch.ready)
    with Health(f"{http.host}:{http.port}", probes) as pages, stopping(watch.stop):
        click.echo(f"listening on {pages.url}")
        try:
            return work(settings, source, chosen, watch, once=once)
        except TableErrors as errors:
            click.echo(str(errors), err=True)
            return WRONG
        except (WrongTopics, Fenced) as stop:
            LOG.error("stopped", why=str(stop))
            return FAILED


def _hear(settings: Settings, connection: str | None, once: bool, http: Address) -> int:
    """Take webhooks until SIGTERM; the exit code."""
    if once or not any(webhooks.accounts(settings, connection)):
        why = "webhooks come when they come: there is no --once" if once else webhooks.NOBODY
        click.echo(f"tillstream: {why}", err=True)
        return WRONG
    logs.set_up()
    watch, probes = Heard(), Probes()
    probes.add("produce webhooks", watch.alive, watch.ready)
    with Health(f"{http.host}:{http.port}", probes) as pages, stopping(watch.stop):
        click.echo(f"listening on {pages.url}")
        try:
            return webhooks.labour(settings, watch, connection)
        except WrongTopics as stop:
            LOG.error("stopped", why=str(stop))
            return FAILED


class Shared(Protocol):
    """Work that several processes may share by connections."""

    @property
    def elsewhere(self) -> list[str]:
        """The connections that another process works, or that nobody has been given yet."""


class Watch:
    """A producer as health pages and signals see it."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.office: Office | None = None
        self.why = "starting"
        self.started = self.turned = time.monotonic()

    def alive(self) -> str | None:
        """The loop made a turn lately, or has said why it waits."""
        idle = time.monotonic() - self.turned
        return f"no turn for {idle:.0f} s" if idle > STUCK_SECONDS and self.ready() is None else None

    def ready(self) -> str | None:
        """Kafka takes what we write, and what we remember has been read."""
        if self.why:
            return self.why
        writing = self.office.writing_since if self.office else None
        if writing is not None and time.monotonic() - writing > SLOW_SECONDS:
            return f"Kafka has not taken a transaction for {time.monotonic() - writing:.0f} s"
        return None

    def note(self, work: Shared) -> None:
        """A turn was made."""
        self.turned = time.monotonic()
        waiting = ", ".join(work.elsewhere)
        joining = self.turned - self.started < JOINING_SECONDS
        self.why = waiting and f"waiting for {waiting}: {'joining' if joining else 'another producer works there'}"


def work(settings: Settings, source: str, connections: Mapping[str, Connection], watch: Watch, *, once: bool) -> int:
    """Take a place among the producers and work until told to stop."""
    names, prefix = Names(settings.topics.prefix), settings.topics.prefix
    kafka = settings.kafka.options()
    found = reach(watch, lambda: ensure(kafka, layout.shared(settings)))
    if found is None:
        return DONE
    with identity(settings.state.folder, prefix, "ingest") as own:
        folder = settings.state.folder / "ingest" / own.rsplit(".", 1)[1]
        tools = Tools(
            codec=codec(settings.registry.url.read() if settings.registry.url else None, prefix),
            names=names,
            largest=largest(kafka, names),
            state=folder,
            mappings=settings.mappings.folder,
            clock=SYSTEM,
            opening=OPENINGS[source],
        )
        office = Office(kafka, names, found, folder, own)
        watch.office = office
        work_in_batches()
        with contextlib.closing(Shift(office, connections, tools)) as shift:
            turns(shift, watch, once=once)
            return ended(shift) if once else DONE


def turns(shift: Shift, watch: Watch, *, once: bool) -> None:
    """Turn after turn, until stopped or (`once`) until nothing is due."""
    started, told = time.monotonic(), ""
    while not watch.stop.is_set():
        shift.turn(0.2)
        watch.note(shift)
        if watch.why != told:
            told = watch.why
            LOG.info(told or "all connections are ours")
        here = not shift.elsewhere or time.monotonic() - started > PATIENCE
        if once and here and shift.over:
            return


def ended(shift: Shift) -> int:
    """Say what a run that ends by itself leaves behind; 1 when files of a connection cannot be taken."""
    for line in shift.left():
        click.echo(line)
    return FAILED if shift.troubles else DONE


def reach(watch: Watch, ask: Callable[[], Found]) -> Found | None:
    """What Kafka says, however long it takes to answer; None when told to stop meanwhile."""
    pause = 0.5
    while not watch.stop.is_set():
        try:
            return ask()
        except KafkaException as error:
            watch.why = f"Kafka does not answer: {error.args[0].str()}"
            LOG.warning("waiting for Kafka", why=error.args[0].str())
        watch.turned = time.monotonic()
        watch.stop.wait(pause)
        pause = min(2 * pause, 10.0)
    return None


def largest(kafka: Mapping[str, Any], names: Names) -> int:
    """The largest record that our client sends and every event topic takes, in bytes."""
    asked = [ConfigResource(ResourceType.TOPIC, names.topic(topic)) for topic in EVENT_TOPICS]
    client = admin(kafka)  # held until all have answered: without it they never do
    answers = {} if mocked(client) else client.describe_configs(asked, request_timeout=20)
    limits = [int(answer.result()["max.message.bytes"].value) for answer in answers.values()]
    return min([int(kafka.get("message.max.bytes", 1_000_000)), *limits])


def chosen_connections(settings: Settings, source: str, only: str | None) -> dict[str, Connection]:
    """The connections whose files come by this source."""
    return {
        name: connection
        for name, connection in settings.connections.items()
        if getattr(connection, source) is not None and only in (None, name)
    }


def open_folder(connection: Connection, spool: Spool) -> tuple[Courier, Closing | None]:
    """The courier of a folder on this machine, woken by whatever happens in it."""
    place = connection.folder
    if place is None:
        raise ValueError(f"{connection.name} has no folder")
    inbox = FolderInbox(place.path, connection.name)
    rhythm = Rhythm(place.poll.total_seconds(), place.still.total_seconds())
    courier = Courier(connection.name, lambda: inbox, spool, rhythm)
    return courier, Watcher(inbox.watched, courier.ring)


def open_sftp(connection: Connection, spool: Spool) -> tuple[Courier, Closing | None]:
    """The courier of an SFTP server."""
    place = connection.sftp
    if place is None:
        raise ValueError(f"{connection.name} has no sftp table")
    rhythm = Rhythm(place.poll.total_seconds(), place.still.total_seconds())
    return Courier(connection.name, Door(place).open, spool, rhythm), None


def open_place(connection: Connection, spool: Spool) -> tuple[Courier, Closing | None]:
    """The courier of wherever a connection's files arrive."""
    return open_folder(connection, spool) if connection.sftp is None else open_sftp(connection, spool)


OPENINGS: Mapping[str, Opening] = {"folder": open_folder, "sftp": open_sftp, "files": open_place}


@contextlib.contextmanager
def stopping(stop: threading.Event) -> Iterator[None]:
    """SIGTERM and SIGINT end the work after what is in hand; a second one at once, which loses nothing."""

    def told(number: int, _: FrameType | None) -> None:
        if stop.is_set():
            raise SystemExit(128 + number)
        stop.set()

    former = {number: signal.signal(number, told) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
