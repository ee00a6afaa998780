"""Compare every customer's tier and its end with what was seen the night before.

Yotpo lists customers by their last change, but a merchant who changes the term of tiers moves every expiry without any
change of a customer (support.yotpo.com, "Loyalty & Referrals: VIP tiers"), so the whole list is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time
from typing import Any

from consumers.engine.sink import Account
from consumers.engine.wire import Json, Plan, ask
from consumers.polls import Known, Look, Poll, Refusal, Told, nightly
from consumers.standings import Standing, compared
from consumers.yotpo import requests
from consumers.yotpo.errors import judge
from consumers.yotpo.reading import standing, text, whole

PULSE = ("vip_tier_entry_date", "points_earned", "total_spend_cents", "total_purchases")

Tiers = Mapping[str, Sequence[Any]]
"""A tier's name -> its id, and what must be spent for it (cents; None: not said); JSON, kept from page to page."""


def look(account: Account, position: Json, now: datetime, known: Known) -> Plan[Look | Refusal]:
    """One page of the customers; `now` is when what it says was true at the latest."""
    place = {"cursor": "", "tiers": None, **(position or {})}
    cursor, names = place["cursor"], place["tiers"]
    if names is None:
        listed = yield from ask(requests.read_tiers())
        if not listed.ok:
            return judge(listed)
        names = tiers(listed.json())
    answer = yield from ask(requests.recent_customers(cursor))
    if not answer.ok:
        return judge(answer)
    body, read = answer.json(), list[Told]()
    for customer in customers(body):
        about = standing(customer)
        if about["email"]:
            read.append(_told(account, customer, {**about, "origin": "yotpo", "source_time": now}, names, known))
    further = next_page(body)
    if read and further not in ("", cursor):
        return Look(tuple(read), {"cursor": further, "tiers": names}, more=True)
    return Look(tuple(read), {"cursor": ""})


def _told(account: Account, customer: Json, about: dict[str, Any], names: Tiers, known: Known) -> Told:
    tier, (tier_id, spend) = about["tier_name"], names.get(about["tier_name"], ("", None))
    ends = about["tier_expiry"].isoformat() if tier and about["tier_expiry"] else ""
    pulse = "|".join(text(customer.get(name)) for name in PULSE)
    return compared(account, known, Standing(tier_id, tier, spend, ends, pulse), about)


def tiers(body: Json) -> Tiers:
    """The tiers of the account by name."""
    listed = [tier for tier in body if isinstance(tier, dict)] if isinstance(body, list) else []
    return {text(tier.get("name")): [text(tier.get("id")), _spend(tier.get("entry_threshold"))] for tier in listed}


def _spend(threshold: Json) -> int | None:
    return whole(threshold.get("cents")) if isinstance(threshold, dict) else None


def customers(body: Json) -> Iterator[Json]:
    """The customers of a page; the name of the list is nowhere said, so a bare list is taken as well."""
    found = body.get("customers") if isinstance(body, dict) else body
    yield from (one for one in (found if isinstance(found, list) else ()) if isinstance(one, dict))


def next_page(body: Json) -> str:
    """The cursor of the next page, "" after the last."""
    told = body.get("metadata") if isinstance(body, dict) else None
    return text(told.get("next_page_info")) if isinstance(told, dict) else ""


def every(settings: Any) -> time | None:
    """The merchant's `compare`."""
    return nightly(settings.compare)


POLL = Poll("yotpo-comparison", "tiers", every, look)
