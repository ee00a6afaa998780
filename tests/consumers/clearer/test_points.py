"""Points given back for a redemption that led to nothing: once, as far as anybody can tell."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from consumers.clearer.points import points_back
from consumers.engine.outcome import Delivered, Outcome, Rejected, RetryLater, Skipped, Unchanged
from consumers.engine.wire import Request, Response
from schemas.definitions import blank
from tests.consumers.clearer.shop import PRIYA, Desk, Thing, account


def back(**changes: Any) -> Thing:
    values = {"kind": "points_back", "origin": "clearer", "redemption_id": "red_1", "points": 200, "person_id": "73152"}
    return Thing(PRIYA, "rewards", {**blank("rewards"), **values, "reason": "no voucher", **changes})


class Member:
    """Has points; `lose` answers of a POST get lost, before it is carried out or after: `status` comes instead."""

    def __init__(self, lose: int = 0, *, carried_out: bool = True, status: int = 0) -> None:
        self.balance, self.lose, self.carried_out, self.status = 50, lose, carried_out, status

    def answer(self, request: Request) -> Response:
        if request.method == "GET":
            return Response(200, orjson.dumps({"customer": {"pointBalance": self.balance}}))
        lost, self.lose = self.lose > 0, self.lose - 1
        if self.carried_out or not lost:
            self.balance += request.body["points"]
        return Response(self.status if lost else 200)


def only(outcomes: list[Outcome]) -> Outcome:
    [outcome] = outcomes
    return outcome


@pytest.mark.parametrize("changes", [{"kind": "account"}, {"kind": "redemption"}, {"origin": "yotpo"}])
def test_nothing_else_of_the_topic_concerns_clearer(changes: dict[str, Any]) -> None:
    desk = Desk(account())
    assert desk.send(points_back, back(**changes)) == [Skipped("origin")]
    assert desk.asked == []


def test_points_are_given_back_once() -> None:
    member = Member()
    desk = Desk(account(), member.answer)
    assert isinstance(only(desk.send(points_back, back())), Delivered)
    assert desk.asked[-1].path == "/v1/customers/73152/points"
    assert desk.asked[-1].body == {"points": 200, "summary": "no voucher", "updateLastSeen": False}
    assert desk.send(points_back, back()) == [Unchanged()]
    assert member.balance == 250


@pytest.mark.parametrize("status", [0, 408, 502])
@pytest.mark.parametrize("carried_out", [True, False])
def test_after_an_unclear_answer_the_balance_tells(carried_out: bool, status: int) -> None:
    member = Member(lose=1, carried_out=carried_out, status=status)
    desk = Desk(account(), member.answer)
    outcomes = desk.send(points_back, back(), back())
    assert [type(outcome) for outcome in outcomes] == [RetryLater, Delivered]
    assert member.balance == 250


def test_where_the_balance_cannot_tell_a_person_must() -> None:
    member = Member(lose=1)
    desk = Desk(account(), member.answer)
    desk.send(points_back, back())
    member.balance += 7
    outcome = only(desk.send(points_back, back()))
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "unclear"


def test_where_no_balance_is_said_nothing_is_given_twice() -> None:
    given = []

    def answer(request: Request) -> Response:
        given.extend([request] if request.method == "POST" else [])
        return Response(0) if request.method == "POST" else Response(200, b'{"customer": {"id": "cus_9"}}')

    outcomes = Desk(account(), answer).send(points_back, back(), back())
    assert [type(outcome) for outcome in outcomes] == [RetryLater, Rejected]
    assert len(given) == 1


def test_a_clear_no_leaves_nothing_to_find_out() -> None:
    member, no = Member(), Response(423)
    desk = Desk(account(), lambda request: no if request.method == "POST" else member.answer(request))
    assert isinstance(only(desk.send(points_back, back())), RetryLater)
    member.balance += 7
    desk.answer = member.answer
    assert isinstance(only(desk.send(points_back, back())), Delivered)
    assert member.balance == 257


@pytest.mark.parametrize("changes", [{"points": None}, {"points": 0}, {"person_id": ""}])
def test_it_must_say_whose_points_and_how_many(changes: dict[str, Any]) -> None:
    assert isinstance(only(Desk(account()).send(points_back, back(**changes))), Rejected)


def test_a_customer_who_cannot_be_read_is_given_nothing_yet() -> None:
    """Without the balance before, nobody could tell what became of the request."""
    desk = Desk(account(), lambda _: Response(200, b"<html>busy</html>"))
    assert isinstance(only(desk.send(points_back, back())), RetryLater)
    assert [request.method for request in desk.asked] == ["GET"]


def test_who_is_gone_gets_none() -> None:
    desk = Desk(account(), lambda _: Response(404, b'{"message":"Customer not found"}'))
    outcome = only(desk.send(points_back, back()))
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "not_found"


def test_with_a_shop_the_id_is_the_shops() -> None:
    desk = Desk(account(shopify=True), Member().answer)
    desk.send(points_back, back(shopify_id="771"))
    assert {request.path for request in desk.asked} == {"/v1/customers/771", "/v1/customers/771/points"}
