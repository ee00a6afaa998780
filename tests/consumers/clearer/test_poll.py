"""The nightly look at Clearer's customers: who changed, in which tier they are, and when it ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest

from consumers.clearer.poll import POLL
from consumers.engine.outcome import Misconfigured, RetryLater
from consumers.engine.wire import Request, Response
from tests.consumers.clearer.shop import NOW, account
from tests.consumers.polling import Answer, Watcher


def mia(tier: str | None, updated: str = "2025-03-01T02:00:00.000Z", **more: Any) -> dict[str, Any]:
    now = {"id": f"tier_{tier}", "title": tier} if tier else None
    told = {"id": "cus_9", "externalId": "7", "email": "mia@customer.example", "pointBalance": 20}
    return {**told, "updatedAt": updated, "currentLoyaltyTier": now, **more}


def page(*customers: dict[str, Any], cursor: str | None = None) -> Response:
    return Response(200, orjson.dumps({"customers": customers, "cursor": cursor}))


def always(answer: Response) -> Answer:
    return lambda _: answer


def told(*nights: dict[str, Any], rule: str = "next_calendar_year_end") -> list[tuple[str, str, str]]:
    """Kind, tier and end of every event of these nights."""
    watcher, found = Watcher(POLL, account(tier_expiry=rule), lambda _: page()), []
    for night in nights:
        watcher.answer = always(page(night))
        found += [(r["kind"], r["tier_name"], str(r["tier_expiry"])) for r in watcher.records()]
    return found


def test_a_new_tier_ends_by_the_merchants_rule_and_one_that_goes_on_as_it_did() -> None:
    gold, later = mia("Gold"), mia("Gold", "2026-02-01T02:00:00.000Z")
    assert told(gold) == [("snapshot", "Gold", "2026-12-31")]
    assert told(gold, later)[1:] == [("snapshot", "Gold", "2026-12-31")]
    assert told(mia("Silver"), later)[1:] == [("changed", "Gold", "2027-12-31")], "nobody says which is higher"
    assert told(gold, mia(None, "2026-02-01T02:00:00.000Z"))[1:] == [("lost", "", "None")]


@pytest.mark.parametrize(("first", "then", "kind"), [("Gold", "Silver", "lost"), ("Silver", "Gold", "earned")])
def test_up_and_down_are_told_by_the_thresholds_that_the_merchant_names(first: str, then: str, kind: str) -> None:
    watcher = Watcher(POLL, account(tiers={"Silver": 0, "Gold": 500}), always(page(mia(first))))
    watcher.records()
    watcher.answer = always(page(mia(then, "2026-02-01T02:00:00.000Z")))
    ((record,),) = (watcher.records(),)
    assert (record["kind"], record["tier_rank"]) == (kind, {"Silver": 0, "Gold": 500}[then])


def test_an_end_that_clearer_says_after_all_wins() -> None:
    moved = mia("Gold", "2025-03-02T02:00:00.000Z", expiresAt="2025-09-30T00:00:00Z")
    assert told(mia("Gold"), moved)[1:] == [("snapshot", "Gold", "2025-09-30")]


def test_who_did_not_change_is_not_told_again() -> None:
    assert told(mia("Gold"), mia("Gold")) == told(mia("Gold"))


def test_the_first_look_reads_all_and_the_next_what_changed_since_it_began() -> None:
    answers = iter([page(mia("Gold"), cursor="50~"), page(mia("Gold", id="cus_10")), page()])

    def answer(request: Request) -> Response:
        return next(answers)

    watcher = Watcher(POLL, account(), answer)
    assert len(watcher.records()) == 2
    watcher.look(NOW + timedelta(days=1))
    assert [dict(request.query) for request in watcher.asked] == [
        {},
        {"cursor": "50~"},
        {"updatedAtMin": (NOW - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")},
    ]


@pytest.mark.parametrize("body", [b"<html>busy</html>", b'{"customers": [', b"{}", b'{"customers": null}'])
def test_an_answer_that_is_no_list_moves_nothing(body: bytes) -> None:
    """Else who changed since would never be looked at."""
    watcher = Watcher(POLL, account(), always(page(mia("Gold"))))
    watcher.records()
    before, watcher.answer = watcher.position, always(Response(200, body))
    assert isinstance(watcher.look(NOW + timedelta(days=1)), RetryLater)
    assert watcher.position == before


def test_a_page_that_is_not_there_any_more_begins_the_list_again() -> None:
    watcher = Watcher(POLL, account(), always(page(mia("Gold"))))
    watcher.records()
    later = NOW + timedelta(days=1)
    watcher.answer = always(page(mia("Gold"), cursor="50~"))
    watcher.look(later)
    watcher.answer = always(Response(400))
    watcher.look(later + timedelta(minutes=10))
    watcher.answer = always(page())
    watcher.look(later + timedelta(minutes=20))
    since = (("updatedAtMin", (NOW - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")),)
    assert [one.query for one in watcher.asked[1:]] == [since, (("cursor", "50~"),), since]


def test_refusals_keep_the_position() -> None:
    assert isinstance(Watcher(POLL, account(), lambda _: Response(401)).look(), Misconfigured)
    assert isinstance(Watcher(POLL, account(), lambda _: Response(503)).look(), RetryLater)
