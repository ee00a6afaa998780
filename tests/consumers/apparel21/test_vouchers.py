"""A redemption makes one voucher or none, and its points go back once or never."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from consumers.apparel21.vouchers import redemptions
from consumers.engine.outcome import (
    Deferred,
    Delivered,
    Misconfigured,
    Outcome,
    Rejected,
    Skipped,
    Unchanged,
)
from consumers.engine.wire import Request, Response
from tests.consumers.apparel21.counter import GOLDEN, NOW, Desk, account, event

PRIYA = "priya.oconnor@customer.example"
VOUCHER: dict[str, Any] = {"sku": 6321, "type": "LOYALTY_EMAIL", "amounts": {"$20 off": 20, "77": 10}}
UNKNOWN = Response(503, b"<html>")


def error(status: int, code: int) -> Response:
    """A refusal with a code, and a description that may name somebody."""
    told = f"<AP21Error><ErrorCode>{code}</ErrorCode><Description>{PRIYA}</Description></AP21Error>"
    return Response(status, told.encode())


class Shop:
    """Answers as told to an order and to the question for orders; knows one person."""

    def __init__(self, posts: Response, listed: Response | None = None) -> None:
        self.posts, self.listed = posts, listed or error(404, 5008)

    def __call__(self, request: Request) -> Response:
        if request.method == "POST":
            return self.posts
        if request.path.endswith("/Orders/"):
            return self.listed
        body = (GOLDEN / "priya.xml").read_bytes()
        return Response(200, body if request.path == "/Persons/73152" else b"<Persons>" + body + b"</Persons>")


HAS_IT = Response(200, b"<Orders><Order><OrderNumber>yotpo-au-8841</OrderNumber></Order></Orders>")
HAS_OTHERS = Response(200, b"<Orders><Order><OrderNumber>W00012345</OrderNumber></Order></Orders>")


def desk_of(posts: Response, listed: Response | None = None, **settings: Any) -> Desk:
    return Desk(account(**{"voucher": VOUCHER, **settings}), Shop(posts, listed))


def redeem(desk: Desk, **changes: Any) -> Outcome:
    told = {"kind": "redemption", "email": PRIYA, "redemption_id": "8841", "option_name": "$20 off", "points": 200}
    when = {"origin": "yotpo", "source_time": "2025-04-02T01:00:00Z", "option_type": "Custom Reward"}
    [outcome] = desk.send(redemptions, event("rewards", **{**told, **when, **changes}))
    return outcome


@pytest.mark.parametrize(
    ("changes", "policy"),
    [
        ({"kind": "account", "origin": "apparel21-file"}, "not_a_redemption"),
        ({"kind": "points_back"}, "not_a_redemption"),
        ({"origin": "apparel21-file"}, "origin"),
        ({"approved": False}, "not_approved"),
        ({"option_name": "Free shipping", "option_type": "shipping"}, "not_a_custom_reward"),
    ],
)
def test_what_is_no_voucher_is_left_alone(changes: dict[str, Any], policy: str) -> None:
    desk = desk_of(Response(201))
    assert redeem(desk, **changes) == Skipped(policy)
    assert desk.asked == []


def test_without_a_set_up_redemptions_are_skipped() -> None:
    assert redeem(desk_of(Response(201), voucher=None)) == Skipped("no_voucher")


@pytest.mark.parametrize(
    ("changes", "amount"),
    [
        ({"option_value": "15.50"}, b"15.50"),
        ({}, b"20.00"),
        ({"option_name": "ten", "option_id": "77", "option_type": "fixed_amount"}, b"10.00"),
    ],
)
def test_what_the_platform_says_wins_over_the_merchants_table(changes: dict[str, Any], amount: bytes) -> None:
    desk = desk_of(Response(201))
    redeem(desk, **changes)
    assert b"<Amount>" + amount + b"</Amount>" in desk.asked[-1].body


def test_a_second_webhook_asks_nothing() -> None:
    desk = desk_of(Response(201))
    assert isinstance(redeem(desk), Delivered)
    desk.asked.clear()
    assert redeem(desk) == Unchanged()
    assert desk.asked == []


@pytest.mark.parametrize("posts", [Response(0), UNKNOWN, error(400, 9999)])
def test_an_order_that_is_there_after_all_is_a_yes(posts: Response) -> None:
    outcome = redeem(desk_of(posts, HAS_IT))
    assert isinstance(outcome, Delivered)
    assert "already" in outcome.note


@pytest.mark.parametrize("body", [b"<html>busy<br>", b"<Fault/>", error(200, 5015).body])
def test_a_page_that_lists_no_orders_is_no_word_that_there_is_no_voucher(body: bytes) -> None:
    assert isinstance(redeem(desk_of(error(400, 9999), Response(200, body))), Deferred)


class Pages(Shop):
    """Refuses an order, and gives so many of the person's orders at once, of 120 in all; `pages` False: it knows none,
    and gives the same again and again."""

    def __init__(self, rows: int, last: str, *, pages: bool = True, total: bool = True) -> None:
        super().__init__(error(400, 9999))
        self.rows, self.pages, self.numbers = rows, pages, [*(f"W{n}" for n in range(119)), last]
        self.total = ' TotalRows="120"' if total else ""

    def __call__(self, request: Request) -> Response:
        if request.path.endswith("/Orders/") and request.method == "GET":
            start = int(dict(request.query)["startRow"]) - 1 if self.pages else 0
            part = self.numbers[start : start + self.rows]
            listed = "".join(f"<Order><OrderNumber>{number}</OrderNumber></Order>" for number in part)
            return Response(200, f"<Orders{self.total}>{listed}</Orders>".encode()) if part else error(404, 5008)
        return super().__call__(request)


@pytest.mark.parametrize(
    "how", [{"rows": 100}, {"rows": 100, "total": False}, {"rows": 40}, {"rows": 500, "pages": False}]
)
def test_an_order_is_found_on_whatever_page_it_stands(how: dict[str, Any]) -> None:
    """A server may give fewer rows than it was asked for."""
    desk = Desk(account(voucher=VOUCHER), Pages(**how, last="yotpo-au-8841"))
    assert isinstance(redeem(desk), Delivered)
    none = Desk(account(voucher=VOUCHER), Pages(**how, last="W119"))
    assert isinstance(redeem(none), Rejected)


@pytest.mark.parametrize("total", [True, False])
def test_a_list_that_never_ends_is_read_once_more(total: bool) -> None:
    desk = Desk(account(voucher=VOUCHER), Pages(100, "W119", pages=False, total=total))
    assert isinstance(redeem(desk), Rejected)
    assert desk.calls().count("GET /Persons/73152/Orders/") == 2


def test_a_page_for_people_is_no_yes_to_an_order() -> None:
    assert isinstance(redeem(desk_of(Response(200, b"<html>busy</html>"))), Deferred)


def test_a_refusal_for_good_gives_the_points_back_and_stays_so() -> None:
    desk = desk_of(error(403, 5014), HAS_OTHERS)
    outcome = redeem(desk)
    assert isinstance(outcome, Rejected)
    assert [emit.value["points"] for emit in outcome.emits] == [200]
    assert PRIYA not in outcome.message
    assert redeem(desk_like(desk, Response(201))) == Skipped("points_given_back")


def desk_like(desk: Desk, posts: Response) -> Desk:
    """The same memory, another day."""
    return Desk(desk.account, Shop(posts), desk.memory)


@pytest.mark.parametrize("code", [5074, 5100, 5029])
def test_a_wrong_set_up_stops_and_gives_nothing_back(code: int) -> None:
    assert isinstance(redeem(desk_of(error(403, code))), Misconfigured)


def test_an_apparel21_in_trouble_is_waited_for_and_then_the_points_go_back() -> None:
    desk = desk_of(UNKNOWN)
    waiting = redeem(desk)
    assert isinstance(waiting, Deferred)
    desk.asked.clear()
    desk.at(NOW + timedelta(days=2))
    final = redeem(desk)
    assert isinstance(final, Rejected)
    assert (final.reason, len(final.emits)) == ("exhausted", 1)
    assert desk.calls() == ["GET /Persons/73152/Orders/"], "a last look, and no last order"


SLOW = [Response(0), Response(200, b"<html>busy</html>"), Response(404, b"<html>gone</html>"), error(403, 5015)]


@pytest.mark.parametrize("posts", SLOW)
def test_an_order_that_apparel21_was_still_at_is_found_before_points_go_back(posts: Response) -> None:
    """The look right after a lost answer comes too early; by the next one the voucher is there."""
    desk = desk_of(posts)
    assert isinstance(redeem(desk), Deferred)
    later = desk_like(desk, posts)
    later.answer = Shop(posts, HAS_IT)
    later.at(NOW + timedelta(days=2))
    assert isinstance(redeem(later), Delivered)
    assert [request.method for request in later.asked] == ["GET"]


def test_while_nobody_knows_whether_there_is_a_voucher_the_points_stay_taken() -> None:
    desk = desk_of(Response(0), UNKNOWN)
    for day in range(5):
        desk.at(NOW + timedelta(days=day))
        assert isinstance(redeem(desk), Deferred)
    later = desk_like(desk, Response(201))
    later.answer = Shop(Response(201), HAS_IT)
    assert isinstance(redeem(later), Delivered)
    assert not [request for request in later.asked if request.method == "POST"]


def test_whoever_is_not_seen_is_waited_for_and_then_the_points_go_back() -> None:
    desk = Desk(account(voucher=VOUCHER), lambda _: error(404, 5008))
    assert isinstance(redeem(desk), Deferred)
    desk.at(NOW + timedelta(days=2))
    final = redeem(desk)
    assert isinstance(final, Rejected)
    assert "WEB" in final.message
    assert len(final.emits) == 1
