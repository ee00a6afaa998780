"""Compare every customer's tier and its end with what was seen the night before.

Yotpo lists customers by their last change, but a merchant who changes the term of tiers moves every expiry without any
change of a customer (support.yotpo.com, "Loyalty & Referrals: VIP tiers"), so the whole list is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from consumers.engine.outcome import Refusal
from consumers.engine.sink import Account
from consumers.engine.wire import Json, Plan, ask, objects, under
from consumers.polls import Known, Look, Poll, Told, cursor, listed, nightly
from consumers.refusals import something_else
from consumers.standings import Standing, compared
from consumers.webhooks import text
from consumers.yotpo import requests
from consumers.yotpo.errors import judge
from consumers.yotpo.reading import standing, whole

PULSE = ("vip_tier_entry_date", "points_earned", "total_spend_cents", "total_purchases")

Tiers = Mapping[str, Sequence[Any]]
"""A tier's name -> its id, and what must be spent for it (cents; None: not said); JSON, kept from page to page."""


def look(account: Account, position: Json, now: datetime, known: Known) -> Plan[Look | Refusal]:
    """One page of the customers; `now` is when what it says was true at the latest."""
    place = position or {}
    here, names = cursor(place, now), place.get("tiers")
    if names is None:
        told = yield from ask(requests.read_tiers())
        if not told.ok:
            return judge(told)
        if not isinstance(told.json(), list):
            return something_else("Yotpo", "tiers")
        names = tiers(told.json())
    answer = yield from ask(requests.recent_customers(here))
    if not answer.ok:
        return judge(answer)
    customers = listed(answer.json(), "customers")  # the name of the list is nowhere said
    if customers is None:
        return something_else("Yotpo", "customers")
    read = tuple(_told(account, customer, names, known, now) for customer in customers)
    further = next_page(answer.json())
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
    return {text(tier.get("name")): [text(tier.get("id")), _spend(tier)] for tier in objects(body)}


def _spend(tier: Json) -> int | None:
    return whole(under(tier, "entry_threshold").get("cents"))


def next_page(body: Json) -> str:
    """The cursor of the next page, "" after the last."""
    return text(under(body, "metadata").get("next_page_info"))


POLL = Poll("yotpo-comparison", "tiers", nightly, look)
