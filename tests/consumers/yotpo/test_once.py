"""What has no handle: after an unclear end it is looked for before it goes again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.engine.outcome import (
    Deferred,
    Delivered,
    Misconfigured,
    Outcome,
    Rejected,
    RetryLater,
    Skipped,
    Unchanged,
)
from consumers.engine.wire import Request, Response
from consumers.yotpo.once import GRACE, MOST_TRIES
from consumers.yotpo.orders import orders
from consumers.yotpo.points import points_back
from schemas.definitions import blank
from tests.consumers.desk import Thing
from tests.consumers.yotpo.shop import NOW, PRIYA, Desk, account, known, sale


class Yotpo:
    """A Yotpo that takes orders and shows them in the history a while later; `fate` says what becomes of each post:
    ok, refused, lost before it came, or lost after it was taken."""

    def __init__(self, fates: list[str], lag: timedelta = timedelta(0)) -> None:
        self.fates, self.lag, self.now = fates, lag, NOW
        self.taken: list[tuple[str, datetime]] = []

    def __call__(self, request: Request) -> Response:
        if request.method == "GET":
            shown = [name for name, at in self.taken if at + self.lag <= self.now]
            items = [{"action_name": name, "order_ids": [name]} for name in shown]
            return Response(200, orjson.dumps({"history_items": items})) if self.taken else Response(404)
        if request.path == "/customers":
            return Response(200)
        fate = self.fates.pop(0) if self.fates else "ok"
        if fate in ("ok", "lost after"):
            self.taken.append((request.body.get("order_id") or request.body["history_title"], self.now))
        return {"ok": Response(200), "refused": Response(423)}.get(fate, Response(0))


def until_final(desk: Desk, yotpo: Yotpo, once: Callable[[], Outcome]) -> Outcome:
    """Try as the engine would, until it is final."""
    for _ in range(100):
        desk.at(yotpo.now)
        outcome = once()
        match outcome:
            case Deferred(until=until) if until is not None:
                yotpo.now = until
            case RetryLater(after=after):
                yotpo.now += after
            case _:
                return outcome
    raise AssertionError("it never ends")


def buying(yotpo: Yotpo) -> Desk:
    return known(Desk(account(), answer=yotpo), "73152")


def test_the_intent_is_settled_before_the_order_goes() -> None:
    desk = buying(Yotpo([]))
    desk.one(orders, sale("913748"))
    assert [(mark.part, mark.value["tries"]) for mark in desk.noted] == [("order/913748", 1)]
    assert "begun" not in desk.kept(PRIYA, "order/913748")


@pytest.mark.parametrize(
    ("page", "outcome"),
    [
        (Response(200, b"<html>busy</html>"), RetryLater),
        (Response(200, b'{"history_items": ['), RetryLater),
        (Response(200), RetryLater),
        (Response(404, b"<html>Not Found</html>"), Misconfigured),
    ],
)
def test_a_history_that_cannot_be_read_is_no_word_that_the_order_is_not_there(
    page: Response, outcome: type[Outcome]
) -> None:
    yotpo = Yotpo(["lost after"])
    desk = buying(yotpo)
    desk.one(orders, sale("913748"))
    desk.at(NOW + timedelta(hours=1))
    desk.answer = lambda request: page if request.method == "GET" else yotpo(request)
    assert isinstance(desk.one(orders, sale("913748")), outcome)
    assert len(yotpo.taken) == 1


def test_an_order_that_arrived_without_an_answer_is_found_and_not_sent_again() -> None:
    yotpo = Yotpo(["lost after"])
    desk = buying(yotpo)
    first = desk.one(orders, sale("913748"))
    assert isinstance(first, Deferred)
    assert (first.why, first.until) == ("unclear", NOW + GRACE)
    outcome = until_final(desk, yotpo, lambda: desk.one(orders, sale("913748")))
    assert isinstance(outcome, Delivered)
    assert (len(yotpo.taken), outcome.note) == (1, "an earlier sending had arrived")


def test_an_order_that_got_lost_on_the_way_goes_again() -> None:
    yotpo = Yotpo(["lost before"])
    desk = buying(yotpo)
    assert isinstance(until_final(desk, yotpo, lambda: desk.one(orders, sale("913748"))), Delivered)
    assert len(yotpo.taken) == 1


def test_an_heir_reads_before_he_sends_what_a_crash_left_unclear() -> None:
    yotpo = Yotpo([])
    desk = buying(yotpo)
    desk.one(orders, sale("913748"))
    desk.memory[f"{PRIYA}#order/913748"] = orjson.dumps(desk.noted[0].value)  # the settlement of the yes never came
    desk.asked.clear()
    assert isinstance(desk.one(orders, sale("913748")), Delivered)
    assert desk.calls() == ["GET /customers"]


def test_what_can_not_be_read_is_not_sent() -> None:
    desk = known(Desk(account(), answer=lambda _: Response(401)), "73152")
    desk.memory[f"{PRIYA}#order/913748"] = orjson.dumps({"begun": "2025-04-01T00:00:00+00:00", "tries": 1})
    assert isinstance(desk.one(orders, sale("913748")), Misconfigured)
    assert desk.calls() == ["GET /customers"]


@pytest.mark.parametrize(("status", "outcome"), [(423, RetryLater), (429, RetryLater), (401, Misconfigured)])
def test_after_a_clear_no_it_goes_again_as_if_for_the_first_time(status: int, outcome: type[Outcome]) -> None:
    answers = iter([Response(status), Response(200)])
    desk = known(Desk(account(), answer=lambda _: next(answers)), "73152")
    assert isinstance(desk.one(orders, sale("913748")), outcome)
    assert desk.kept(PRIYA, "order/913748") is None
    delivered = desk.one(orders, sale("913748"))
    assert isinstance(delivered, Delivered)
    assert (desk.calls(), delivered.doubt) == (["POST /orders", "POST /orders"], "")


def test_it_is_not_tried_for_ever() -> None:
    yotpo = Yotpo(["lost before"] * 100)
    desk = buying(yotpo)
    outcome = until_final(desk, yotpo, lambda: desk.one(orders, sale("913748")))
    assert isinstance(outcome, Rejected)
    assert (outcome.reason, len(desk.noted)) == ("exhausted", MOST_TRIES)
    assert yotpo.now - NOW > timedelta(hours=12)


@given(
    st.lists(st.sampled_from(["ok", "refused", "lost before", "lost after"]), max_size=8),
    st.integers(0, 4).map(lambda minutes: timedelta(minutes=minutes)),
)
def test_an_order_counts_once_whatever_gets_lost_while_yotpo_shows_it_in_time(fates: list[str], lag: timedelta) -> None:
    yotpo = Yotpo(fates, lag)
    desk = buying(yotpo)
    assert isinstance(until_final(desk, yotpo, lambda: desk.one(orders, sale("913748"))), Delivered)
    assert [name for name, _ in yotpo.taken] == ["D11300004711"]


def points(**changes: Any) -> Thing:
    record = {
        **blank("rewards"),
        "kind": "points_back",
        "origin": "yotpo",
        "email": "priya.oconnor@customer.example",
        "redemption_id": "9001",
        "points": 200,
        "source_time": datetime(2025, 4, 1, tzinfo=UTC),
        **changes,
    }
    return Thing(PRIYA, "rewards", record, "", "", "9001")


def test_points_of_a_redemption_that_failed_come_back_once() -> None:
    yotpo = Yotpo(["lost after"])
    desk = Desk(account(), answer=yotpo)
    assert isinstance(until_final(desk, yotpo, lambda: desk.one(points_back, points())), Delivered)
    assert [name for name, _ in yotpo.taken] == ["Points returned for redemption 9001"]
    assert desk.asked[0].body == {
        "customer_email": "priya.oconnor@customer.example",
        "point_adjustment_amount": 200,
        "apply_adjustment_to_points_earned": False,
        "history_title": "Points returned for redemption 9001",
    }
    assert desk.one(points_back, points()) == Unchanged()


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"kind": "redemption"}, Skipped("origin")),
        ({"kind": "account", "origin": "apparel21-file"}, Skipped("origin")),
        ({"origin": "clearer"}, Skipped("origin")),
        ({"points": 0}, Skipped("no_points")),
        ({"points": None}, Rejected("invalid", "the event does not say how many points")),
    ],
)
def test_other_rewards_are_not_for_yotpo(changes: dict[str, Any], outcome: Outcome) -> None:
    assert Desk(account()).one(points_back, points(**changes)) == outcome


def test_points_that_yotpo_will_not_give_leave_no_trace() -> None:
    desk = Desk(account(), answer=lambda _: Response(422, b'{"error_message": "Customer does not have enough points"}'))
    refused = desk.one(points_back, points())
    assert refused == Rejected("invalid", "not enough points", 422, remember={"points/9001": None})
