"""Run the server that takes webhooks: `tillstream produce webhooks`. What it is told of platforms is found here."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any
from urllib.parse import quote

import click
import uvloop
from confluent_kafka import KafkaException

from consumers.engine.http import Client
from consumers.engine.sink import Account, Sink
from consumers.engine.tables import account_of
from consumers.engine.wire import Request, Response
from consumers.webhooks import Event, Refused
from operations import platforms
from operations.arguments import DONE, FAILED
from operations.asking import drive
from operations.watching import largest, largest_of
from producers.looks import Event as Told
from producers.webhooks.app import Counter
from producers.webhooks.door import Door, Token, Unreadable, always, as_delivered, unnamed
from producers.webhooks.messages import Desk
from producers.webhooks.server import Watch, bound, serve
from producers.webhooks.writer import Writer
from schemas.topics import Names
from tillstream import logs
from tillstream.clock import SYSTEM
from tillstream.codecs import codec_of
from tillstream.kafka import layout, topics
from tillstream.kafka.client import admin
from tillstream.settings import Address, Connection, Secret, Settings

LOG = logs.logger(__name__)
NEEDED = "webhook_token at a platform that sends webhooks"
FRESH_SECONDS = 2.0
"""Seconds in which a platform must tell how a customer stands; with Kafka's, less than platforms wait for us."""
LONGEST_PAUSE, ANSWER_SECONDS = 10.0, 2.5


def labour(settings: Settings, watch: Watch, only: str | None = None) -> int:
    """The server in this thread, in a loop of its own, until stopped. Raises WrongTopics, SecretError, TableErrors."""
    try:
        listen = bound(settings.webhooks.listen)
    except OSError as error:
        watch.why, watch.over = f"cannot listen on {settings.webhooks.listen}: {error.strerror}", True
        LOG.error("stopped", why=watch.why)
        return FAILED
    host, port = listen.getsockname()[:2]
    watch.url = f"http://{Address(host, port)}"
    click.echo(f"webhooks on {watch.url}")
    with listen, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, listen, watch, only))
    return DONE


async def _serve(settings: Settings, listen: socket.socket, watch: Watch, only: str | None) -> None:
    async with Client(FRESH_SECONDS) as client:
        counter = Counter(doors(settings, client, only), SYSTEM.now)
        await serve(listen, counter, lambda: _reach(settings, watch), watch)


async def _reach(settings: Settings, watch: Watch) -> tuple[Writer, Desk] | None:
    """Kafka with its topics, however long it takes to answer; None when told to stop meanwhile. Raises WrongTopics."""
    kafka, names, pause = settings.kafka.options(), Names(settings.topics.prefix), 0.5
    plans = [*layout.shared(settings), *layout.of_webhooks(settings)]
    while not watch.stop.is_set():
        try:
            events, letters = await asyncio.to_thread(_made, kafka, plans, names)
        except KafkaException as error:
            watch.why = f"Kafka does not answer: {error.args[0].str()}"
            LOG.warning("waiting for Kafka", why=error.args[0].str())
            await asyncio.to_thread(watch.stop.wait, pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        else:
            return Writer(kafka), Desk(codec_of(settings, "webhooks"), names, events, letters)
    return None


def _made(kafka: Mapping[str, Any], plans: Sequence[topics.Plan], names: Names) -> tuple[int, int]:
    """The largest event and dead letter, in bytes, of topics that are there.

    Raises KafkaException, soon where nobody answers, and WrongTopics.
    """
    admin(kafka).list_topics(timeout=ANSWER_SECONDS)
    topics.ensure(kafka, plans)
    return largest(kafka, names), largest_of(kafka, [names.webhooks_dead_letters])


# -- who is listened to -------------------------------------------------------------------------------------------


def accounts(settings: Settings, only: str | None = None) -> Iterator[tuple[Connection, Sink, Secret]]:
    """The accounts whose platform sends webhooks, each with the token of its path."""
    for connection in settings.connections.values():
        for name, own in connection.platforms.items():
            token = getattr(own, "webhook_token", None)
            if token is not None and only in (None, connection.name) and platforms.part(name, "webhook") is not None:
                yield connection, platforms.find()[name], token


def address(settings: Settings, connection: str, platform: str, token: str) -> str:
    """Where a platform is to send its webhooks."""
    return f"{settings.webhooks.address}/webhooks/{connection}/{platform}/{quote(token, safe='')}"


def doors(settings: Settings, client: Client, only: str | None = None) -> list[Door]:
    """A door for each account. Raises SecretError and TableErrors."""
    return [door(settings, client, *found) for found in accounts(settings, only)]


def door(settings: Settings, client: Client, connection: Connection, sink: Sink, token: Secret) -> Door:
    """What a platform's `webhook.py` says, for one account of it."""
    said = platforms.part(sink.name, "webhook")
    assert said is not None  # noqa: S101 - accounts() names no other
    account = account_of(settings, connection, sink, SYSTEM.now)
    return Door(
        connection.name,
        sink.name,
        Token(token.read),
        read=_reader(said, account),
        signed=(lambda headers, body: bool(said.signed(account, headers, body))) if _has(said, "signed") else always,
        delivery=said.delivery if _has(said, "delivery") else unnamed,
        fresh=_asker(said, sink, account, client) if _has(said, "fresh") else as_delivered,
    )


def _has(module: ModuleType, name: str) -> bool:
    return callable(getattr(module, name, None))


def _reader(said: ModuleType, account: Account) -> Callable[[Mapping[str, str], bytes], Sequence[Told] | Unreadable]:
    """A platform's `read`, in the words of the server."""

    def read(headers: Mapping[str, str], body: bytes) -> Sequence[Told] | Unreadable:
        found: Sequence[Event] | Refused = said.read(account, headers, body, account.now())
        return Unreadable(found.why) if isinstance(found, Refused) else found

    return read


# -- how it stands now --------------------------------------------------------------------------------------------


def _asker(said: ModuleType, sink: Sink, account: Account, client: Client) -> Callable[[Any], Awaitable[Told]]:
    """A platform's `fresh`, driven in a few seconds; what was delivered stands where that fails."""

    async def send(request: Request) -> Response:
        url, headers = sink.url(account.settings), sink.headers(account.settings)
        return sink.plainly(await client.send(url, headers, request))

    async def ask(event: Any) -> Told:
        try:
            async with asyncio.timeout(FRESH_SECONDS):
                found: Told = await drive(said.fresh(account, event), send)
                return found
        except Exception as error:  # a delivery is worth more than its freshness
            LOG.warning("taken as delivered", platform=sink.name, error=type(error).__name__)
            return event  # type: ignore[no-any-return]

    return ask
