"""What Yotpo's webhooks become: events, nothing, or a refusal; and whether they are Yotpo's."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.webhooks import Event, Refused
from consumers.yotpo.webhook import delivery, read, signed
from schemas.codec import codec
from tests.consumers.yotpo.shop import account
from tillstream.settings import Secret

NOW = datetime(2026, 6, 14, 2, 20, 9, tzinfo=UTC)
CUSTOMER = {
    "email": "mia.tan@customer.example",
    "third_party_id": "7712340056789",
    "points_balance": 820,
    "vip_tier_name": "Silver",
    "vip_tier_ends_at": "2027-12-31",
}
SILVER, GOLD = {"id": 11, "name": "Silver", "rank": 1}, {"id": 12, "name": "Gold", "rank": 2}
EARNED = {
    "topic": "swell/tier/earned",
    "email": "Mia.Tan@customer.example",
    "customer": CUSTOMER,
    "new_tier": GOLD,
    "old_tier": SILVER,
}
REDEEMED = {
    "topic": "swell/redemption/created",
    "customer": CUSTOMER,
    "redemption": {"id": 9001, "reward_text": "RW9001", "created_at": "2026-06-14T02:20:03.000Z", "approved": True},
    "redemption_option": {
        "id": 501,
        "name": "$20 off",
        "amount": 200,
        "discount_type": "Custom Reward",
        "discount_amount_cents": 2000,
    },
}


def hear(said: Any) -> Event:
    found = read(account(), {}, orjson.dumps(said), NOW)
    assert not isinstance(found, Refused)
    (event,) = found
    codec(None).encode(event.topic, event.record)
    return event


def without(said: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in said.items() if name not in names}


def test_a_tier_earned_is_the_new_one() -> None:
    event = hear(EARNED)
    assert (event.topic, event.tail, event.object) == ("tiers", "mia.tan@customer.example", "7712340056789")
    told = event.record
    assert (told["kind"], told["tier_name"], told["tier_id"], told["tier_rank"]) == ("earned", "Gold", "12", 2)
    assert (told["old_tier_name"], told["old_tier_rank"], told["points_balance"]) == ("Silver", 1, 820)
    assert (told["tier_expiry"], told["source_time"], told["origin"]) == (date(2027, 12, 31), NOW, "yotpo")
    assert (told["connection"], told["customer_id"], len(told["sha256"])) == ("au", "7712340056789", 64)


def test_a_first_tier_has_none_before_and_a_lost_one_may_have_none_after() -> None:
    assert hear(without(EARNED, "old_tier")).record["old_tier_name"] == ""
    lost = {**without(EARNED, "new_tier"), "topic": "swell/tier/lost"}
    assert (hear(lost).record["kind"], hear(lost).record["tier_name"], hear(lost).record["tier_expiry"]) == (
        "lost",
        "",
        None,
    )
    assert hear({**lost, "new_tier": SILVER}).record["tier_name"] == "Silver"


def test_a_redemption_is_worth_its_option() -> None:
    event = hear(REDEEMED)
    told = event.record
    assert (event.topic, event.tail, event.object) == ("rewards", "mia.tan@customer.example", "9001")
    assert (told["kind"], told["redemption_id"], told["redemption_text"]) == ("redemption", "9001", "RW9001")
    assert (told["option_id"], told["option_name"], told["option_type"]) == ("501", "$20 off", "Custom Reward")
    assert (told["option_value"], told["points"], told["approved"]) == (Decimal(20), 200, True)
    assert told["redeemed_at"] == datetime(2026, 6, 14, 2, 20, 3, tzinfo=UTC)


def test_a_redemption_is_read_with_tolerance() -> None:
    percent = {**REDEEMED["redemption_option"], "discount_amount_cents": None}  # type: ignore[dict-item]
    assert hear({**REDEEMED, "redemption_option": percent}).record["option_value"] is None
    bare = hear({**REDEEMED, "redemption_option": None, "redemption": {"id": "r-7"}}).record
    assert (bare["redemption_id"], bare["points"], bare["approved"], bare["redeemed_at"]) == ("r-7", None, None, None)
    assert hear({**REDEEMED, "perk": {"id": 1}}).record["points"] == 0


def test_without_an_address_the_platforms_own_id_is_the_key() -> None:
    nameless = {**without(EARNED, "email"), "customer": {"thirty_party_id": 77}}
    assert hear(nameless).tail == "account:77"


@pytest.mark.parametrize("topic", ["swell/tier/status/changed", "swell/points/earned", "something/new"])
def test_other_topics_concern_nobody(topic: str) -> None:
    assert read(account(), {}, orjson.dumps({**EARNED, "topic": topic}), NOW) == ()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        orjson.dumps({"topic": "swell/tier/earned"}),
        orjson.dumps(without(EARNED, "new_tier")),
        orjson.dumps({**REDEEMED, "redemption": {}}),
    ],
)
def test_what_is_not_what_yotpo_sends_is_refused_and_names_nobody(body: bytes) -> None:
    refused = read(account(), {}, body, NOW)
    assert isinstance(refused, Refused)
    assert "@" not in refused.why


json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "topic",
                    "email",
                    "customer",
                    "new_tier",
                    "old_tier",
                    "redemption",
                    "redemption_option",
                    "id",
                    "name",
                    "rank",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(
    st.sampled_from([EARNED, REDEEMED]), st.dictionaries(st.sampled_from(["customer", "new_tier", "redemption"]), json)
)
def test_whatever_comes_there_is_an_event_or_a_refusal(base: dict[str, Any], changes: dict[str, Any]) -> None:
    found = read(account(), {}, orjson.dumps({**base, **changes}), NOW)
    for event in () if isinstance(found, Refused) else found:
        codec(None).encode(event.topic, event.record)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_error(body: bytes) -> None:
    read(account(), {}, body, NOW)


def test_a_shared_secret_may_come_in_either_header() -> None:
    ours = account(webhook_secret=Secret.of("s3cret"), webhook_header="X-Ours")
    assert signed(ours, {"x-ours": "s3cret"}, b"")
    assert signed(ours, {"authorization": "s3cret"}, b"")
    assert signed(ours, {"authorization": "Bearer s3cret"}, b"")
    assert not signed(ours, {"x-ours": "s3cre"}, b"")
    assert not signed(ours, {"x-api-secret": "s3cret"}, b"")
    assert not signed(ours, {}, b"")
    assert signed(account(), {}, b"")


def test_a_delivery_may_have_a_name() -> None:
    assert (delivery({"eventid": "e-1"}), delivery({})) == ("e-1", "")
