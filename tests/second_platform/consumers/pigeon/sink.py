"""What the pigeon post declares: one route for customers, one for orders, a quota."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from consumers.engine.outcome import Delivered, Misconfigured, Outcome, Rejected, RetryLater, Superseded, Unchanged
from consumers.engine.sink import Account, Finding, Quota, Route, Sink, TableSpec, Work, body_hash, newest, saw
from consumers.engine.wire import Plan, Request, Response, ask
from schemas.definitions import definition
from tillstream.mapping.shapes import shape_of
from tillstream.settings import Block, Secret, Share, Start

HERE = Path(__file__).parent


class PigeonSettings(Block):
    """One account at the pigeon post."""

    url: str
    key: Secret
    start: Start = "earliest"
    quota_share: Share = 1.0
    a_second: int = 0
    a_minute: int = 0


def letters(account: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """Post one customer's letter."""
    return [(yield from _letter(account, works[0]))]


def _letter(account: Account, work: Work) -> Plan[Outcome]:
    item, memory = work.last, work.last.known("profile") or {}
    if item.order < newest(memory):
        return Superseded()
    body = account.tables["pigeon.letter"].apply(item.record)
    if memory.get("body") == body_hash(body) and not item.forced:
        return Unchanged({"profile": saw(memory, item, account.version)})
    answer = yield from ask(Request("POST", "/letters", "letters", {"key": item.key, "order": item.order, **body}))
    if not answer.ok:
        return judge(answer)
    return Delivered(
        {"profile": {**saw(memory, item, account.version), "body": body_hash(body)}},
        status=answer.status,
        call="POST /letters",
    )


def parcels(account: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """Post one order, once."""
    item = works[0].last
    name = f"order/{item.object}"
    if item.known(name):
        return [Unchanged()]
    answer = yield from ask(
        Request("POST", "/parcels", "parcels", {"key": item.key, "order": item.order, "id": item.object})
    )
    return [Delivered({name: 1}, status=answer.status, call="POST /parcels") if answer.ok else judge(answer)]


def judge(answer: Response) -> Outcome:
    """What an answer that is no yes means."""
    if answer.status in (401, 403):
        return Misconfigured("the post office does not know our key", "credentials")
    if answer.unclear:
        return RetryLater(timedelta(seconds=1), "unavailable")
    return Rejected("refused", "the post office refused the letter", answer.status)


def quotas(settings: PigeonSettings) -> tuple[Quota, ...]:
    """As configured; 0 means none."""
    windows = tuple(w for w in ((1.0, settings.a_second), (60.0, settings.a_minute)) if w[1])
    return (Quota("letters", windows), Quota("parcels", windows)) if windows else ()


def check(account: Account) -> Plan[Sequence[Finding]]:
    """Is our key known?"""
    answer = yield from ask(Request("GET", "/", "door"))
    return [Finding("key", answer.ok, "known" if answer.ok else "ask the post office for another key")]


SINK = Sink(
    name="pigeon",
    settings=PigeonSettings,
    routes=(Route("customers", letters, "state"), Route("orders", parcels, "fact")),
    tables=(TableSpec("pigeon.letter", shape_of(definition("customers")), HERE / "pigeon.letter.toml"),),
    quotas=quotas,
    headers=lambda settings: {"Authorization": settings.key.read(), "Content-Type": "application/json"},
    account_id=lambda settings: str(settings.url),
    pretend=lambda request: Response(201, b"{}"),
    check=check,
    remaining=lambda response: int(response.headers["X-Left"]) if "X-Left" in response.headers else None,
)
