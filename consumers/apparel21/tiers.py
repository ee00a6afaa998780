"""Bring a tier of the loyalty platform to the person in Apparel21, in every place the merchant agreed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from consumers import policies
from consumers.apparel21 import accounts
from consumers.apparel21.people import Written, find, unseen, write, zone_of
from consumers.apparel21.person import Code, LoyaltyRecord, Wish, identity, loyalty
from consumers.apparel21.settings import Apparel21Settings, Loyalty
from consumers.apparel21.templates import filled, forms
from consumers.apparel21.xml import Element
from consumers.engine.outcome import (
    Delivered,
    Misconfigured,
    Outcome,
    Refusal,
    Rejected,
    RetryLater,
    Skipped,
    Superseded,
    Unchanged,
)
from consumers.engine.sink import Account, Item, Work, body_hash, newest, saw
from consumers.engine.wire import Json, Plan

MEMORY, WAITING = "tier", "unseen/tiers"
NO_TIER = ""


class Plans(NamedTuple):
    """What is to be written: on the person, and (None: nothing) on the rewards account."""

    wishes: Sequence[Wish]
    account: accounts.Said | None = None


def tiers(account: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """One person's tier. Of several changes the newest by its own time counts, whenever it came."""
    return [(yield from _tier(account, works[0]))]


def _tier(account: Account, work: Work) -> Plan[Outcome]:
    from_platforms = [item for item in work.items if not policies.origin(item.record, policies.LOYALTY)]
    if not from_platforms:
        return Skipped("origin")
    item = max(from_platforms, key=lambda one: one.order)
    memory = item.known(MEMORY) or {}
    if item.order < newest(memory):
        return Superseded({WAITING: None})
    if not memory and item.record["kind"] == "snapshot" and not item.record["tier_name"]:
        return Unchanged()
    said = account.tables["apparel21.tier"].apply(item.record)
    if memory.get("body") == body_hash(said) and not item.forced:
        return Unchanged({MEMORY: saw(memory, item, account.version)})
    return (yield from _deliver(account, item, memory, said))


def _deliver(account: Account, item: Item, memory: Mapping[str, Json], said: Json) -> Plan[Outcome]:
    plans = yield from planned(account, item, said)
    if not isinstance(plans, Plans):
        return plans
    person = yield from find(account, item, str(memory.get("person", "")), cards=_cards(account.settings))
    if person is None:
        return unseen(account, item, WAITING)
    if not isinstance(person, Element):
        return person
    done = yield from _write(account, person, plans)
    if not isinstance(done, Written):
        return done
    known = {"person": identity(person), "body": body_hash(said), "seen": memory.get("seen", {})}
    noted = saw(known, item, account.version)
    return Delivered(
        {MEMORY: noted, WAITING: None},
        status=done.status,
        call="PUT /Persons" if done.calls else "GET /Persons",
        note="" if done.calls else "Apparel21 had it already",
    )


def _cards(settings: Apparel21Settings) -> bool:
    return "custom_data" in settings.tier


def _write(account: Account, person: Element, plans: Plans) -> Plan[Written | Refusal]:
    missing = _no_record(account.settings, person)
    if missing is not None:
        return missing
    on_person = yield from write(account, person, plans.wishes)
    if plans.account is None or not isinstance(on_person, Written):
        return on_person
    on_account = yield from accounts.set_tier(account, person, plans.account)
    if not isinstance(on_account, Written):
        return on_account
    return Written(on_person.calls + on_account.calls, on_account.status)


def _no_record(settings: Apparel21Settings, person: Element) -> Rejected | None:
    """A message needs a record to stand on."""
    place = settings.loyalty if "loyalty" in settings.tier else None
    if place is None or not place.message or place.type or loyalty(person, LoyaltyRecord(())) is not None:
        return None
    told = "the person has not exactly one loyalty record to carry the message; loyalty.type says which one it is to be"
    return Rejected("no_loyalty", told)


# -- what is to be written ------------------------------------------------------------------------------------------


def planned(account: Account, item: Item, said: Json) -> Plan[Plans | Refusal]:
    """The tier in every agreed place. One place that does not know it, and nothing is written anywhere."""
    settings: Apparel21Settings = account.settings
    unknown = _unknown(settings, said)
    if unknown is not None:
        return unknown
    wishes: list[Wish] = []
    on_account: accounts.Said | None = None
    for place in dict.fromkeys(settings.tier):
        match place:
            case "custom_data":
                fields = yield from _fields(account, said.get("custom_data", {}))
                if isinstance(fields, Misconfigured | Rejected | RetryLater):
                    return fields
                wishes += fields
            case "reference":
                wishes.append(_code(settings, said.get("reference", {})))
            case "loyalty":
                at = item.record["source_time"].astimezone(zone_of(account))
                wishes.append(_record(settings.loyalty or Loyalty(message=True), said.get("loyalty", {}), at))
            case "rewards_account":
                on_account = _account(settings, said.get("rewards_account", {}))
    return Plans(wishes, on_account)


def codes(settings: Apparel21Settings) -> dict[str, Mapping[str, int]]:
    """Every agreed place that has an id for each tier, with those ids."""
    named: dict[str, Mapping[str, int]] = {}
    if settings.reference:
        named["reference"] = settings.reference.codes
    if settings.loyalty and settings.loyalty.types:
        named["loyalty"] = settings.loyalty.types
    if settings.rewards_account:
        named["rewards_account"] = settings.rewards_account.tiers
    return {place: ids for place, ids in named.items() if place in settings.tier}


def _unknown(settings: Apparel21Settings, said: Json) -> Rejected | None:
    """A tier that a place has no code for is told, and never made."""
    for place, ids in codes(settings).items():
        tier = said.get(place, {}).get("tier", NO_TIER)
        if tier and _id(ids, tier) is None:
            return Rejected("unknown_tier", f"{place} in the settings names no id for the tier {str(tier)[:40]!r}")
    return None


def _id(ids: Mapping[str, int], tier: str) -> int | None:
    return {name.casefold(): one for name, one in ids.items()}.get(str(tier).casefold())


def _fields(account: Account, said: Mapping[str, Any]) -> Plan[Sequence[Wish] | Refusal]:
    """The fields of the card. A tier that its list does not have is told, and never made."""
    place = account.settings.custom_data
    known = yield from forms(account, place.card)
    if not isinstance(known, Mapping):
        return known
    values = {place.tier: said.get("tier", ""), place.expiry: said.get("expiry", "")}
    if "points" in said:
        values[place.points] = said["points"]
    wishes: list[Wish] = []
    for label, value in values.items():
        if label:
            wish = filled(known, place.card, label, str(value))
            if isinstance(wish, Misconfigured):
                return wish
            wishes.append(wish)
    allowed = known[place.tier].values
    tier = values[place.tier]
    if tier and allowed is not None and tier not in allowed:
        return Rejected("unknown_tier", f"the field {place.tier!r} of the card has no value {str(tier)[:40]!r}")
    return wishes


def _code(settings: Apparel21Settings, said: Mapping[str, Any]) -> Wish:
    place = settings.reference
    assert place is not None  # noqa: S101  # settings without it are refused
    return Code(place.type, _id(place.codes, said.get("tier", NO_TIER)) or 0)


def _record(place: Loyalty, said: Mapping[str, Any], at: datetime) -> Wish:
    """The loyalty record; without a tier it ends on the day on which the tier was lost (`at`, by Apparel21's clock)."""
    tier = said.get("tier", NO_TIER)
    values = {"Expiry": said.get("Expiry", "")}
    if "Balance" in said:
        values["Balance"] = str(said["Balance"])
    if place.message:
        values["Message"] = said.get("Message", "")
        named = {"LoyaltyTypeId": str(place.type)} if place.type else {}
        return LoyaltyRecord((place.type,) if place.type else (), {**named, **values})
    number = _id(place.types, tier)
    types = tuple(place.types.values())
    if number is None:
        return LoyaltyRecord(types, {**values, "Expiry": f"{at:%Y-%m-%d}"})
    return LoyaltyRecord(types, {"LoyaltyTypeId": str(number), **values})


def _account(settings: Apparel21Settings, said: Mapping[str, Any]) -> accounts.Said | None:
    """Tier and lock date; None where no tier is left and the program has none for that."""
    place = settings.rewards_account
    assert place is not None  # noqa: S101  # settings without it are refused
    number = _id(place.tiers, said.get("tier", NO_TIER))
    if number is None:
        return None
    locked = said.get("TierLockedUntilDate")
    return {"TierId": str(number), **({"TierLockedUntilDate": locked} if locked else {})}
