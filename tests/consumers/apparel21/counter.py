"""Records, an account and a memory for Apparel21's plans, stepped by hand; and requests as golden files show them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import canonicalize

import orjson

from consumers.apparel21.settings import Apparel21Settings
from consumers.apparel21.sink import SINK
from consumers.engine.outcome import Outcome, Rejected, Skipped
from consumers.engine.sink import Account
from consumers.engine.wire import Json, Request, Response
from schemas import headers
from schemas.definitions import blank
from tests.consumers.desk import Desk, Thing, connection
from tillstream.mapping.table import Table, read_table
from tillstream.mapping.transforms import TRANSFORMS

__all__ = ["GOLDEN", "NOW", "Desk", "Thing", "account", "as_json", "event", "golden", "response", "word"]

GOLDEN = Path(__file__).parents[2] / "golden" / "apparel21"
NOW = datetime(2025, 4, 20, tzinfo=UTC)
OBJECTS = {"customers": "shopify_id", "tiers": "customer_id", "rewards": "redemption_id"}
DATES, INSTANTS, AMOUNTS = ("dob", "tier_expiry"), ("source_time", "redeemed_at"), ("option_value",)


@cache
def tables() -> Mapping[str, Table]:
    """The tables we ship, read once."""
    return {spec.name: read_table(spec.shipped.read_text("utf-8"), spec.source, TRANSFORMS) for spec in SINK.tables}


def account(now: datetime = NOW, **settings: Any) -> Account:
    """An Australian connection's account."""
    usual = {"url": "https://ap21.example/RetailAPI", "username": "tillstream", "password": "sandbox"}
    own = Apparel21Settings.model_validate({**usual, **settings})
    return Account(connection(), own, tables(), "v1", lambda: now)


def event(topic: str, **values: Any) -> Thing:
    """A record as a plan sees it; dates, times and amounts may be texts. `key` puts it under another key."""
    key = values.pop("key", "")
    record = {**blank(topic), "connection": "au", **{name: _typed(name, value) for name, value in values.items()}}
    content = orjson.dumps({n: str(v) for n, v in record.items() if n not in ("source_time", "line")}).hex()[-40:]
    order = headers.order(record["source_time"], None, record["line"])
    return Thing(key or f"au/{record['email']}", topic, record, content, order, record[OBJECTS[topic]])


def _typed(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if name in DATES:
        return date.fromisoformat(value)
    if name in INSTANTS:
        return datetime.fromisoformat(value)
    return Decimal(value) if name in AMOUNTS else value


def golden(name: str) -> Json:
    """A golden file."""
    return orjson.loads((GOLDEN / f"{name}.json").read_bytes())


def as_json(request: Request) -> Json:
    """A request as a golden file shows it."""
    version = dict(request.headers)["Accept"].removeprefix("version_").removesuffix(".0")
    told = {"method": request.method, "path": request.path, "query": dict(request.query), "version": int(version)}
    return {**told, "body": canonical(request.body)} if request.body is not None else told


def canonical(xml: bytes | str) -> str:
    """XML without the differences that mean nothing."""
    return canonicalize(xml, strip_text=True)


def response(told: Json) -> Response:
    """An answer of a golden file; its body is lines, or the name of a file beside it."""
    body = told.get("body", [])
    content = (GOLDEN / body).read_bytes() if isinstance(body, str) else "\n".join(body).encode()
    return Response(told["status"], content, told.get("headers", {}))


def word(outcome: Outcome) -> str:
    """An outcome as a golden file names it."""
    name = type(outcome).__name__.lower()
    return (
        f"{name} {outcome.policy}"
        if isinstance(outcome, Skipped)
        else f"{name} {outcome.reason}"
        if isinstance(outcome, Rejected)
        else name
    )
