"""What Yotpo's webhooks say, as events: a tier earned or lost, points redeemed.

Source: loyaltyapi.yotpo.com/reference/vip-tier-earned and vip-tier-lost. They carry no time of their own, no sequence
and no id of the till's person; the redemption's payload is not published and read with tolerance.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from consumers.engine.sink import Account
from consumers.engine.wire import Plan, nap, under
from consumers.webhooks import MOMENT, Event, Read, Refused, address, moment, opened, record, tail, text
from consumers.yotpo.reading import day, look_up, standing, third_party_id, whole

EARNED, LOST, REDEEMED = "swell/tier/earned", "swell/tier/lost", "swell/redemption/created"
Body = Mapping[str, Any]


def signed(account: Account, headers: Mapping[str, str], body: bytes) -> bool:  # noqa: ARG001 - Yotpo signs no body
    """Does the delivery carry the shared secret? True where the merchant has set none (the path is secret then).

    `headers` by lower-case name. No HMAC is documented for loyalty webhooks: the free text "Webhook Authentication" of
    the admin page is sent along, in the configured header or in Authorization.
    """
    settings = account.settings
    if settings.webhook_secret is None:
        return True
    secret = settings.webhook_secret.read().encode()
    given = [headers.get(settings.webhook_header.lower(), ""), headers.get("authorization", "").removeprefix("Bearer ")]
    return any(hmac.compare_digest(one.encode(), secret) for one in given)


def delivery(headers: Mapping[str, str]) -> str:
    """By which a repeated delivery is known (core-api.yotpo.com, "About webhook events"); "" where it does not say."""
    return headers.get("eventid", "")


def read(account: Account, headers: Mapping[str, str], body: bytes, now: datetime) -> Read:  # noqa: ARG001 - it is all in the body
    """The events in a delivery; none for a topic that concerns nobody here.

    `source_time` is when it arrived: a tier's standing should be read afresh (`reading.look_up` and `standing`), and
    what stands here of its expiry is only for when that fails, because the vendor's own example shows the customer as
    before the change.
    """
    said = opened(body)
    if isinstance(said, Refused):
        return said
    topic = text(said.get("topic"))
    if not topic:
        return Refused("the body names no topic")
    if topic not in (EARNED, LOST, REDEEMED):
        return ()
    customer = under(said, "customer")
    email, known_as = address(said.get("email")) or address(customer.get("email")), third_party_id(customer)
    if not email and not known_as:
        return Refused("the body names no customer")
    about = {"email": email, "customer_id": known_as, "origin": "yotpo", "source_time": now}
    values = _redemption(said) if topic == REDEEMED else _tier(said, topic)
    if isinstance(values, Refused):
        return values
    event = "rewards" if topic == REDEEMED else "tiers"
    made = record(account, event, {**about, **values}, (topic, body))
    return (Event(event, tail(email, "", known_as), values.get("redemption_id") or known_as or email, made),)


def fresh(account: Account, event: Event) -> Plan[Event]:
    """A tier change as the customer stands now: until when the tier holds, or which other one it is by now.

    A change that was overtaken becomes a `snapshot`: a state, and no news. As it is where Yotpo cannot be asked.
    """
    told = event.record
    if event.topic != "tiers" or not told["email"]:
        return event
    asked, customer = account.now(), (yield from look_up(told["email"]))
    if _shows(customer, told["old_tier_name"]):
        yield from nap(MOMENT)
        asked, customer = account.now(), (yield from look_up(told["email"]))
    if not isinstance(customer, dict) or "vip_tier_name" not in customer:
        return event
    stands = standing(customer)
    names = ("tier_join_date", "tier_expiry", "points_balance")
    now = {"source_time": asked, **{name: stands[name] for name in names}}
    now["person_id"] = stands["person_id"] or told["person_id"]
    if stands["tier_name"] != told["tier_name"]:
        before = {"old_tier_id": "", "old_tier_name": "", "old_tier_rank": None}
        now |= {"kind": "snapshot", "tier_name": stands["tier_name"], "tier_id": "", "tier_rank": None, **before}
    return event._replace(record={**told, **now})


def _shows(customer: Any, tier: str) -> bool:
    return isinstance(customer, dict) and "vip_tier_name" in customer and text(customer["vip_tier_name"]) == tier


def _tier(said: Body, topic: str) -> dict[str, Any] | Refused:
    """A tier change; no new tier is left when the last one was lost."""
    new, old, customer = under(said, "new_tier"), under(said, "old_tier"), under(said, "customer")
    if topic == EARNED and not text(new.get("name")):
        return Refused("a tier was earned, and the body does not say which")
    return {
        "kind": "earned" if topic == EARNED else "lost",
        "tier_id": text(new.get("id")),
        "tier_name": text(new.get("name")),
        "tier_rank": whole(new.get("rank")),
        "old_tier_id": text(old.get("id")),
        "old_tier_name": text(old.get("name")),
        "old_tier_rank": whole(old.get("rank")),
        "tier_expiry": day(customer.get("vip_tier_ends_at")) if new else None,
        "points_balance": whole(customer.get("points_balance")),
    }


def _redemption(said: Body) -> dict[str, Any] | Refused:
    """Points spent; with `perk`, a coupon that a campaign gave and that cost none."""
    made, option = under(said, "redemption"), under(said, "redemption_option")
    name = text(made.get("id"))
    if not name:
        return Refused("the redemption has no id")
    cents, points = whole(option.get("discount_amount_cents")), whole(made.get("points")) or whole(option.get("amount"))
    return {
        "kind": "redemption",
        "redemption_id": name,
        "redemption_text": text(made.get("reward_text")),
        "redeemed_at": moment(made.get("created_at")),
        "approved": made.get("approved") if isinstance(made.get("approved"), bool) else None,
        "option_id": text(option.get("id")),
        "option_name": text(option.get("name")),
        "option_type": text(option.get("discount_type")),
        "option_value": Decimal(cents) / 100 if cents is not None else None,
        "points": 0 if said.get("perk") else abs(points) if points is not None else None,
    }
