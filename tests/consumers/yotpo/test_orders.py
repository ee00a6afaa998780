"""Sales and returns at Yotpo: once each, in the right measure, and not before their time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.engine.outcome import Deferred, Delivered, Misconfigured, Rejected, Skipped, Unchanged
from consumers.engine.wire import Request, Response
from consumers.yotpo.check import pretend
from consumers.yotpo.orders import orders
from tests.consumers.desk import Thing
from tests.consumers.yotpo.shop import LIAM, NOW, ORIGINAL, PRIYA, Desk, account, back, bodies, known, refund, sale

UNKNOWN = {**ORIGINAL, "key": "", "loyalty": None}
NEVER = {**ORIGINAL, "loyalty": False}


def desk(**settings: Any) -> Desk:
    return known(Desk(account(**settings)), "73152", "80117")


def posts(some: Desk) -> list[str]:
    """What was asked, by method and path; forgets it."""
    return some.calls()


@pytest.mark.parametrize(
    ("thing", "policy"),
    [
        (sale("913803"), "anonymous"),
        (sale("913804"), "not_a_sale"),
        (sale("913810"), "web"),
        (sale("913805"), "gift_card"),
        (sale("913748", email=""), "no_email"),
        (sale("913748", staff=True), "staff"),
        (sale("913748", bulk=True), "bulk"),
        (sale("913748", origin="shopify"), "origin"),
        (sale("913801", original=None), "no_original"),
        (back(original=NEVER), "no_original"),
    ],
)
def test_what_is_left_alone_and_why(thing: Thing, policy: str) -> None:
    some = desk()
    assert some.one(orders, thing) == Skipped(policy)
    assert some.asked == []


def test_staff_and_history_earn_where_the_merchant_says_so() -> None:
    assert isinstance(desk(staff=True).one(orders, sale("913748", staff=True)), Delivered)
    assert isinstance(desk(bulk=True).one(orders, sale("913748", bulk=True)), Delivered)


def test_a_buyer_whom_nobody_knows_is_made_first() -> None:
    some = Desk(account())
    assert isinstance(some.one(orders, sale("913748")), Delivered)
    assert posts(some) == ["POST /customers", "POST /orders"]
    some.one(orders, sale("913748", tran_idx="2", tran_number="D2"))
    assert posts(some) == ["POST /orders"]


def test_with_shopify_an_order_goes_by_its_address_while_the_shops_id_is_not_known() -> None:
    some = Desk(account(shopify=True))
    assert isinstance(some.one(orders, sale("913748")), Delivered)
    (body,) = bodies(some, "/orders")
    assert (body["customer_email"], "customer_id" in body) == ("priya.oconnor@customer.example", False)


def test_who_has_moved_buys_under_the_new_address() -> None:
    some = desk()
    memory = {"moved": {"73152": {"to": "priya.shah@customer.example", "id": "73152"}}}
    some.memory[f"{PRIYA}#profile"] = orjson.dumps(memory)
    some.one(orders, sale("913748"))
    assert bodies(some, "/orders")[0]["customer_email"] == "priya.shah@customer.example"


def test_a_correction_is_told_and_not_sent() -> None:
    some = desk()
    some.one(orders, sale("913748"))
    posts(some)
    assert some.one(orders, sale("913748", order_total=Decimal("190.00"))) == Skipped("correction")
    assert some.one(orders, sale("913748")) == Unchanged()
    assert posts(some) == []


@pytest.mark.parametrize(
    ("schedule", "due"), [("hourly", "2025-04-02T01:00:00+00:00"), ("daily 02:00", "2025-04-02T15:00:00+00:00")]
)
def test_sales_rest_until_the_merchants_hour(schedule: str, due: str) -> None:
    some = desk(orders=schedule)
    waits = some.one(orders, sale("913748"))
    assert isinstance(waits, Deferred)
    assert (waits.why, waits.until) == ("schedule", datetime.fromisoformat(due))
    assert some.asked == []
    some.at(datetime.fromisoformat(due) - timedelta(seconds=1))
    assert some.one(orders, sale("913748")) == waits
    some.at(datetime.fromisoformat(due))
    assert isinstance(some.one(orders, sale("913748")), Delivered)


def test_a_refund_is_not_sent_while_its_order_is_still_on_the_way() -> None:
    some = desk(orders="hourly")
    some.one(orders, sale("913748"))
    some.one(orders, back())
    some.at(NOW + timedelta(hours=1))
    waits = some.one(orders, back())
    assert isinstance(waits, Deferred)
    assert (waits.why, waits.until) == ("original", NOW + timedelta(hours=1, minutes=15))
    assert posts(some) == []
    some.one(orders, sale("913748"))
    assert isinstance(some.one(orders, back()), Delivered)
    assert posts(some) == ["POST /orders", "POST /refunds"]


def test_a_refund_of_a_sale_that_nobody_knows_yet_waits_and_goes_when_it_came() -> None:
    some = desk()
    assert isinstance(some.one(orders, refund(original={**UNKNOWN, "tran_idx": ""})), Deferred)
    some.one(orders, sale("913748"))
    assert isinstance(some.one(orders, refund(original={**UNKNOWN, "tran_idx": ""})), Delivered)
    assert bodies(some, "/refunds")[0]["order_id"] == "D11300004711"


def test_a_sale_that_never_comes_is_no_original() -> None:
    some = desk()
    assert isinstance(some.one(orders, back(original=UNKNOWN)), Deferred)
    some.at(NOW + timedelta(days=6, hours=23))
    assert isinstance(some.one(orders, back(original=UNKNOWN)), Deferred)
    some.at(NOW + timedelta(days=7))
    assert some.one(orders, back(original=UNKNOWN)) == Skipped("no_original", {"refund/913801/D11300004711": None})
    assert some.asked == []


def test_a_sale_under_another_address_is_asked_for_and_awaited() -> None:
    answers = iter([Response(422, b'{"error_message": "Could not find order"}'), Response(200)])
    some = known(Desk(account(), answer=lambda _: next(answers)), "73152")
    elsewhere = {**ORIGINAL, "key": "au/priya.shah@customer.example"}
    assert isinstance(some.one(orders, back(original=elsewhere)), Deferred)
    assert isinstance(some.one(orders, back(original=elsewhere)), Delivered)


def test_a_refund_that_is_refused_for_another_reason_is_a_dead_letter() -> None:
    refusal = Response(422, b'{"error_message": "Currency does not match"}')
    some = known(Desk(account(), answer=lambda _: refusal), "73152")
    refused = some.one(orders, back())
    assert isinstance(refused, Rejected)
    assert (refused.message, refused.remember["refund/913801/D11300004711"]) == (
        "the currency is not the order's",
        None,
    )


def test_goods_of_two_sales_in_one_transaction_are_two_refunds() -> None:
    some = desk()
    some.one(orders, refund())
    some.one(orders, refund(original={**ORIGINAL, "tran_idx": "913700", "tran_number": "D11300004690"}))
    assert [(body["id"], body["order_id"]) for body in bodies(some, "/refunds")] == [
        ("ap21-au-913801", "D11300004711"),
        ("ap21-au-913801-D11300004690", "D11300004690"),
    ]


def test_an_exchange_of_unknown_goods_never_goes_below_nothing() -> None:
    some = desk()
    lines = [
        {**line, "line_value": -Decimal(80) if line["qty"] < 0 else line["line_value"]}
        for line in sale("913802").record["lines"]
    ]
    outcome = some.one(orders, sale("913802", lines=lines))
    assert isinstance(outcome, Delivered)
    assert outcome.note == "returns above the sale are not taken back: 30.05"
    assert bodies(some, "/orders")[0]["total_amount_cents"] == 0


def test_an_exchange_whose_refund_must_wait_does_not_send_its_order_again() -> None:
    answers = {"/orders": Response(200), "/refunds": Response(422, b'{"error_message": "Could not find order"}')}
    some = known(Desk(account(), answer=lambda request: answers[request.path]), "80117")
    exchange = sale("913802", original={**ORIGINAL, "key": LIAM})
    assert isinstance(some.one(orders, exchange), Deferred)
    answers["/refunds"] = Response(200)
    done = some.one(orders, exchange)
    assert isinstance(done, Delivered)
    assert done.call == "POST /refunds"
    assert posts(some) == ["POST /orders", "POST /refunds", "POST /refunds"]
    assert some.one(orders, exchange) == Unchanged()


def test_points_go_for_an_unknown_sale_where_the_merchant_wants_it() -> None:
    some = desk(negative_points=True, points_per_unit=1.5)
    assert isinstance(some.one(orders, sale("913801", original=None)), Delivered)
    assert bodies(some, "/points/adjust") == [
        {
            "customer_email": "priya.oconnor@customer.example",
            "point_adjustment_amount": -89,
            "apply_adjustment_to_points_earned": True,
            "history_title": "Return D11300004740",
        }
    ]
    assert some.one(orders, sale("913801", original=None)) == Unchanged()
    assert some.one(orders, back(original=NEVER)) == Skipped("no_original")


def test_a_refusal_of_an_order_leaves_no_trace_so_that_it_may_be_redriven() -> None:
    def refuse(request: Request) -> Response:
        return Response(422) if request.path == "/orders" else pretend(request)

    some = known(Desk(account(), answer=refuse), "73152")
    refused = some.one(orders, sale("913748"))
    assert isinstance(refused, Rejected)
    assert (refused.reason, some.kept(PRIYA, "order/913748")) == ("invalid", None)


def test_a_wrong_key_is_no_fault_of_an_order() -> None:
    some = known(Desk(account(), answer=lambda _: Response(401)), "73152")
    assert isinstance(some.one(orders, sale("913748")), Misconfigured)


@given(st.lists(st.sampled_from(["sale", "back", "sale again", "hour"]), max_size=12))
def test_whatever_comes_when_each_thing_is_sent_once_and_the_refund_last(story: list[str]) -> None:
    some = desk(orders="hourly")
    now = datetime(2025, 4, 2, 0, 10, tzinfo=UTC)
    for event in [*story, "hour", "sale", "hour", "sale", "back", "hour", "hour", "back"]:
        some.at(now)
        if event == "hour":
            now += timedelta(hours=1)
        else:
            some.one(orders, back(original=UNKNOWN) if event == "back" else sale("913748"))
    assert posts(some) == ["POST /orders", "POST /refunds"]
