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


def findings(settings: Settings, asked: Asked, *, create: bool) -> Iterator[Finding]:
    """A line for every account whose platform sends webhooks. An address holds a secret: it is for a person's eyes."""
    told = list(webhooks.accounts(settings))
    if told and not settings.webhooks.public:
        why = f"is empty: the addresses begin with that of this machine, {settings.webhooks.address}"
        yield Finding("[webhooks] public", True, why)
    for connection, sink, token in told:
        what = f"{connection.name}, {sink.name}: webhooks"
        try:
            address = webhooks.address(settings, connection.name, sink.name, token.read())
        except SecretError as error:
            yield Finding(what, False, str(error))
            continue
        yield Finding(what, True, f"to be sent to {address}")
        if create:
            yield from _subscribed(asked, connection, sink, address)
    yield from _unheard(settings)


def _subscribed(asked: Asked, connection: Connection, sink: Sink, address: str) -> Iterator[Finding]:
    said = platforms.part(sink.name, "subscriptions")
    if said is not None:
        yield from asked(connection, sink, lambda account: said.subscribe(account, address))


def _unheard(settings: Settings) -> Iterator[Finding]:
    """Accounts whose platform could be listened to, and is not."""
    for connection in settings.connections.values():
        for name, own in connection.platforms.items():
            if getattr(own, "webhook_token", name) is None and platforms.part(name, "webhook") is not None:
                yield Finding(f"{connection.name}, {name}: webhooks", True, "not heard: there is no webhook_token")
