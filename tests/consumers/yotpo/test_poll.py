"""The nightly look at Yotpo's customers: which difference is told, and how."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from consumers.engine.outcome import Misconfigured, RetryLater
from consumers.engine.wire import Request, Response
from consumers.polls import Look
from consumers.yotpo.poll import POLL, next_page
from consumers.yotpo.settings import YotpoSettings
from tests.consumers.polling import Watcher
from tests.consumers.yotpo.shop import NOW, account

TIERS = [
    {"id": 11, "name": "Silver", "entry_threshold": {"cents": 0}},
    {"id": 12, "name": "Gold", "entry_threshold": {"cents": 50_000}},
]
MIA = {"email": "Mia@customer.example", "third_party_id": "771", "pos_account_id": "7", "points_balance": 500}


class Shop:
    """Answers of a Yotpo with these customers, in pages of two."""

    def __init__(self, *customers: dict[str, Any], bare: bool = False) -> None:
        self.customers, self.bare = customers, bare

    def __call__(self, request: Request) -> Response:
        if request.path == "/vip_tiers":
            return Response(200, orjson.dumps(TIERS))
        begin = int(dict(request.query).get("page_info", "0"))
        part, more = self.customers[begin : begin + 2], begin + 2 < len(self.customers)
        info = {"next_page_info": str(begin + 2) if more else None}
        return Response(200, orjson.dumps(part if self.bare else {"customers": part, "metadata": info}))


def mia(tier: str | None, ends: str | None = "2026-12-31", **more: Any) -> dict[str, Any]:
    return {**MIA, "vip_tier_name": tier, "vip_tier_expiration": ends, "vip_tier_entry_date": "2025-03-01", **more}


def told(*nights: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """Kind, tier, tier before and end of every event of these nights."""
    watcher, found = Watcher(POLL, account(), Shop()), []
    for night in nights:
        watcher.answer = Shop(night)
        found += [(r["kind"], r["tier_name"], r["old_tier_name"], str(r["tier_expiry"])) for r in watcher.records()]
    return found


def test_what_is_seen_first_is_a_state_and_no_news() -> None:
    assert told(mia("Gold")) == [("snapshot", "Gold", "", "2026-12-31")]
    assert told(mia(None)) == []


def test_a_difference_is_told_as_a_webhook_tells_it() -> None:
    assert told(mia("Silver"), mia("Gold"))[1:] == [("earned", "Gold", "Silver", "2026-12-31")]
    assert told(mia("Gold"), mia("Silver"))[1:] == [("lost", "Silver", "Gold", "2026-12-31")]
    assert told(mia("Gold"), mia(None, None))[1:] == [("lost", "", "Gold", "None")]
    assert told(mia(None, None), mia("Silver")) == [("earned", "Silver", "", "2026-12-31")]


def test_an_end_that_moved_is_a_state() -> None:
    assert told(mia("Gold"), mia("Gold", "2027-03-01"))[1:] == [("snapshot", "Gold", "", "2027-03-01")]


def test_what_is_as_it_was_is_not_told() -> None:
    assert told(mia("Gold"), mia("Gold")) == told(mia("Gold"))


def test_a_tier_that_came_and_went_between_two_nights_is_told_again() -> None:
    """Gold was earned and lost again; of the two webhooks only the first arrived."""
    bought = mia("Silver", points_earned=900, total_purchases=4)
    assert told(mia("Silver"), bought)[1:] == [("snapshot", "Silver", "", "2026-12-31")]


def test_who_ends_with_no_tier_again_is_told_of() -> None:
    """Gold was earned and lost again; of the two webhooks only the first arrived."""
    bought = mia(None, None, points_earned=900, total_purchases=4)
    assert told(mia(None, None), bought, bought) == [("snapshot", "", "", "None")]


def test_the_record_is_the_webhooks() -> None:
    watcher = Watcher(POLL, account(), Shop(mia("Gold")))
    look = watcher.look()
    assert isinstance(look, Look)
    (event,) = look.events
    assert (event.topic, event.tail, event.object) == ("tiers", "mia@customer.example", "771")
    names = ("tier_id", "person_id", "customer_id", "points_balance", "tier_join_date", "source_time", "origin")
    assert [event.record[name] for name in names] == ["12", "7", "771", 500, date(2025, 3, 1), NOW, "yotpo"]
    assert len(event.record["sha256"]) == 64


@pytest.mark.parametrize("bare", [True, False])
def test_all_pages_are_read(bare: bool) -> None:
    people = [mia("Gold", email=f"kim{n}@customer.example", third_party_id=str(n)) for n in range(5)]
    watcher = Watcher(POLL, account(), Shop(*people, bare=bare))
    assert len(watcher.records()) == (2 if bare else 5)
    assert watcher.position == {"cursor": ""}


def test_refusals_keep_the_position() -> None:
    assert isinstance(Watcher(POLL, account(), lambda _: Response(401)).look(), Misconfigured)
    assert isinstance(Watcher(POLL, account(), lambda _: Response(503)).look(), RetryLater)


@pytest.mark.parametrize("body", [b"<html>busy</html>", b'{"customers": [', b"{}", b"null"])
@pytest.mark.parametrize("path", ["/vip_tiers", "/customers/recent"])
def test_an_answer_that_is_no_list_is_asked_for_again(path: str, body: bytes) -> None:
    """A page of a proxy's, with status 200."""
    shop = Shop(mia("Gold"))
    watcher = Watcher(POLL, account(), lambda request: Response(200, body) if request.path == path else shop(request))
    assert isinstance(watcher.look(), RetryLater)
    assert watcher.position is None


def test_a_page_of_people_without_an_address_does_not_end_the_list() -> None:
    nameless = [{"email": None, "phone_number": "+61491570006", "vip_tier_name": "Gold"}] * 2
    watcher = Watcher(POLL, account(), Shop(*nameless, mia("Gold")))
    assert [record["email"] for record in watcher.records()] == ["mia@customer.example"]


def test_a_page_that_is_not_there_any_more_begins_the_list_again() -> None:
    people = [mia("Gold", email=f"kim{n}@customer.example", third_party_id=str(n)) for n in range(5)]
    shop = Shop(*people)
    watcher = Watcher(POLL, account(), shop)
    watcher.look()
    watcher.answer = lambda _: Response(404, b'{"error_message": "page_info is invalid"}')
    assert isinstance(watcher.look(NOW + timedelta(minutes=10)), Misconfigured)
    watcher.answer = shop
    assert len(watcher.records(NOW + timedelta(minutes=20))) == 3
    assert [dict(one.query).get("page_info", "") for one in watcher.asked[-3:]] == ["", "2", "4"]


@pytest.mark.parametrize("body", [None, [], {}, {"metadata": []}, {"metadata": {"next_page_info": None}}, "x"])
def test_no_cursor_is_the_last_page(body: Any) -> None:
    assert next_page(body) == ""


@pytest.mark.parametrize("text", ["3:30", "25:00", "nightly", ""])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="never"):
        YotpoSettings.model_validate({"guid": "g", "api_key": "k", "compare": text})


def test_who_wants_no_comparison_has_none() -> None:
    assert POLL.every(account(compare="never").settings) is None
