"""The contract's persons as if they had been polled, a shop to bring them to, and its customers as it tells of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from consumers.engine.sink import Account
from consumers.engine.wire import Json, Request, Response
from consumers.shopify.check import pretend
from consumers.shopify.settings import ShopifySettings
from consumers.shopify.sink import SINK
from tests.consumers import desk
from tests.consumers.desk import Answer, Thing
from tillstream.mapping.table import read_table
from tillstream.mapping.transforms import TRANSFORMS
from tillstream.settings import Secret
from tillstream.settings.model import settings_model

GOLDEN = Path(__file__).parents[2] / "golden" / "shopify"
NOW = datetime(2025, 4, 20, tzinfo=UTC)
PRIYA = "au/priya.oconnor@customer.example"
GID = "gid://shopify/Customer/"
WORD = re.compile(r"(?:query|mutation) (\w+)")


def account(now: datetime = NOW, **settings: Any) -> Account:
    """An Australian connection's shop, at a time of your choice."""
    tables = {spec.name: read_table(spec.shipped.read_text("utf-8"), spec.source, TRANSFORMS) for spec in SINK.tables}
    given = settings or {"access_token": Secret.of("shpat_1")}
    own = ShopifySettings(url="https://wattle.example", **given)
    connection = settings_model({}).model_validate({"connection": {"au": {}}}).connections["au"]
    return Account(connection, own, tables, "v1", lambda: now)


def polled(person: str, email: str | None = None, **changes: Any) -> Thing:
    """A row of the contract's customers file as a poll would have told of its person."""
    return desk.customer(person, email, **{"origin": "apparel21-poll", **changes})


@dataclass
class Desk(desk.Desk):
    """Steps plans by hand against a shop that knows nobody and takes everything."""

    account: Account = field(default_factory=account)
    answer: Answer = pretend

    def said(self) -> list[Json]:
        """Operation and variables of everything asked so far; forgets it."""
        told = [operation(request) for request in self.asked]
        self.asked.clear()
        return told

    def named(self) -> list[str]:
        """The operations asked for so far; forgets them."""
        return [one["operation"] for one in self.said()]


def operation(request: Request) -> Json:
    """A request as a golden file shows it."""
    if request.endpoint == "token":
        return {"operation": "token", "variables": {}}
    found = WORD.match(request.body["query"])
    assert found is not None
    variables = orjson.loads(orjson.dumps(request.body["variables"]))
    return {"operation": found[1], "variables": variables}


def says(*data: Json) -> Answer:
    """A shop that answers with these data in turn, and then as one that knows nobody."""
    told = iter(data)

    def answer(request: Request) -> Response:
        said = next(told, None)
        if said is None:
            return pretend(request)
        return said if isinstance(said, Response) else Response(200, orjson.dumps({"data": said}))

    return answer


def by_name(**answers: Callable[[Json], Json]) -> Answer:
    """A shop whose answer to an operation is made from its variables; to others as one that knows nobody."""

    def answer(request: Request) -> Response:
        asked = operation(request)
        made = answers.get(asked["operation"])
        said = made(asked["variables"]) if made else None
        if said is None:
            return pretend(request)
        return said if isinstance(said, Response) else Response(200, orjson.dumps({"data": said}))

    return answer


def refused(root: str, *errors: tuple[Iterable[str] | None, str]) -> Json:
    """A mutation with complaints: field and message of each."""
    return {root: {"userErrors": [{"field": list(f) if f else None, "message": m} for f, m in errors]}}


def customer(number: str, **changes: Any) -> Json:
    """A customer as the shop tells of one: an address, and nothing else."""
    node: dict[str, Json] = {
        "id": f"{GID}{number}", "legacyResourceId": number, "firstName": None, "lastName": None, "note": None,
        "tags": [], "updatedAt": "2025-04-01T00:00:00Z", "defaultAddress": None, "defaultPhoneNumber": None,
        "defaultEmailAddress": {"emailAddress": PRIYA[3:], "marketingState": "NOT_SUBSCRIBED"}, "metafield": None,
    }  # fmt: skip
    return {**node, **changes}


def is_customer(node: Json) -> Json:
    """The answer of a look."""
    return {"customerByIdentifier": node}
