"""Look at everything that must be right before records flow, and say what to do where it is not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import click

from consumers.engine.http import Client
from consumers.engine.rim import retry_after
from consumers.engine.sink import Account, Finding, Sink
from consumers.engine.tables import account_of, tables_for
from consumers.engine.wire import Plan, Request, Response
from operations import check_kafka, check_places, check_webhooks, platforms
from operations.asking import drive
from operations.standing import running
from producers.files.names import KINDS
from producers.shift import layout_of
from schemas.compatibility import breaks
from tillstream.clock import SYSTEM
from tillstream.mapping.check import TableErrors
from tillstream.mapping.folder import strays
from tillstream.settings import Connection, SecretError, Settings

PATIENCE = 15.0
"""Seconds that one call to a platform may take."""
LONGEST_REST = 10.0
TRIES = 3


class Away(Exception):
    """A platform could not be asked; the message says why, and what to do."""


def run(settings: Settings, create: bool) -> int:
    """Print a line for everything that was looked at; 1 when something is not well."""
    wrong = [finding for finding in findings(settings, platforms.find(), create=create) if not _tell(finding)]
    return int(bool(wrong))


def findings(settings: Settings, sinks: Mapping[str, Sink], *, create: bool = False) -> Iterator[Finding]:
    """Every line, as it is found: configuration and tables first, then the live world."""
    wanted = running(settings, sinks)
    yield _configured(settings)
    yield from schemas()
    for connection in settings.connections.values():
        yield from tables(settings, connection, wanted)
    yield from stray_tables(settings, sinks)
    yield from check_kafka.findings(settings, list(wanted), create=create)
    yield from check_kafka.registry(settings)
    for connection in settings.connections.values():
        yield from check_places.findings(settings, connection)
    for name, sink in wanted.items():
        for connection in settings.connections.values():
            if name in connection.platforms:
                yield from account(settings, connection, sink)
    yield from check_webhooks.findings(settings, partial(asked, settings), create=create)


def _tell(finding: Finding) -> bool:
    sign = click.style("ok  ", fg="green") if finding.well else click.style("NO  ", fg="red", bold=True)
    first, *more = finding.told.splitlines() or [""]
    click.echo(f"{sign}{finding.what}{': ' if first else ''}{first}")
    for line in more:
        click.echo(f"      {line}")
    return finding.well


def _configured(settings: Settings) -> Finding:
    connections = settings.connections
    if not connections:
        return Finding("configuration", False, "names no connection: add [connection.NAME] with its country and zone")
    told = (f"{name} ({', '.join(one.platforms) or 'no platform'})" for name, one in connections.items())
    return Finding("configuration", True, ", ".join(told))


def schemas() -> Iterator[Finding]:
    """Could anybody be stranded by the schemas of this release?"""
    found = breaks()
    told = "\n".join(str(one) for one in found) or "readable by every release, and every release by them"
    yield Finding("schemas", not found, told)


def tables(settings: Settings, connection: Connection, sinks: Mapping[str, Sink]) -> Iterator[Finding]:
    """The tables of a connection's files and platforms; every problem of each."""
    folder = settings.mappings.folder
    for kind in KINDS:
        yield _table(f"{connection.name}: table {kind}", partial(layout_of, kind, connection, folder))
    specs = [spec for name, sink in sinks.items() if name in connection.platforms for spec in sink.tables]
    for spec in specs:
        yield _table(f"{connection.name}: table {spec.name}", partial(tables_for, [spec], connection.name, folder))


def stray_tables(settings: Settings, sinks: Mapping[str, Sink]) -> Iterator[Finding]:
    """Tables under names that mean nothing: a merchant would wait in vain for what they say."""
    names = {*KINDS, *(spec.name for sink in sinks.values() for spec in sink.tables)}
    for sentence in strays(settings.mappings.folder, names, settings.connections):
        yield Finding("mappings", False, sentence)


def _table(what: str, read: Callable[[], object]) -> Finding:
    try:
        read()
    except TableErrors as errors:
        return Finding(what, False, str(errors))
    except OSError as error:
        return Finding(what, False, str(error))
    return Finding(what, True, "")


def account(settings: Settings, connection: Connection, sink: Sink) -> Iterator[Finding]:
    """What a platform says to one connection's key."""
    yield from asked(settings, connection, sink, sink.check)


def asked(
    settings: Settings, connection: Connection, sink: Sink, question: Callable[[Account], Plan[Sequence[Finding]]]
) -> Iterator[Finding]:
    """What a platform answers to the questions of a plan, asked in the name of one connection."""
    place = f"{connection.name}, {sink.name}"
    try:
        whole = account_of(settings, connection, sink, SYSTEM.now)
        found = asyncio.run(_ask(sink, whole, question(whole)))
    except TableErrors:
        return  # told with the tables
    except SecretError as error:
        yield Finding(f"{place}: secret", False, str(error))
        return
    except Away as away:
        yield Finding(place, False, str(away))
        return
    for finding in found:
        yield Finding(f"{place}: {finding.what}", finding.well, finding.told)


async def _ask(sink: Sink, account: Account, plan: Plan[Sequence[Finding]]) -> Sequence[Finding]:
    url, headers = sink.url(account.settings), sink.headers(account.settings)
    async with Client(PATIENCE) as client:

        async def send(request: Request) -> Response:
            return await _send(client, url, headers, request)

        return await drive(plan, send)


async def _send(client: Client, url: str, headers: Mapping[str, str], request: Request) -> Response:
    """One answer; a pause that the platform asks for is kept, if it is short. Raises Away where none tells anything."""
    response = await client.send(url, headers, request)
    for _ in range(TRIES - 1):
        if response.status != 429:
            break
        await asyncio.sleep(min(retry_after(response, SYSTEM), LONGEST_REST))
        response = await client.send(url, headers, request)
    if remedy := _remedy(response):
        raise Away(f"{url} {remedy}")
    return response


def _remedy(response: Response) -> str:
    """Why an answer tells nothing of the account, and what to do; "" when it tells something.

    >>> _remedy(Response(502))
    'answers 502: it is not in order; look at its status page, and check again later'
    """
    if response.status == 0:
        why = response.body[:200].decode("utf-8", "replace")
        return f"does not answer ({why}): look at url, and at the network and firewall between"
    if 300 <= response.status < 400:
        return f"answers {response.status}, that it is elsewhere: look at url"
    if response.status >= 500:
        return f"answers {response.status}: it is not in order; look at its status page, and check again later"
    if response.status == 429:
        return "answers 429: the account's limit is used up, by us or by others; check again in a minute"
    return ""
