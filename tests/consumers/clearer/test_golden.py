"""What Clearer is asked for the contract's own files, word for word, against files written by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
import pytest

from consumers.clearer.customers import customers
from consumers.clearer.orders import orders
from consumers.clearer.points import points_back
from consumers.engine.wire import Json
from tests.consumers.clearer.shop import GOLDEN, Desk, account, as_json, customer, shopify, told, word
from tests.consumers.klaviyo.exports import Exports


def golden(name: str) -> Json:
    return orjson.loads((GOLDEN / f"{name}.json").read_bytes())


@pytest.mark.parametrize("name", ["customers", "customers_with_shopify"])
def test_customers_ask_for_exactly_this(name: str) -> None:
    case = golden(name)
    desk = Desk(account(datetime.fromisoformat(case["now"]), shopify=name.endswith("shopify")))
    for step in case["steps"]:
        [text] = step["records"]
        thing = shopify(*text.split()[1:]) if text.startswith("shopify") else customer(text)
        assert [word(outcome) for outcome in desk.send(customers, thing)] == step["outcomes"]
        assert [as_json(request) for request in desk.asked] == step["requests"]
        desk.asked.clear()


@pytest.mark.parametrize("name", ["orders", "refunds", "exchange"])
def test_orders_ask_for_exactly_this(name: str) -> None:
    case = golden(name)
    desk = Desk(account(datetime.fromisoformat(case["now"])))
    desk.send(customers, *map(customer, case["customers"]))
    desk.asked.clear()
    known: dict[str, dict[str, Any]] = {}
    for step in case["steps"]:
        [thing] = [told(text, known) for text in step["records"]]
        assert [word(outcome) for outcome in desk.send(orders, thing)] == step["outcomes"]
        assert [as_json(request) for request in desk.asked] == step["requests"]
        if step["outcomes"] == ["delivered"]:
            names = {name: thing.record[name] for name in ("tran_idx", "tran_number")}
            known[thing.record["tran_number"]] = {**names, "key": thing.key, "loyalty": True}
        desk.asked.clear()


def test_rewards_and_gift_cards_ask_for_nothing() -> None:
    desk = Desk(account())
    for step in golden("rewards_and_gift_cards")["steps"]:
        outcomes = desk.send(points_back, *Exports().step(step))
        assert [word(outcome) for outcome in outcomes] == step["outcomes"]
        assert desk.asked == step["requests"]
