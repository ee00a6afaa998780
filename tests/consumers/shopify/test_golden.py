"""What Shopify is asked for the contract's own persons, word for word, against files written by hand."""

from __future__ import annotations

from datetime import datetime

import orjson
import pytest

from consumers.engine.outcome import Delivered
from consumers.engine.wire import Json
from consumers.shopify.customers import customers
from tests.consumers.desk import Thing, word
from tests.consumers.shopify.shop import GOLDEN, Desk, account, polled, says


def person(text: str) -> Thing:
    """A person as polled, or as a file or the shop itself tells of them."""
    source, _, number = text.rpartition(" ")
    return polled(number, origin={"file": "apparel21-file", "shopify": "shopify"}[source]) if source else polled(number)


@pytest.mark.parametrize("name", ["customers", "customers_found"])
def test_customers_ask_for_exactly_this(name: str) -> None:
    case = orjson.loads((GOLDEN / f"{name}.json").read_bytes())
    desk = Desk(account(datetime.fromisoformat(case["now"])))
    for step in case["steps"]:
        (text,) = step["records"]
        desk.answer = says(*step.get("shop", ()))
        outcome = desk.one(customers, person(text))
        assert [word(outcome)] == step["outcomes"]
        assert desk.said() == step["requests"]
        assert told_by(outcome) == step.get("shopify_id", "")


def told_by(outcome: object) -> Json:
    """The shop's id that the outcome says to others."""
    emits = outcome.emits if isinstance(outcome, Delivered) else ()
    return "".join(str(emit.value["shopify_id"]) for emit in emits)
