"""What we bring to the shop comes back as its webhooks: at Apparel21 that changes nothing, and makes nobody."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from consumers.apparel21.customers import customers as to_apparel21
from consumers.engine.outcome import Delivered
from consumers.shopify.customers import customers
from consumers.shopify.webhook import fresh, read
from sandbox.shopify.server import ShopifyServer
from schemas import headers
from tests.consumers.apparel21 import counter
from tests.consumers.apparel21.test_customers import LIAM, Till
from tests.consumers.desk import Thing
from tests.consumers.shopify.shop import Desk, polled
from tests.consumers.shopify.test_sandbox import desk_at


def echoes(shop: ShopifyServer, desk: Desk) -> list[dict[str, Any]]:
    """The records of everything that the shop told so far, each read afresh."""
    found = []
    for said in shop.webhooks():
        body = orjson.dumps({name: value for name, value in said.items() if name != "topic"})
        events = read(desk.account, {"x-shopify-topic": said["topic"]}, body, datetime.now(UTC))
        assert isinstance(events, tuple)
        found += [desk.run(fresh(desk.account, event)).record for event in events]  # type: ignore[arg-type]
    return found


def thing(record: dict[str, Any]) -> Thing:
    """A record as a plan sees it."""
    order = headers.order(record["source_time"], None, 0)
    return Thing(f"au/{record['email']}", "customers", record, str(hash(order)), order, record["shopify_id"])


@pytest.mark.parametrize("privacy", [True, False])
@pytest.mark.parametrize("first", ["the id", "the webhooks"])
@pytest.mark.parametrize("visible", [True, False])
def test_a_sign_up_that_comes_back_changes_nothing(
    shopify: ShopifyServer, privacy: bool, first: str, visible: bool
) -> None:
    """Also where Apparel21 does not show the person, because nobody marked them WEB."""
    with desk_at(shopify) as desk:
        outcome = desk.one(customers, polled("80117", privacy=privacy))
        assert isinstance(outcome, Delivered)
        back = echoes(shopify, desk)
        assert {record["email"] for record in back} == {LIAM}
        assert {record["person_id"] for record in back if record["firstname"]} == {"80117"}
        told = [emit.value for emit in outcome.emits]
        till = counter.Desk(counter.account(), Till(privacy if visible else None))
        for record in told + back if first == "the id" else back + told:
            till.send(to_apparel21, thing(record))
        assert {call.split()[0] for call in till.calls()} <= {"GET"}


def test_a_customer_whom_the_shop_already_had_tells_of_the_till_only_once(shopify: ShopifyServer) -> None:
    with desk_at(shopify) as desk:
        shopify.register(email=LIAM, firstName="Liam")
        row = polled("80117")
        outcome = desk.one(customers, row)
        assert isinstance(outcome, Delivered)
        assert len(outcome.emits) == 1
        desk.one(customers, row)
        assert len(shopify.webhooks("customers/create")) == 1
