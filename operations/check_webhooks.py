"""Tell the address to paste into each platform's page, and (`--create`) subscribe where a platform lets us."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from consumers.engine.sink import Account, Finding, Sink
from consumers.engine.wire import Plan
from operations import platforms, webhooks
from tillstream.settings import Connection, SecretError, Settings

Question = Callable[[Account], Plan[Sequence[Finding]]]
Asked = Callable[[Connection, Sink, Question], Iterator[Finding]]
"""What a platform answers to the questions of a plan, asked in the name of one connection."""
SHORTEST = 32
"""Characters of a token: what a path alone keeps safe (a platform may sign nothing) must not be found by trying."""


def findings(settings: Settings, asked: Asked, *, create: bool) -> Iterator[Finding]:
    """A line for every account whose platform sends webhooks. An address holds a secret: it is for a person's eyes."""
    told = list(webhooks.accounts(settings))
    if told and not settings.webhooks.public:
        why = f"is empty: the addresses begin with that of this machine, {settings.webhooks.address}"
        yield Finding("[webhooks] public", True, why)
    for connection, sink, token in told:
        what = f"{connection.name}, {sink.name}: webhooks"
        try:
            secret = token.read()
        except SecretError as error:
            yield Finding(what, False, str(error))
            continue
        address = webhooks.address(settings, connection.name, sink.name, secret)
        yield Finding(what, True, f"to be sent to {address}")
        if len(secret) < SHORTEST:
            short = f"has {len(secret)} characters: take at least {SHORTEST} that nobody can guess"
            yield Finding(f"{connection.name}, {sink.name}: webhook_token", False, short)
        if create:
            yield from _subscribed(asked, connection, sink, address)


def _subscribed(asked: Asked, connection: Connection, sink: Sink, address: str) -> Iterator[Finding]:
    said = platforms.part(sink.name, "subscriptions")
    if said is not None:
        yield from asked(connection, sink, lambda account: said.subscribe(account, address))
