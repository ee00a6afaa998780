"""A tier change as Yotpo tells it when asked again: its end, or the tier that it is by now."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import orjson

from consumers.engine.wire import Nap, Request, Response
from consumers.webhooks import Event, Refused
from consumers.yotpo.webhook import EARNED, REDEEMED, fresh, read
from tests.consumers.yotpo.shop import account

HEARD, ASKED = datetime(2026, 6, 14, 2, 20, tzinfo=UTC), datetime(2026, 6, 14, 2, 20, 5, tzinfo=UTC)
MIA = "mia.tan@customer.example"
SILVER, GOLD = {"id": 11, "name": "Silver", "rank": 1}, {"id": 12, "name": "Gold", "rank": 2}
CUSTOMER = {"email": MIA, "third_party_id": "771", "points_balance": 820, "vip_tier_ends_at": "2026-12-31"}


def heard(topic: str = EARNED, **more: Any) -> Event:
    body = {"topic": topic, "email": MIA, "customer": CUSTOMER, "new_tier": GOLD, "old_tier": SILVER, **more}
    found = read(account(HEARD), {}, orjson.dumps(body), HEARD)
    assert not isinstance(found, Refused)
    return found[0]


def stands(tier: str | None, **more: Any) -> Response:
    """What Yotpo answers."""
    told = {"email": MIA, "vip_tier_name": tier, "vip_tier_entry_date": "2026-06-14T02:19:00.000Z",
            "vip_tier_expiration": "2027-12-31T00:00:00.000Z", "points_balance": 9, "pos_account_id": "7"}  # fmt: skip
    return Response(200, orjson.dumps({**told, **more}))


def told(event: Event, *answers: Response) -> tuple[Event, list[object]]:
    """The event in the end, and what was asked."""
    plan, asked, left = fresh(account(ASKED), event), [], list(answers)
    answer: Response | None = None
    try:
        while True:
            asked.append(plan.send(answer))
            answer = left.pop(0) if isinstance(asked[-1], Request) else None
    except StopIteration as stop:
        assert not left
        event = stop.value
        return event, asked


def test_the_end_the_day_and_the_points_are_those_of_the_answer() -> None:
    before = heard()
    after, asked = told(before, stands("Gold"))
    changed = {name for name in after.record if after.record[name] != before.record[name]}
    assert changed == {"tier_expiry", "tier_join_date", "points_balance", "person_id", "source_time"}
    assert (after.record["tier_expiry"], after.record["source_time"]) == (date(2027, 12, 31), ASKED)
    assert (after.record["person_id"], after.tail, after.object) == ("7", before.tail, before.object)
    (request,) = asked
    assert isinstance(request, Request)
    assert request.query == (("customer_email", MIA), ("with_history", "false"))


def test_another_tier_by_now_is_a_state_and_no_news() -> None:
    after, _ = told(heard(), stands("Platinum"))
    names = ("kind", "tier_name", "tier_id", "tier_rank", "old_tier_name")
    assert [after.record[name] for name in names] == ["snapshot", "Platinum", "", None, ""]


def test_who_still_shows_the_tier_before_is_read_once_more() -> None:
    after, asked = told(heard(), stands("Silver"), stands("Gold"))
    assert (after.record["kind"], after.record["tier_name"]) == ("earned", "Gold")
    assert [type(one) for one in asked] == [Request, Nap, Request]
    late, _ = told(heard(), stands("Silver"), stands("Silver"))
    assert (late.record["kind"], late.record["tier_name"]) == ("snapshot", "Silver")


def test_a_last_tier_lost_is_lost() -> None:
    before = heard("swell/tier/lost", new_tier=None)
    after, _ = told(before, stands(None, vip_tier_entry_date=None, vip_tier_expiration=None))
    assert (after.record["kind"], after.record["tier_name"], after.record["tier_expiry"]) == ("lost", "", None)


def test_without_an_answer_it_is_as_it_was_delivered() -> None:
    before = heard()
    nothing = Response(200, orjson.dumps({"email": MIA}))
    for answer in (Response(404), Response(500), Response(0), Response(429), Response(200, b"?"), nothing):
        assert told(before, answer)[0] == before


def test_nobody_is_asked_about_points_or_about_someone_without_an_address() -> None:
    redeemed = heard(REDEEMED, redemption={"id": 9001}, redemption_option={"id": 501})
    assert told(redeemed) == (redeemed, [])
    unnamed = heard(email="")._replace(tail="account:771")
    unnamed.record["email"] = ""
    assert told(unnamed) == (unnamed, [])
