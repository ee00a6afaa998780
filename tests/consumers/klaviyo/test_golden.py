"""What Klaviyo is asked for the contract's own files, word for word, against files written by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from consumers.engine.wire import Json
from consumers.klaviyo.orders import orders, sums
from consumers.klaviyo.plans import profiles
from tests.consumers.desk import GOLDEN, Desk, Thing, account, as_json, customer, refund, sale, word

MELBOURNE = ZoneInfo("Australia/Melbourne")
YES_NO = ("privacy", "email_opt_in", "sms_opt_in", "bulk")


def golden(name: str) -> Json:
    return orjson.loads((GOLDEN / f"{name}.json").read_bytes())


def told(text: str, *, first_load: bool) -> Thing:
    """A row as a golden file writes it: the person, then what is different from the contract's file."""
    person, *changes = text.split()
    values: dict[str, Any] = dict(change.split("=") for change in changes)
    values |= {name: values[name] == "yes" for name in YES_NO if name in values}
    if "last_updated" in values:
        values["last_updated"] = (
            datetime.fromisoformat(values["last_updated"]).replace(tzinfo=MELBOURNE).astimezone(ZoneInfo("UTC"))
        )
    return replace(customer(person, **values), first_load=first_load)


def transaction(text: str) -> Thing:
    """A row of the orders file, or (`refund 913801`) of the refunds file."""
    return refund(text.removeprefix("refund ")) if text.startswith("refund ") else sale(text)


def desk_of(case: Json) -> Desk:
    desk = Desk(account(datetime.fromisoformat(case["now"]), **case["settings"]))
    if "before" in case:
        desk.at(datetime.fromisoformat(case["before_now"]))
        desk.send(profiles, *(told(person, first_load=True) for person in case["before"]))
        desk.asked.clear()
        desk.at(datetime.fromisoformat(case["now"]))
    return desk


@pytest.mark.parametrize("name", [path.stem for path in sorted(GOLDEN.glob("customers_*.json"))])
def test_customers_ask_for_exactly_this(name: str) -> None:
    case = golden(name)
    desk = desk_of(case)
    for step in case["steps"]:
        works = step["records"] if len(step["outcomes"]) > 1 else ["+".join(step["records"])]
        things = [[told(row, first_load=case["first_load"]) for row in work.split("+")] for work in works]
        outcomes = desk.send(profiles, *things)
        assert [word(outcome) for outcome in outcomes] == step["outcomes"]
        assert [as_json(request) for request in desk.asked] == step["requests"]
        desk.asked.clear()


@pytest.mark.parametrize("name", ["orders_one_by_one", "orders_in_bulk", "refunds"])
def test_orders_ask_for_exactly_this(name: str) -> None:
    case = golden(name)
    desk = desk_of(case)
    for step in case["steps"]:
        outcomes = desk.send(orders, *map(transaction, step["records"]))
        assert [word(outcome) for outcome in outcomes] == step["outcomes"]
        assert [as_json(request) for request in desk.asked] == step["requests"]
        desk.asked.clear()


def test_totals_follow_a_persons_orders() -> None:
    case = golden("totals")
    desk = desk_of(case)
    for tran in case["orders"]:
        desk.send(orders, sale(tran))
    desk.asked.clear()
    due = Thing("au/priya.oconnor@customer.example", "customers", {})
    assert [word(outcome) for outcome in desk.send(sums, due)] == ["delivered"]
    assert [as_json(request) for request in desk.asked] == case["requests"]
    assert [word(outcome) for outcome in desk.send(sums, due)] == ["unchanged"]
