"""A tier change as Clearer tells it when asked again: the points, or the tier that it is by now."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import orjson
import pytest

from consumers.clearer.webhook import fresh, read
from consumers.engine.wire import Json, Nap, Request, Response
from consumers.webhooks import Event, Refused
from tests.consumers.clearer.shop import account

MIA = "mia.tan@customer.example"
SILVER, GOLD = ({"id": f"tier_{n}", "title": title, "threshold": str(n)} for n, title in ((1, "Silver"), (2, "Gold")))
MEMBER: Json = {
    "id": "cus_9f2",
    "externalId": "771",
    "email": MIA,
    "pointBalance": 820,
    "currentLoyaltyTier": {"id": "tier_2", "title": "Gold"},
    "updatedAt": "2026-06-14T02:20:05.000Z",
}
NOW = datetime(2026, 6, 14, 2, 20, 9, tzinfo=UTC)
RULE: dict[str, Any] = {"tier_expiry": "calendar_year_end"}


def heard(topic: str = "customers/tier_changed", **changes: Any) -> Event:
    body = {"id": "red_1", "points": 5, "customer": {**MEMBER, **changes}, "oldTier": SILVER, "newTier": GOLD}
    found = read(account(**RULE), {"x-webhook-topic": topic}, orjson.dumps(body), NOW)
    assert not isinstance(found, Refused)
    return found[0]


def stands(**changes: Any) -> Response:
    """What Clearer answers."""
    return Response(200, orjson.dumps({"customer": {**MEMBER, "pointBalance": 900, **changes}}))


def told(event: Event, *answers: Response) -> tuple[Event, list[object]]:
    """The event in the end, and what was asked."""
    plan, asked, left = fresh(account(**RULE), event), [], list(answers)
    answer: Response | None = None
    try:
        while True:
            asked.append(plan.send(answer))
            answer = left.pop(0) if isinstance(asked[-1], Request) else None
    except StopIteration as stop:
        assert not left
        event = stop.value
        return event, asked


def test_the_points_and_the_time_are_those_of_the_answer_and_the_rule_keeps_the_end() -> None:
    before = heard()
    after, asked = told(before, stands(updatedAt="2026-06-15T00:00:00.000Z"))
    changed = {name for name in after.record if after.record[name] != before.record[name]}
    assert changed == {"points_balance", "source_time"}
    assert (after.record["points_balance"], after.record["tier_expiry"]) == (900, date(2026, 12, 31))
    (request,) = asked
    assert isinstance(request, Request)
    assert request.path == "/v1/customers/771"


def test_an_answer_never_makes_a_change_older_and_tells_the_end_should_it_ever_do_so() -> None:
    ends = {"id": "tier_2", "title": "Gold", "expiresAt": "2028-02-01T12:00:00Z"}
    after, _ = told(heard(), stands(updatedAt="2026-06-13T00:00:00.000Z", currentLoyaltyTier=ends))
    assert after.record["source_time"] == datetime(2026, 6, 14, 2, 20, 5, tzinfo=UTC)
    assert after.record["tier_expiry"] == date(2028, 2, 1)


def test_another_tier_by_now_is_a_state_and_no_news() -> None:
    platinum = {"id": "tier_3", "title": "Platinum"}
    after, _ = told(heard(), stands(currentLoyaltyTier=platinum, updatedAt="2027-01-05T00:00:00Z"))
    names = ("kind", "tier_name", "tier_id", "old_tier_name", "tier_expiry")
    assert [after.record[name] for name in names] == ["snapshot", "Platinum", "tier_3", "", date(2027, 12, 31)]


def test_none_by_now_has_no_end() -> None:
    after, _ = told(heard(), stands(currentLoyaltyTier=None))
    assert (after.record["kind"], after.record["tier_name"], after.record["tier_expiry"]) == ("snapshot", "", None)


def test_who_still_shows_the_tier_before_is_read_once_more() -> None:
    after, asked = told(heard(), stands(currentLoyaltyTier=SILVER), stands())
    assert (after.record["kind"], after.record["tier_name"]) == ("earned", "Gold")
    assert [type(one) for one in asked] == [Request, Nap, Request]


@pytest.mark.parametrize(
    "answer",
    [Response(404), Response(500), Response(0), Response(429), Response(200, b"?"), Response(200, b'{"customer": {}}')],
)
def test_without_an_answer_it_is_as_it_was_delivered(answer: Response) -> None:
    before = heard()
    assert told(before, answer)[0] == before


def test_nobody_is_asked_about_points_or_about_someone_without_an_id_of_ours() -> None:
    redeemed, unnamed = heard("points/redeemed"), heard(externalId=None)
    assert told(redeemed) == (redeemed, [])
    assert told(unnamed) == (unnamed, [])
