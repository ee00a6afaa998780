"""What the mule declares: customers in loads of up to 5,000, as an import job takes them, with the usual memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from consumers.engine.outcome import Delivered, Outcome, RetryLater, Superseded, Unchanged
from consumers.engine.sink import Account, Finding, Route, Sink, TableSpec, Work, body_hash, newest, saw
from consumers.engine.wire import Json, Plan, Request, Response, ask
from schemas.definitions import definition
from tillstream.mapping.shapes import shape_of
from tillstream.settings import Block


class MuleSettings(Block):
    """Where the mule stands."""

    url: str


def loads(account: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """All that is new, in one request."""
    found = [_look(account, work) for work in works]
    bodies = [body for body in found if isinstance(body, dict)]
    answer = (
        (yield from ask(Request("POST", "/loads", "loads", {"rows": bodies}, rows=len(bodies))))
        if bodies
        else Response(201)
    )
    return [
        _outcome(account, work, made, answer) if isinstance(made, dict) else made
        for work, made in zip(works, found, strict=True)
    ]


def _look(account: Account, work: Work) -> dict[str, Json] | Outcome:
    item, memory = work.last, work.last.known("profile") or {}
    if item.order < newest(memory):
        return Superseded()
    body: dict[str, Json] = account.tables["mule.load"].apply(item.record)
    if memory.get("body") == body_hash(body):
        return Unchanged({"profile": saw(memory, item, account.version)})
    return body


def _outcome(account: Account, work: Work, body: dict[str, Json], answer: Response) -> Outcome:
    if not answer.ok:
        return RetryLater(timedelta(seconds=1), "unavailable")
    memory = saw(work.last.known("profile") or {}, work.last, account.version)
    return Delivered({"profile": {**memory, "body": body_hash(body)}}, status=answer.status, call="POST /loads")


def check(_: Account) -> Plan[Sequence[Finding]]:
    """Is the mule there?"""
    answer = yield from ask(Request("GET", "/", "door"))
    return [Finding("mule", answer.ok, "start the mule")]


SINK = Sink(
    name="mule",
    settings=MuleSettings,
    routes=(Route("customers", loads, "state", batch=5000),),
    tables=(TableSpec("mule.load", shape_of(definition("customers")), Path(__file__).with_name("mule.load.toml")),),
    quotas=lambda _: (),
    headers=lambda _: {"Content-Type": "application/json"},
    account_id=lambda settings: str(settings.url),
    pretend=lambda _: Response(201, b"{}"),
    check=check,
)
