"""The contract's own files for a Clearer account, and a desk that steps its plans by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from consumers.clearer.settings import ClearerSettings
from consumers.clearer.sink import SINK
from consumers.engine.outcome import Outcome
from consumers.engine.sink import Account, PlanMaker, body_hash
from consumers.engine.wire import Json, Request, Response
from schemas.definitions import blank
from tests.consumers import desk
from tests.consumers.desk import Thing, as_json, customer, file_rows, sale, word
from tillstream.mapping.table import read_table
from tillstream.mapping.transforms import TRANSFORMS
from tillstream.settings import Block, Connection, Secret
from tillstream.settings.model import settings_model

__all__ = ["Thing", "as_json", "customer", "sale", "word"]

GOLDEN = Path(__file__).parents[2] / "golden" / "clearer"
NOW = datetime(2025, 4, 2, tzinfo=UTC)
PRIYA, LIAM = "au/priya.oconnor@customer.example", "au/liam.nguyen@customer.example"


@cache
def connection(*, shopify: bool = False) -> Connection:
    """The connection `au`, with or without a Shopify shop."""
    table: Json = {"connection": {"au": {"shopify": {}} if shopify else {}}}
    return settings_model({"shopify": Block}).model_validate(table).connections["au"]


def account(now: datetime = NOW, *, shopify: bool = False, **settings: Any) -> Account:
    """An Australian connection's account, at a time of your choice."""
    tables = {spec.name: read_table(spec.shipped.read_text("utf-8"), spec.source, TRANSFORMS) for spec in SINK.tables}
    own = ClearerSettings(api_key=Secret.of("k-1"), **settings)
    return Account(connection(shopify=shopify), own, tables, "v1", lambda: now)


def yes(request: Request) -> Response:
    """A Clearer that says yes to everything."""
    return Response(200, orjson.dumps({"customer": {"pointBalance": 0}}) if request.method == "GET" else b"{}")


@dataclass
class Desk(desk.Desk):
    """A desk that takes one work at a time."""

    answer: desk.Answer = yes

    def send(self, plan: PlanMaker, *works: Thing | Sequence[Thing]) -> list[Outcome]:
        """Outcomes of works, one plan each."""
        return [outcome for work in works for outcome in super(Desk, self).send(plan, work)]


def original(tran: str = "913748", docket: str = "D11300004711", key: str = PRIYA, **changes: Any) -> dict[str, Any]:
    """A sale as the producers remember it."""
    return {"tran_idx": tran, "tran_number": docket, "key": key, "loyalty": True, **changes}


def changed(thing: Thing, **changes: Any) -> Thing:
    """The same record with other values, a content hash of its own, and the object that its transaction names."""
    record = {**thing.record, **changes}
    content = body_hash({name: str(value) for name, value in record.items() if name != "bulk"})
    return replace(thing, record=record, content=content, object=record.get("tran_idx") or thing.object)


def with_line(thing: Thing, **line: Any) -> Thing:
    """The same transaction with its first line only, changed."""
    return changed(thing, lines=[{**thing.record["lines"][0], **line}])


def refund(tran: str = "913801", **changes: Any) -> Thing:
    """A transaction of the contract's refunds file; the producers know its sale."""
    row = file_rows("refunds")[tran]
    where = {"connection": "au", "origin": "apparel21-file", "source_time": row.source_time, "original": original()}
    record = {**blank("orders"), **row.values, **where, **changes}
    return changed(Thing(f"au/{record['email']}", "orders", record, object=tran))


def told(text: str, known: Mapping[str, Mapping[str, Any]]) -> Thing:
    """A record as a golden file writes it: what it is, then what is different. `known`: sales by docket."""
    kind, *rest = text.split()
    if kind == "shopify":
        person, identity = rest
        return shopify(person, identity)
    changes = dict(one.split("=") for one in (rest[1:] if kind == "refund" else rest))
    thing = refund(rest[0]) if kind == "refund" else sale(kind)
    if {"qty", "line_value"} <= changes.keys():
        thing = with_line(thing, qty=int(changes.pop("qty")), line_value=Decimal(changes.pop("line_value")))
        changes.pop("only", None)
    if "original" in changes:
        thing = changed(thing, original=known[changes.pop("original").partition(":")[2]])
    elif (named := thing.record["original"]) and named["tran_number"] in known:
        thing = changed(thing, original=known[named["tran_number"]])
    return changed(thing, **changes) if changes else thing


def shopify(person: str, identity: str) -> Thing:
    """A customer's id in the shop, as the Shopify sink tells it."""
    known = customer(person)
    names = ("connection", "email", "person_id")
    record = {**blank("customers"), **{name: known.record[name] for name in names}}
    return Thing(known.key, "customers", record | {"origin": "shopify", "shopify_id": identity}, object=person)
