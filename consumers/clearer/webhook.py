"""Read Clearer's webhooks: bytes become records for `tiers` and `rewards`, or a reason why not.

Bodies by developer.influence.io/reference, "customers/tier_changed" and "points/redeemed".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from consumers import members
from consumers.clearer import assumed, requests
from consumers.clearer.expiry import expiry
from consumers.engine.sink import Account
from consumers.engine.wire import Json, Plan, ask, nap, under
from consumers.standings import direction
from consumers.webhooks import MOMENT, Event, Read, Refused, Source, address, moment, opened, record, tail, text

TOO_MANY = 2**53
"""No number of points or money is as large; what is, is none."""


class Member(NamedTuple):
    """Whom a webhook speaks of, and when that was true."""

    id: str
    email: str
    person_id: str
    shopify_id: str
    at: datetime
    body: Json

    def names(self) -> dict[str, Any]:
        """As our records name them."""
        names = ("email", "person_id", "shopify_id")
        return {"origin": "clearer", "customer_id": self.id, "source_time": self.at} | {
            name: getattr(self, name) for name in names
        }

    def event(self, topic: str, values: dict[str, Any]) -> Event:
        """A record about this member."""
        return Event(topic, tail(self.email, self.person_id, self.id), self.id, values)


class Tier(NamedTuple):
    """A tier as a webhook tells it; all empty for none."""

    id: str = ""
    name: str = ""
    rank: int | None = None


def read(account: Account, headers: Mapping[str, str], body: bytes, now: datetime) -> Read:  # noqa: ARG001 - bodies say when
    """The events of one webhook. Names of headers are in lower case."""
    topic = headers.get(assumed.TOPIC_HEADER.name, "")
    if not topic:
        return Refused("no X-Webhook-Topic")
    if topic not in (assumed.TIER_CHANGED.name, assumed.POINTS_REDEEMED.name):
        return ()
    told = opened(body)
    if isinstance(told, Refused):
        return told
    member = member_of(account, told)
    if isinstance(member, Refused):
        return member
    if topic == assumed.TIER_CHANGED.name:
        return _tier_changed(account, member, told, (topic, body))
    return _redeemed(account, member, told, (topic, body))


def member_of(account: Account, told: Json) -> Member | Refused:
    """Whom a body with a customer in it speaks of."""
    body = under(told, assumed.HOOK_CUSTOMER.name)
    identity, external = _text(body, assumed.HOOK_ID), _text(body, assumed.HOOK_EXTERNAL_ID)
    email = address(body.get(assumed.HOOK_EMAIL.name))
    if not (email or identity):
        return Refused("a customer without id and email")
    shop = members.by_shopify(account)
    at = moment(body.get(assumed.HOOK_UPDATED.name)) or account.now()
    return Member(identity, email, "" if shop else external, external if shop else "", at, body)


def _text(body: Json, name: assumed.Name) -> str:
    return text(body.get(name.name))


# -- tiers ------------------------------------------------------------------------------------------------------------


def _tier_changed(account: Account, member: Member, told: Json, source: Source) -> Read:
    new, old = _new_tier(account, member, told), tier_of(account, told.get(assumed.HOOK_OLD_TIER.name))
    if new is None:
        return Refused("neither newTier nor currentLoyaltyTier")
    changed = member.at.astimezone(account.connection.timezone).date()
    values = {
        **member.names(),
        "kind": direction(old.id or old.name, old.rank, new.id or new.name, new.rank),
        "tier_id": new.id,
        "tier_name": new.name,
        "tier_rank": new.rank,
        "tier_join_date": changed,
        "tier_expiry": ends_on(account, member, told, changed) if new.id or new.name else None,
        "old_tier_id": old.id,
        "old_tier_name": old.name,
        "old_tier_rank": old.rank,
        "points_balance": whole(member.body.get(assumed.BALANCE.name)),
    }
    return (member.event("tiers", record(account, "tiers", values, source)),)


def _new_tier(account: Account, member: Member, told: Json) -> Tier | None:
    """At the ladder's edges `newTier` may be missing; then what the customer has now says it. None: nobody does."""
    if (said := told.get(assumed.HOOK_NEW_TIER.name)) is not None:
        return tier_of(account, said)
    named = assumed.HOOK_TIER_NOW.name in member.body or assumed.HOOK_NEW_TIER.name in told
    return tier_of(account, member.body.get(assumed.HOOK_TIER_NOW.name)) if named else None


def tier_of(account: Account, said: Json) -> Tier:
    """A tier as Clearer writes one, with its threshold, or the merchant's word for it; empty for what is none."""
    if not isinstance(said, dict):
        return Tier()
    name = _text(said, assumed.HOOK_TIER_TITLE)
    threshold = _number(said.get(assumed.HOOK_TIER_THRESHOLD.name))
    rank = account.settings.tiers.get(name) if threshold is None else threshold
    return Tier(_text(said, assumed.HOOK_ID), name, rank)


def ends_on(account: Account, member: Member, told: Json, changed: date) -> date | None:
    """What the payload says, should it ever say anything; else the merchant's rule."""
    new, now = told.get(assumed.HOOK_NEW_TIER.name), member.body.get(assumed.HOOK_TIER_NOW.name)
    return said_expiry(account, (new, now, member.body, told)) or expiry(account.settings.tier_expiry, changed)


def said_expiry(account: Account, places: Iterable[Json]) -> date | None:
    """When a tier ends, should any of these say it."""
    for place in places:
        for name in assumed.HOOK_TIER_EXPIRY:
            said = moment(place.get(name.name)) if isinstance(place, dict) else None
            if said is not None:
                return said.astimezone(account.connection.timezone).date()
    return None


def fresh(account: Account, event: Event) -> Plan[Event]:
    """A tier change as the customer stands now; one that was overtaken becomes a `snapshot`: a state, and no news.

    As it is where Clearer cannot be asked. When a tier ends is told by none of its answers, should that not change.
    """
    told = event.record
    known_as = told["shopify_id"] or told["person_id"]
    if event.topic != "tiers" or not known_as:
        return event
    member = yield from _read_again(account, known_as)
    if member is not None and same(tier_of(account, member.body[assumed.HOOK_TIER_NOW.name]), _before(told)):
        yield from nap(MOMENT)
        member = yield from _read_again(account, known_as)
    return event if member is None else event._replace(record={**told, **_now(account, member, told)})


def _read_again(account: Account, known_as: str) -> Plan[Member | None]:
    """The customer, None where nobody says who and in which tier they are."""
    answer = yield from ask(requests.read_customer(known_as))
    said = under(answer.json()) if answer.ok else {}
    body = said.get(assumed.IN_CUSTOMER.name, said)
    member = member_of(account, {assumed.HOOK_CUSTOMER.name: body})
    return member if isinstance(member, Member) and assumed.HOOK_TIER_NOW.name in member.body else None


def _now(account: Account, member: Member, told: dict[str, Any]) -> dict[str, Any]:
    tier = tier_of(account, member.body[assumed.HOOK_TIER_NOW.name])
    at = max(member.at, told["source_time"])
    now = {"source_time": at, "points_balance": whole(member.body.get(assumed.BALANCE.name))}
    if same(tier, Tier(told["tier_id"], told["tier_name"])):
        ends = said_expiry(account, (member.body.get(assumed.HOOK_TIER_NOW.name), member.body))
        return now | ({"tier_expiry": ends} if ends else {})
    since = at.astimezone(account.connection.timezone).date()
    ends = ends_on(account, member, {}, since) if tier.id or tier.name else None
    before = {"old_tier_id": "", "old_tier_name": "", "old_tier_rank": None}
    names = {"tier_id": tier.id, "tier_name": tier.name, "tier_rank": tier.rank, "tier_join_date": since}
    return now | before | names | {"kind": "snapshot", "tier_expiry": ends}


def _before(told: dict[str, Any]) -> Tier:
    return Tier(told["old_tier_id"], told["old_tier_name"])


def same(one: Tier, other: Tier) -> bool:
    """Are both the same tier? By id where both have one."""
    return one.id == other.id if one.id and other.id else one.name == other.name


# -- redemptions ------------------------------------------------------------------------------------------------------


def _redeemed(account: Account, member: Member, told: Json, source: Source) -> Read:
    identity, points = _text(told, assumed.HOOK_ID), whole(told.get(assumed.HOOK_POINTS.name))
    if not identity:
        return Refused("a redemption without id")
    values = {
        **member.names(),
        "kind": "redemption",
        "redemption_id": identity,
        "redemption_text": _text(told, assumed.HOOK_COUPON),
        "redeemed_at": member.at,
        "option_id": _text(told, assumed.HOOK_RULE),
        "option_name": _text(told, assumed.HOOK_ACTION),
        "option_type": _text(told, assumed.HOOK_REWARD_TYPE),
        "points": None if points is None else abs(points),
    }
    return (member.event("rewards", record(account, "rewards", values, source))._replace(object=identity),)


def whole(said: object) -> int | None:
    """A number of points, None for what is none."""
    return said if isinstance(said, int) and not isinstance(said, bool) and abs(said) < TOO_MANY else None


def _number(said: object) -> int | None:
    """A threshold comes as text without a unit; what is no number is nothing."""
    try:
        number = Decimal(str(said))
    except InvalidOperation:
        return None
    return int(number) if number.is_finite() and abs(number) < TOO_MANY else None
