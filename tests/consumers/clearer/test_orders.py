"""Sales once each under their docket, returns as what is left of the sale, and everything that makes them wait."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest

from consumers.clearer.customers import customers
from consumers.clearer.orders import UNCLEAR, orders
from consumers.engine.outcome import (
    OWN_KEY,
    Deferred,
    Delivered,
    Misconfigured,
    Outcome,
    Rejected,
    RetryLater,
    Skipped,
    Unchanged,
)
from consumers.engine.sink import Work
from consumers.engine.wire import Json, Request, Response
from tests.consumers.clearer.shop import (
    LIAM,
    NOW,
    PRIYA,
    Desk,
    Thing,
    account,
    changed,
    customer,
    original,
    refund,
    sale,
    shopify,
    with_line,
    yes,
)

NO_ORDER = Response(404, b'{"message":"Order not found"}')
NEW = "priya.shah@customer.example"


def bought(desk: Desk, *trans: str) -> Desk:
    """The people are known, and these sales are sent."""
    desk.send(customers, *map(customer, ("73152", "80117")))
    desk.send(orders, *map(sale, trans))
    desk.asked.clear()
    return desk


def only(outcomes: list[Outcome]) -> Outcome:
    [outcome] = outcomes
    return outcome


def part_back(value: str, tran: str, **changes: Any) -> Thing:
    return with_line(refund(tran_idx=tran, **changes), line_value=Decimal(value))


# -- what is left alone -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tran", "changes", "policy"),
    [
        ("913803", {}, "anonymous"),
        ("913804", {}, "not_a_sale"),
        ("913805", {}, "gift_card"),
        ("913810", {}, "web"),
        ("913748", {"tran_type": "Special Order"}, "not_a_sale"),
        ("913748", {"email": ""}, "no_email"),
        ("913748", {"origin": "shopify"}, "origin"),
        ("913748", {"staff": True}, "staff"),
        ("913748", {"bulk": True}, "bulk"),
        ("913801", {"original": None}, "no_original"),
        ("913801", {"original": original(loyalty=False)}, "no_original"),
    ],
)
def test_what_is_left_alone_and_why(tran: str, changes: dict[str, Any], policy: str) -> None:
    desk = Desk(account())
    assert desk.send(orders, sale(tran, **changes)) == [Skipped(policy)]
    assert (desk.asked, desk.memory) == ([], {})


@pytest.mark.parametrize("names", [{}, {"tran_idx": ""}])
def test_a_return_that_comes_before_its_sale_waits_for_it(names: dict[str, Any]) -> None:
    desk = bought(Desk(account()))
    early = sale("913801", original={**original(loyalty=None), **names})
    waits = only(desk.send(orders, early))
    assert isinstance(waits, Deferred)
    assert (waits.why, waits.wakes, desk.asked) == ("original", OWN_KEY, [])
    desk.send(orders, sale("913748"))
    assert isinstance(only(desk.send(orders, early)), Delivered)
    assert desk.calls() == ["POST /v1/orders", "PATCH /v1/orders/D11300004711"]


def test_a_return_whose_sale_never_comes_does_not_wait_for_ever() -> None:
    desk = Desk(account())
    early = sale("913801", original=original(loyalty=None))
    assert isinstance(only(desk.send(orders, early)), Deferred)
    assert only(desk.at(NOW + timedelta(days=8)).send(orders, early)) == Skipped("no_original")


@pytest.mark.parametrize("what", ["staff", "bulk"])
def test_a_merchant_may_want_staff_and_history(what: str) -> None:
    desk = bought(Desk(account(NOW, shopify=False, **{what: True})))
    assert isinstance(only(desk.send(orders, sale("913748", **{what: True}))), Delivered)


def test_a_gift_card_beside_goods_is_left_out() -> None:
    desk = bought(Desk(account()))
    card = {**sale("913748").record["lines"][1], "style_code": "GIFTCARD"}
    desk.send(orders, changed(sale("913748"), lines=[sale("913748").record["lines"][0], card]))
    assert (desk.asked[-1].body["total"], len(desk.asked[-1].body["lineItems"])) == ("134.95", 1)


def test_a_correction_is_told_and_not_sent() -> None:
    desk = bought(Desk(account()), "913748")
    assert desk.send(orders, changed(sale("913748"), order_total=Decimal(1))) == [Skipped("correction")]
    assert desk.send(orders, sale("913748")) == [Unchanged()]
    assert desk.asked == []


# -- sales ------------------------------------------------------------------------------------------------------------


def test_an_order_says_what_one_piece_cost_and_adds_up() -> None:
    desk = bought(Desk(account()))
    desk.send(orders, with_line(sale("913748"), qty=3, line_value=Decimal("100.00"), barcode=""))
    body = desk.asked[-1].body
    assert body["lineItems"] == [
        {"productId": "28916", "title": "Dress, linen wrap", "quantity": 3, "price": "33.33"},
    ]
    assert body["total"] == "100.00"


def test_a_reduction_of_what_was_sold_is_a_line_below_nothing() -> None:
    desk = bought(Desk(account()))
    first, second = sale("913748").record["lines"]
    desk.send(orders, changed(sale("913748"), lines=[first, {**second, "line_value": Decimal("-5.00")}]))
    assert (desk.asked[-1].body["total"], desk.asked[-1].body["lineItems"][1]["price"]) == ("129.95", "-5.00")


def test_the_buyer_is_enrolled_before_the_order_where_nobody_told_us_of_them() -> None:
    desk = Desk(account())
    assert isinstance(only(desk.send(orders, sale("913748"))), Delivered)
    assert [(request.method, request.path) for request in desk.asked] == [
        ("PUT", "/v1/customers/73152"),
        ("POST", "/v1/orders"),
    ]
    assert desk.asked[0].body == {"email": PRIYA[3:]}
    desk.asked.clear()
    desk.send(customers, customer("73152"))
    assert desk.asked[0].body["firstName"] == "Priya"


def test_a_buyer_who_cannot_be_enrolled_buys_nothing() -> None:
    desk = Desk(account(), lambda request: Response(400 if request.method == "PUT" else 200))
    assert isinstance(only(desk.send(orders, sale("913748"))), Rejected)
    assert [request.method for request in desk.asked] == ["PUT"]


def test_with_a_shop_an_order_waits_until_the_shop_knows_its_buyer() -> None:
    desk = Desk(account(shopify=True))
    waits = only(desk.send(orders, sale("913748")))
    assert isinstance(waits, Deferred)
    assert (waits.why, waits.until, desk.asked) == ("shopify_id", NOW + timedelta(minutes=15), [])
    assert waits.wakes == OWN_KEY, "the shop's id of the customer comes under the same key"
    desk.send(customers, customer("73152"), shopify("73152", "771"))
    assert isinstance(only(desk.send(orders, sale("913748"))), Delivered)
    assert desk.asked[-1].body["customerId"] == "771"


def test_a_guest_without_a_person_waits_for_one_and_not_for_a_shop() -> None:
    desk, guest = Desk(account()), sale("913748", person_id="")
    waits = only(desk.send(orders, guest))
    assert isinstance(waits, Deferred)
    assert waits.why == "person"
    ended = only(desk.at(NOW + timedelta(days=8)).send(orders, guest))
    assert isinstance(ended, Skipped)
    assert ended.policy == "no_person"


def test_with_a_shop_that_never_knows_them_it_does_not_wait_for_ever() -> None:
    desk, whiles = Desk(account(shopify=True)), []
    now = NOW
    while isinstance(outcome := only(desk.at(now).send(orders, sale("913748"))), Deferred):
        assert outcome.until is not None
        whiles.append(outcome.until - now)
        now = outcome.until
    assert isinstance(outcome, Skipped)
    assert outcome.policy == "no_shopify_id"
    assert now - NOW >= timedelta(days=7)
    assert len(whiles) < 15


def test_who_has_moved_buys_under_the_new_address() -> None:
    desk = bought(Desk(account()))
    away = customer("73152", NEW, previous_email=PRIYA[3:], key_email=PRIYA[3:], last_updated=NOW)
    desk.send(customers, away)
    desk.send(orders, sale("913748"))
    assert [request.method for request in desk.asked] == ["POST"]
    assert (desk.asked[-1].body["customerId"], desk.asked[-1].body["email"]) == ("73152", NEW)


# -- an answer that nobody heard --------------------------------------------------------------------------------------


def lost(*calls: str, status: int = 0) -> Desk:
    """The answers of these calls get lost; the order is there or not as `taken` says."""

    def answer(request: Request) -> Response:
        return Response(status) if request.method in calls else yes(request)

    return bought(Desk(account(), answer))


@pytest.mark.parametrize("status", [0, 500, 502, 504, 409])
def test_after_an_unclear_answer_a_change_finds_out_before_anything_is_posted_again(status: int) -> None:
    desk = lost("POST", status=status)
    assert desk.send(orders, sale("913748")) == [UNCLEAR]
    assert isinstance(only(desk.send(orders, sale("913748"))), Delivered)
    assert desk.calls() == ["POST /v1/orders", "PATCH /v1/orders/D11300004711"]
    assert desk.send(orders, sale("913748")) == [Unchanged()]


def test_a_page_for_people_is_no_word_that_there_is_no_order() -> None:
    answers = iter([Response(0), Response(404, b"<html>Not Found</html>"), NO_ORDER, Response(200)])
    desk = bought(Desk(account()))
    desk.answer = lambda _: next(answers)
    outcomes = desk.send(orders, *[sale("913748")] * 3)
    assert [type(outcome) for outcome in outcomes] == [RetryLater, RetryLater, Delivered]


@pytest.mark.parametrize("nothing", [NO_ORDER, Response(404)])
def test_what_a_change_does_not_find_is_posted_again(nothing: Response) -> None:
    answers = iter([Response(0), nothing, Response(200)])
    desk = bought(Desk(account()))
    desk.answer = lambda _: next(answers)
    outcomes = desk.send(orders, sale("913748"), sale("913748"))
    assert [type(outcome) for outcome in outcomes] == [RetryLater, Delivered]
    assert desk.calls() == ["POST /v1/orders", "PATCH /v1/orders/D11300004711", "POST /v1/orders"]


def test_a_change_whose_answer_is_lost_as_well_is_asked_again() -> None:
    desk = lost("POST", "PATCH")
    outcomes = desk.send(orders, *[sale("913748")] * 3)
    assert {type(outcome) for outcome in outcomes} == {RetryLater}
    assert desk.calls() == ["POST /v1/orders", *["PATCH /v1/orders/D11300004711"] * 2]


def test_whoever_inherits_an_order_that_may_have_been_posted_asks_first() -> None:
    desk = bought(Desk(account()))
    plan = orders(desk.account, [_work(desk, sale("913748"))])
    note = next(plan)
    desk.key = PRIYA
    assert desk._reply(note) is None
    posted = plan.send(None)
    assert isinstance(posted, Request)
    plan.close()  # killed while the answer was on its way
    desk.send(orders, sale("913748"))
    assert desk.calls() == ["PATCH /v1/orders/D11300004711"]


def _work(desk: Desk, thing: Thing) -> Work:
    return Work((replace(thing, memory=desk.memory),))


def test_a_clear_refusal_is_an_outcome() -> None:
    for status, kind in ((400, Rejected), (422, Rejected), (401, Misconfigured), (404, Misconfigured)):
        desk = bought(Desk(account()))
        desk.answer = lambda _, status=status: Response(status)  # type: ignore[misc]
        assert isinstance(only(desk.send(orders, sale("913748"))), kind)


# -- returns ----------------------------------------------------------------------------------------------------------


def test_returns_of_one_sale_add_up_until_nothing_is_left() -> None:
    desk = bought(Desk(account()), "913748")
    backs = [part_back("-59.95", "R1"), part_back("-100.00", "R2"), part_back("-34.95", "R3"), part_back("-5.00", "R4")]
    outcomes = desk.send(orders, *backs)
    assert [request.body.get("total") for request in desk.asked] == ["134.95", "34.95", None, None]
    assert [request.body["financialStatus"] for request in desk.asked][1:] == ["partially_refunded"] + ["refunded"] * 2
    assert isinstance(outcomes[3], Delivered)
    assert "5.00" in outcomes[3].note


def test_a_return_that_comes_again_is_not_taken_off_twice() -> None:
    desk = bought(Desk(account()), "913748")
    desk.send(orders, part_back("-59.95", "R1"), part_back("-59.95", "R1"), part_back("-10.00", "R2"))
    assert [request.body["total"] for request in desk.asked] == ["134.95", "124.95"]


def test_a_refund_whose_answer_was_lost_says_the_same_again() -> None:
    answers = iter([Response(0), Response(200)])
    desk = bought(Desk(account()), "913748")
    desk.answer = lambda _: next(answers)
    desk.send(orders, part_back("-59.95", "R1"), part_back("-59.95", "R1"))
    assert desk.asked[0].body == desk.asked[1].body


def elsewhere(total: str = "194.90", **more: Json) -> Desk:
    """The sale went under another address; Clearer knows it."""
    found = orjson.dumps({"order": {"total": total, "financialStatus": "paid", **more}})
    answer = lambda request: Response(200, found) if request.method == "GET" else yes(request)  # noqa: E731
    return bought(Desk(account(), answer))


def test_of_a_sale_under_another_address_clearer_itself_says_what_is_left() -> None:
    desk = elsewhere()
    assert isinstance(only(desk.send(orders, refund())), Delivered)
    assert desk.calls() == ["GET /v1/orders/D11300004711", "PATCH /v1/orders/D11300004711"]


def test_what_is_left_elsewhere_is_asked_once_whatever_becomes_of_the_answer() -> None:
    desk = elsewhere()
    before, answers = desk.answer, iter([Response(0), Response(200)])
    desk.answer = lambda request: before(request) if request.method == "GET" else next(answers)
    desk.send(orders, refund(), refund())
    bodies = [request.body for request in desk.asked if request.method == "PATCH"]
    assert [request.method for request in desk.asked] == ["GET", "PATCH", "PATCH"]
    assert bodies[0] == bodies[1] == {"financialStatus": "partially_refunded", "total": "134.95", "subtotal": "134.95"}


def test_nothing_is_left_of_what_is_refunded_already() -> None:
    desk = elsewhere(financialStatus="refunded")
    desk.send(orders, refund())
    assert desk.asked[-1].body == {"financialStatus": "refunded"}


@pytest.mark.parametrize("body", [b"", b"<html>busy</html>", b'{"order": {'])
def test_an_order_that_cannot_be_read_is_asked_for_again(body: bytes) -> None:
    desk = bought(Desk(account(), lambda _: Response(200, body)))
    assert isinstance(only(desk.send(orders, refund())), RetryLater)


@pytest.mark.parametrize("body", [b"[5]", b'{"order":{}}', b'{"order":{"total":null}}', b'{"order":5}'])
def test_an_order_that_says_no_total_cannot_be_reduced(body: bytes) -> None:
    desk = bought(Desk(account(), lambda request: Response(200, body)))
    assert isinstance(only(desk.send(orders, refund())), Rejected)
    assert desk.calls() == ["GET /v1/orders/D11300004711"]


def test_a_refund_waits_for_its_order_and_not_for_ever() -> None:
    desk = bought(Desk(account()))
    desk.answer = lambda _: NO_ORDER
    waits = only(desk.send(orders, refund()))
    assert isinstance(waits, Deferred)
    assert waits.why == "original"
    late = only(desk.at(NOW + timedelta(days=7)).send(orders, refund()))
    assert isinstance(late, Skipped)
    assert late.policy == "no_original"
    desk.at(NOW).answer = yes
    desk.send(orders, sale("913748"))
    assert isinstance(only(desk.send(orders, refund(tran_idx="R9"))), Delivered)


def test_a_refund_waits_for_an_order_that_may_have_been_posted() -> None:
    desk = lost("POST")
    desk.send(orders, sale("913748"))
    desk.asked.clear()
    assert isinstance(only(desk.send(orders, refund())), Deferred)
    assert desk.asked == []


# -- exchanges --------------------------------------------------------------------------------------------------------


def test_an_exchange_that_gives_back_more_than_it_sells_is_an_order_of_nothing() -> None:
    desk = bought(Desk(account()))
    back, sold = sale("913802").record["lines"]
    outcome = only(desk.send(orders, changed(sale("913802"), lines=[{**back, "line_value": Decimal("-60.00")}, sold])))
    assert (desk.asked[-1].body["total"], desk.asked[-1].body["subtotal"]) == ("0.00", "0.00")
    assert isinstance(outcome, Delivered)
    assert "10.05" in outcome.note


def test_an_exchange_whose_refund_is_refused_has_sold_all_the_same() -> None:
    desk = bought(Desk(account()))
    desk.answer = lambda request: yes(request) if request.method == "POST" else Response(400)
    exchange = changed(sale("913802"), original=original("913700", "D11300004690", LIAM))
    assert isinstance(only(desk.send(orders, exchange)), Rejected)
    desk.answer = yes
    desk.answer = lambda _: Response(200, b'{"order":{"total":"39.95"}}')
    assert isinstance(only(desk.send(orders, exchange)), Delivered)
    assert [request.method for request in desk.asked] == ["POST", "GET", "GET", "PATCH"]


# -- the merchant's schedule ------------------------------------------------------------------------------------------


def test_sales_rest_until_the_hour_and_go_once() -> None:
    desk = bought(Desk(account(datetime(2025, 4, 2, 3, 22, tzinfo=UTC), orders="hourly")))
    waits = only(desk.send(orders, sale("913748")))
    assert isinstance(waits, Deferred)
    assert (waits.why, waits.until) == ("schedule", datetime(2025, 4, 2, 4, tzinfo=UTC))
    assert only(desk.at(datetime(2025, 4, 2, 3, 59, tzinfo=UTC)).send(orders, sale("913748"))) == waits
    assert isinstance(only(desk.at(datetime(2025, 4, 2, 4, tzinfo=UTC)).send(orders, sale("913748"))), Delivered)
    assert desk.send(orders, sale("913748")) == [Unchanged()]
    assert desk.calls() == ["POST /v1/orders"]


def test_sales_rest_until_two_in_the_night_of_the_connection() -> None:
    desk = bought(Desk(account(orders="daily 02:00")))  # it is eleven in the morning there
    waits = only(desk.send(orders, sale("913748")))
    assert isinstance(waits, Deferred)
    assert waits.until == datetime(2025, 4, 2, 15, tzinfo=UTC)
    assert isinstance(only(desk.at(waits.until).send(orders, sale("913748"))), Delivered)


def test_customers_do_not_rest() -> None:
    desk = Desk(account(orders="daily 02:00"))
    assert isinstance(only(desk.send(customers, customer("73152"))), Delivered)
