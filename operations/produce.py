"""Run the producers: `tillstream produce sftp|folder`."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from functools import partial

import click

from operations import polls, webhooks
from operations.arguments import DONE, FAILED, lacking, not_configured
from operations.batches import work_in_batches
from operations.watching import Watch, largest, reach, served_until_done, stopping, turn_after_turn
from producers.courier import Courier, Rhythm
from producers.folder import FolderInbox, Watcher
from producers.office import Office
from producers.sftp import Door
from producers.shift import Closing, Opening, Shift, Tools
from producers.spool import Spool
from producers.webhooks.server import Watch as Heard
from schemas.topics import Names
from tillstream import logs
from tillstream.clock import SYSTEM
from tillstream.codecs import codec_of
from tillstream.health import Health, Probes
from tillstream.kafka import layout
from tillstream.kafka.identity import identity
from tillstream.kafka.topics import WrongTopics, ensure
from tillstream.settings import Address, Connection, Settings

LOG = logs.logger(__name__)


def run(settings: Settings, source: str, connection: str | None, once: bool, http: Address) -> int:
    """Turn files, polls or webhooks into events until SIGTERM (or until nothing is due); the exit code."""
    if source == "webhooks":
        return _hear(settings, connection, once, http)
    if source == polls.TILLS:
        return polls.run(settings, [source], polls.ASKING, connection, once, http)
    chosen = chosen_connections(settings, source, connection)
    if not chosen:
        return not_configured([source], connection)
    watch = Watch()
    labour = partial(work, settings, source, chosen, watch, once=once)
    return served_until_done(f"produce {source}", watch, http, labour, once=once)


def _hear(settings: Settings, connection: str | None, once: bool, http: Address) -> int:
    """Take webhooks until SIGTERM, and compare at night (`once`: now) what they should have brought; the exit code."""
    if once:
        return polls.run(settings, polls.comparisons(), polls.COMPARING, connection, once, http)
    if not any(webhooks.accounts(settings, connection)):
        return lacking(webhooks.NEEDED, connection)
    logs.set_up()
    watch, probes = Heard(), Probes()
    probes.add("produce webhooks", watch.alive, watch.ready)
    with Health(http, probes) as pages, stopping(watch.stop):
        click.echo(f"listening on {pages.url}")
        try:
            with polls.beside(settings, connection, probes):
                return webhooks.labour(settings, watch, connection)
        except WrongTopics as stop:
            LOG.error("stopped", why=str(stop))
            return FAILED


def work(settings: Settings, source: str, connections: Mapping[str, Connection], watch: Watch, *, once: bool) -> int:
    """Take a place among the producers and work until told to stop."""
    names, prefix = Names(settings.topics.prefix), settings.topics.prefix
    kafka = settings.kafka.options()
    codec = codec_of(settings, "ingest")
    found = reach(watch, lambda: ensure(kafka, layout.shared(settings)))
    most = reach(watch, lambda: largest(kafka, names))
    if found is None or most is None or not reach(watch, codec.introduce):
        return DONE
    with identity(settings.state.folder, prefix, "ingest") as own:
        folder = settings.state.folder / "ingest" / own.rsplit(".", 1)[1]
        tools = Tools(
            codec=codec,
            names=names,
            largest=most,
            state=folder,
            mappings=settings.mappings.folder,
            clock=SYSTEM,
            opening=OPENINGS[source],
        )
        office = Office(kafka, names, found, folder, own, lines=lines(names, connections))
        watch.office = office
        work_in_batches()
        with contextlib.closing(Shift(office, connections, tools)) as shift:
            return turn_after_turn(shift, watch, once=once)


def chosen_connections(settings: Settings, source: str, only: str | None) -> dict[str, Connection]:
    """The connections whose files come by this source."""
    return {
        name: connection
        for name, connection in settings.connections.items()
        if getattr(connection, source) is not None and only in (None, name)
    }


def lines(names: Names, connections: Mapping[str, Connection]) -> dict[str, str]:
    """Servers and folders are given out apart: who works only the ones must not be given the others."""
    return {name: names.ledger if one.sftp is None else names.ingest for name, one in connections.items()}


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
