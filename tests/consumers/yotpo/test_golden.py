"""What Yotpo is asked for the contract's own files, word for word, against files written by hand."""

from __future__ import annotations

from datetime import datetime

import orjson
import pytest

from consumers.engine.sink import PlanMaker
from consumers.engine.wire import Json
from consumers.yotpo.customers import customers
from consumers.yotpo.orders import orders
from consumers.yotpo.points import points_back
from tests.consumers.desk import Thing, as_json, customer, word
from tests.consumers.klaviyo.exports import Exports
from tests.consumers.yotpo.shop import GOLDEN, Desk, account, back, known, refund, sale


def golden(name: str) -> Json:
    return orjson.loads((GOLDEN / f"{name}.json").read_bytes())


def person(text: str) -> Thing:
    """A row of the customers file, or what the shop says of its person."""
    *shop, number = text.split()[:2]
    if not shop:
        return customer(number)
    return customer(number, origin="shopify", shopify_id=text.split()[2])


def transaction(text: str, case: Json) -> Thing:
    """A row of the orders or refunds file, with what the producers remember of the sale."""
    if text.startswith("refund "):
        return refund()
    changes = {"original": case["original"]} if "original" in case else {}
    return back() if text == "913801" else sale(text, **changes)


def check(desk: Desk, step: Json, thing: Thing, plan: PlanMaker) -> None:
    outcome = desk.one(plan, thing)
    assert [word(outcome)] == step["outcomes"]
    assert [as_json(request) for request in desk.asked] == step["requests"]
    desk.asked.clear()


@pytest.mark.parametrize(("name", "shopify"), [("customers", False), ("customers_with_shopify", True)])
def test_customers_ask_for_exactly_this(name: str, shopify: bool) -> None:
    case = golden(name)
    desk = Desk(account(datetime.fromisoformat(case["now"]), shopify=shopify))
    for step in case["steps"]:
        (text,) = step["records"]
        check(desk, step, person(text), customers)


@pytest.mark.parametrize("name", ["orders", "exchange", "refunds"])
def test_orders_ask_for_exactly_this(name: str) -> None:
    case = golden(name)
    desk = known(Desk(account(datetime.fromisoformat(case["now"]))), "73152", "80117")
    for step in case["steps"]:
        (text,) = step["records"]
        check(desk, step, transaction(text, case), orders)


def test_rewards_and_gift_cards_ask_for_nothing() -> None:
    desk = Desk(account())
    for step in golden("rewards_and_gift_cards")["steps"]:
        assert [word(desk.one(points_back, thing)) for thing in Exports().step(step)] == step["outcomes"]
        assert desk.asked == step["requests"]
