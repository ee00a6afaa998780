"""Compare every customer's tier and its end with what was seen the night before.

Yotpo lists customers by their last change, but a merchant who changes the term of tiers moves every expiry without any
change of a customer (support.yotpo.com, "Loyalty & Referrals: VIP tiers"), so the whole list is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any

from consumers.engine.outcome import RetryLater
from consumers.engine.sink import Account
from consumers.engine.wire import Json, Plan, ask
from consumers.polls import Known, Look, Poll, Refusal, Told, cursor, nightly
from consumers.standings import Standing, compared
from consumers.yotpo import requests
from consumers.yotpo.errors import LATER, judge
from consumers.yotpo.reading import standing, text, whole

PULSE = ("vip_tier_entry_date", "points_earned", "total_spend_cents", "total_purchases")

Tiers = Mapping[str, Sequence[Any]]
"""A tier's name -> its id, and what must be spent for it (cents; None: not said); JSON, kept from page to page."""


def look(account: Account, position: Json, now: datetime, known: Known) -> Plan[Look | Refusal]:
    """One page of the customers; `now` is when what it says was true at the latest."""
    place = position or {}
    here, names = cursor(place, now), place.get("tiers")
    if names is None:
        listed = yield from ask(requests.read_tiers())
        if not listed.ok:
            return judge(listed)
        if not isinstance(listed.json(), list):
            return RetryLater(LATER, "Yotpo answered something else than tiers")
        names = tiers(listed.json())
    answer = yield from ask(requests.recent_customers(here))
    if not answer.ok:
        return judge(answer)
    body = answer.json()
    listed_here = customers(body)
    if listed_here is None:
        return RetryLater(LATER, "Yotpo answered something else than customers")
    read = tuple(_told(account, customer, names, known, now) for customer in listed_here)
    further = next_page(body)
    if read and further not in ("", here):
        return Look(read, {"cursor": further, "at": now.isoformat(), "tiers": names}, more=True)
    return Look(read, {"cursor": ""})


def _told(account: Account, customer: Json, names: Tiers, known: Known, now: datetime) -> Told:
    about = {**standing(customer), "origin": "yotpo", "source_time": now}
    if not about["email"]:
        return Told(none="no_email")
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


def customers(body: Json) -> Sequence[Json] | None:
    """The customers of a page; the name of the list is nowhere said, so a bare list is taken as well. None: no list."""
    found = body.get("customers") if isinstance(body, dict) else body
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else None


def next_page(body: Json) -> str:
    """The cursor of the next page, "" after the last."""
    told = body.get("metadata") if isinstance(body, dict) else None
    return text(told.get("next_page_info")) if isinstance(told, dict) else ""


def every(settings: Any) -> time | None:
    """The merchant's `compare`."""
    return nightly(settings.compare)


POLL = Poll("yotpo-comparison", "tiers", every, look)
