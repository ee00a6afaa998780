"""Webhooks: bytes become records for `tiers` and `rewards`, or a reason why not; and when a tier ends."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, date, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.clearer.expiry import expiry
from consumers.clearer.webhook import read
from consumers.engine.wire import Json
from consumers.webhooks import Event, Refused
from schemas.codec import codec
from tests.consumers.clearer.shop import account

NOW = datetime(2026, 6, 14, 2, 20, 9, tzinfo=UTC)
TIER, REDEEMED = "customers/tier_changed", "points/redeemed"
CUSTOMER: Json = {
    "id": "cus_9f2",
    "externalId": "7712340056789",
    "email": "Mia.Tan@customer.example",
    "name": "Mia Tan",
    "pointBalance": 820,
    "currentLoyaltyTier": {"id": "tier_2", "title": "Gold"},
    "createdAt": "2026-03-02T04:11:10.000Z",
    "updatedAt": "2026-06-14T02:20:05.000Z",
}
CHANGE: Json = {
    "customer": CUSTOMER,
    "oldTier": {"id": "tier_1", "title": "Silver", "threshold": "0"},
    "newTier": {"id": "tier_2", "title": "Gold", "threshold": "500"},
}
REDEMPTION: Json = {
    "id": "red_77",
    "customer": CUSTOMER,
    "action": "$20 off",
    "points": -200,
    "type": "redeem",
    "ruleId": "rule_20",
    "couponCode": "CLR-1A2B",
    "rewardType": "custom",
}


def heard(body: Json, topic: str = TIER, *, shopify: bool = False, **settings: Any) -> Any:
    return read(account(shopify=shopify, **settings), {"x-webhook-topic": topic}, orjson.dumps(body), NOW)


def event(body: Json, topic: str = TIER, **settings: Any) -> Event:
    [found] = heard(body, topic, **settings)
    assert isinstance(found, Event)
    codec(None).encode(found.topic, found.record)  # every field is there, in its type
    return found


def with_(body: Json, **changes: Any) -> Json:
    return {**deepcopy(body), **changes}


def test_a_change_of_tier_is_a_record_for_tiers() -> None:
    found = event(CHANGE)
    assert (found.topic, found.tail, found.object) == ("tiers", "mia.tan@customer.example", "cus_9f2")
    record = found.record
    assert {name: record[name] for name in ("kind", "tier_id", "tier_name", "tier_rank", "old_tier_name")} == {
        "kind": "earned", "tier_id": "tier_2", "tier_name": "Gold", "tier_rank": 500, "old_tier_name": "Silver",
    }  # fmt: skip
    assert (record["connection"], record["origin"], record["zone"]) == ("au", "clearer", "Australia/Melbourne")
    assert record["source_time"] == datetime(2026, 6, 14, 2, 20, 5, tzinfo=UTC)
    assert (record["tier_join_date"], record["tier_expiry"]) == (date(2026, 6, 14), None)
    assert (record["points_balance"], record["old_tier_rank"], record["file"]) == (820, 0, "")


def test_the_same_delivery_has_the_same_hash_and_another_another() -> None:
    again = with_(CHANGE, customer={**CUSTOMER, "pointBalance": 821})
    assert event(CHANGE).record["sha256"] == event(CHANGE).record["sha256"] != event(again).record["sha256"]


def test_the_external_id_is_the_persons_or_the_shops() -> None:
    plain, shop = event(CHANGE).record, event(CHANGE, shopify=True).record
    assert (plain["person_id"], plain["shopify_id"]) == ("7712340056789", "")
    assert (shop["person_id"], shop["shopify_id"]) == ("", "7712340056789")


def test_down_is_lost_and_what_cannot_be_compared_is_neither() -> None:
    down = with_(CHANGE, oldTier=CHANGE["newTier"], newTier=CHANGE["oldTier"])
    assert (event(down).record["kind"], event(down).record["tier_name"]) == ("lost", "Silver")
    odd = with_(down, newTier={"id": "tier_1", "title": "Silver", "threshold": "a lot"})
    assert (event(odd).record["kind"], event(odd).record["tier_rank"]) == ("changed", None)


def test_a_missing_new_tier_is_what_the_customer_has_now() -> None:
    missing = {name: value for name, value in CHANGE.items() if name != "newTier"}
    assert event(missing).record["tier_name"] == "Gold"
    nothing = with_(missing, customer={**CUSTOMER, "currentLoyaltyTier": None})
    lost = event(nothing, tier_expiry="calendar_year_end").record
    assert (lost["kind"], lost["tier_id"], lost["tier_expiry"]) == ("lost", "", None)
    bare = {name: value for name, value in CUSTOMER.items() if name != "currentLoyaltyTier"}
    assert event(with_(CHANGE, customer=bare, newTier=None)).record["kind"] == "lost"
    assert isinstance(heard(with_(missing, customer=bare)), Refused)


@pytest.mark.parametrize(
    ("rule", "day"),
    [
        ("none", None),
        ("calendar_year_end", date(2026, 12, 31)),
        ("next_calendar_year_end", date(2027, 12, 31)),
        ("rolling_12_months", date(2027, 6, 14)),
    ],
)
def test_each_rule_says_when_a_tier_ends(rule: str, day: date | None) -> None:
    assert event(CHANGE, tier_expiry=rule).record["tier_expiry"] == day


def test_the_day_of_a_change_is_the_shops_day() -> None:
    eve = with_(CHANGE, customer={**CUSTOMER, "updatedAt": "2026-12-31T20:00:00.000Z"})  # new year in Melbourne
    assert event(eve, tier_expiry="calendar_year_end").record["tier_expiry"] == date(2027, 12, 31)


@pytest.mark.parametrize("name", ["expiresAt", "tierExpiresAt"])
@pytest.mark.parametrize("place", ["newTier", "customer", ""])
def test_what_the_payload_says_itself_goes_before_every_rule(name: str, place: str) -> None:
    body = deepcopy(CHANGE)
    (body[place] if place else body)[name] = "2028-01-31T00:00:00Z"
    assert event(body, tier_expiry="calendar_year_end").record["tier_expiry"] == date(2028, 1, 31)


@given(st.dates(date(2000, 1, 1), date(2100, 12, 31)))
def test_no_tier_ends_before_it_began_and_a_year_is_a_year(day: date) -> None:
    this, following = expiry("calendar_year_end", day), expiry("next_calendar_year_end", day)
    rolling = expiry("rolling_12_months", day)
    assert this is not None
    assert following is not None
    assert rolling is not None
    assert day <= this < following
    assert 365 - 1 <= (rolling - day).days <= 366
    assert this <= rolling <= following


def test_a_redemption_is_a_record_for_rewards() -> None:
    found = event(REDEMPTION, REDEEMED)
    assert (found.topic, found.tail, found.object) == ("rewards", "mia.tan@customer.example", "red_77")
    record = found.record
    wanted = {
        "kind": "redemption", "origin": "clearer", "redemption_id": "red_77", "redemption_text": "CLR-1A2B",
        "points": 200, "option_id": "rule_20", "option_name": "$20 off", "option_type": "custom", "option_value": None,
        "customer_id": "cus_9f2",
    }  # fmt: skip
    assert {name: record[name] for name in wanted} == wanted
    assert record["redeemed_at"] == datetime(2026, 6, 14, 2, 20, 5, tzinfo=UTC)


@pytest.mark.parametrize("topic", ["customers/updated", "points/earned", "referrals/started", "something/new"])
def test_what_concerns_nobody_here_is_no_event(topic: str) -> None:
    assert heard({}, topic) == ()


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'"x"', b'{"customer":5}', b'{"customer":{}}', b'{"customer":{"id":"c"}}', b"\xff"],
)
@pytest.mark.parametrize("topic", [TIER, REDEEMED])
def test_what_cannot_be_read_is_refused_with_a_reason(topic: str, body: bytes) -> None:
    found = read(account(), {"x-webhook-topic": topic}, body, NOW)
    assert isinstance(found, Refused)
    assert found.why


def test_a_webhook_without_a_topic_is_refused() -> None:
    assert isinstance(read(account(), {}, orjson.dumps(CHANGE), NOW), Refused)


def test_who_has_no_address_is_known_by_id() -> None:
    nameless = with_(CHANGE, customer={**CUSTOMER, "email": None})
    assert event(nameless).tail == "person:7712340056789"
    assert event(nameless, shopify=True).tail == "account:cus_9f2"


NAMES = ("id", "email", "title", "threshold", "points", "updatedAt", "currentLoyaltyTier", "externalId", "pointBalance")
ANYTHING: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=8,
)
PARTS = st.dictionaries(st.sampled_from(["customer", "oldTier", "newTier", *NAMES]), ANYTHING)


@given(PARTS, st.sampled_from([TIER, REDEEMED]))
def test_whatever_comes_is_an_event_that_can_be_written_or_a_reason(body: Json, topic: str) -> None:
    found = heard(body, topic)
    for one in () if isinstance(found, Refused) else found:
        codec(None).encode(one.topic, one.record)
