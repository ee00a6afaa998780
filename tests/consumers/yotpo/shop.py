"""The contract's own files as records, an account to send them to, and a memory that plans may write into midway."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from consumers.engine.sink import Account
from consumers.engine.wire import Json, Response
from consumers.yotpo.check import pretend
from consumers.yotpo.settings import YotpoSettings
from consumers.yotpo.sink import SINK
from schemas.definitions import blank
from tests.consumers import desk
from tests.consumers.desk import Answer, Thing, file_rows
from tillstream.mapping.table import read_table
from tillstream.mapping.transforms import TRANSFORMS
from tillstream.settings import Secret
from tillstream.settings.model import settings_model

GOLDEN = Path(__file__).parents[2] / "golden" / "yotpo"
NOW = datetime(2025, 4, 2, tzinfo=UTC)
PRIYA, LIAM = "au/priya.oconnor@customer.example", "au/liam.nguyen@customer.example"
ORIGINAL = {"tran_idx": "913748", "tran_number": "D11300004711", "key": PRIYA, "loyalty": True}


@cache
def _connection(*platforms: str) -> Any:
    """The connection `au`, with accounts at these other platforms."""
    model = settings_model(dict.fromkeys(platforms, YotpoSettings))
    accounts = {name: {"guid": "g", "api_key": "k"} for name in platforms}
    return model.model_validate({"connection": {"au": accounts}}).connections["au"]


def account(now: datetime = NOW, *, shopify: bool = False, **settings: Any) -> Account:
    """An Australian connection's account, at a time of your choice."""
    tables = {spec.name: read_table(spec.shipped.read_text("utf-8"), spec.source, TRANSFORMS) for spec in SINK.tables}
    own = YotpoSettings(guid="g-1", api_key=Secret.of("k-1"), **settings)
    return Account(_connection(*(["shopify"] if shopify else [])), own, tables, "v1", lambda: now)


@dataclass
class Desk(desk.Desk):
    """Steps plans by hand; Yotpo takes everything."""

    answer: Answer = pretend


def known(desk: Desk, *people: str) -> Desk:
    """The same desk, where these people are known already."""
    for person in people:
        row = file_rows("customers")[person].values
        memory = {"id": person, "person": person, "sent": "s", "body": {"email": row["email"]}}
        desk.memory[f"au/{row['email']}#profile"] = orjson.dumps(memory)
    return desk


def sale(tran: str, **changes: Any) -> Thing:
    """A transaction of the contract's orders file, with changes."""
    return desk.sale(tran, **changes)


def back(**changes: Any) -> Thing:
    """The return of the orders file, with what the producers remember of its sale."""
    return sale("913801", **{"original": ORIGINAL, **changes})


def refund(**changes: Any) -> Thing:
    """The return as the refunds file has it."""
    row = file_rows("refunds")["913801"]
    where = {"connection": "au", "origin": "apparel21-file", "source_time": row.source_time}
    values = {**blank("orders"), **row.values, **where, "original": ORIGINAL, **changes}
    return Thing(PRIYA, "orders", values, "refund-content", "", "913801")


def says(status: int, body: Json = None) -> Answer:
    """A Yotpo that always answers so."""
    return lambda _: Response(status, orjson.dumps(body if body is not None else {}))


def at(thing: Thing, **changes: Any) -> Thing:
    """The same record, changed."""
    return replace(thing, record={**thing.record, **changes})


def bodies(desk: Desk, path: str) -> list[Json]:
    """What was posted there."""
    return [request.body for request in desk.asked if (request.method, request.path) == ("POST", path)]
