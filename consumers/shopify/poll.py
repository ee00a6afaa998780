"""Compare the shop's customers with what was seen of them the night before: a webhook may be lost.

The customers changed since are searched for; what differs becomes the same events as the webhooks'. The search lags
behind writes by seconds, and looks overlap by an hour.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from consumers.engine.outcome import Refusal
from consumers.engine.sink import Account
from consumers.engine.wire import Json, Plan, under
from consumers.marketing import CHANNELS
from consumers.polls import Known, Look, Poll, Told, cursor, nightly
from consumers.refusals import something_else
from consumers.shopify import requests
from consumers.shopify.errors import payload, trouble
from consumers.shopify.events import of_consent, of_customer
from consumers.shopify.found import Found, found
from consumers.shopify.speak import speak
from tillstream.mapping.transforms import utc_time

OVERLAP = timedelta(hours=1)
FIRST = timedelta(days=2)
"""How far the first look goes back: what was before is no news to anybody."""


def look(account: Account, position: Json, now: datetime, known: Known) -> Plan[Look | Refusal]:
    """One page of the customers changed since the last comparison began."""
    place = {"since": utc_time(now - FIRST), "begun": "", **(position or {})}
    here, begun = cursor(place, now), place["begun"] or utc_time(now)
    answer = yield from speak(account, requests.changed(f"updated_at:>='{place['since']}'", here or None))
    if (refusal := trouble(answer)) is not None:
        return refusal
    page = payload(answer)
    if not isinstance(page.get("nodes"), list):
        return something_else("Shopify", "customers")
    listed = [one for one in map(found, page["nodes"]) if one is not None]
    read = tuple(told(account, one, now, known) for one in listed)
    info = under(page, "pageInfo")
    further = info.get("endCursor") if info.get("hasNextPage") else None
    if further and further != here:
        return Look(read, {**place, "begun": begun, "cursor": further, "at": now.isoformat()}, more=True)
    return Look(read, {"since": utc_time(datetime.fromisoformat(begun) - OVERLAP)})


def told(account: Account, customer: Found, now: datetime, known: Known) -> Told:
    """What became of one customer: an event for each thing that is not as it was seen last."""
    if not customer.email:
        return Told(none="no_email")
    before = known(customer.id).split(" ")
    marks = [_mark(customer[:6], customer.person, customer.place), *(_mark(customer.standing[c]) for c in CHANNELS)]
    source = ("comparison", " ".join(marks).encode())
    events = [of_customer(account, customer, now, source)] if before[0] != marks[0] else []
    for event in of_consent(account, customer, now, source):
        said = next(n for n, channel in enumerate(CHANNELS, start=1) if event.record[f"{channel}_opt_in"] is not None)
        if before[said : said + 1] != [marks[said]]:
            events.append(event)
    if before == marks:
        return Told(none="unchanged")
    remember = {customer.id: " ".join(marks)}
    return Told(tuple(events), "" if events else "unchanged", remember)


def _mark(*said: object) -> str:
    """By which it is known whether something changed."""
    return hashlib.blake2b(repr(said).encode(), digest_size=6).hexdigest()


POLL = Poll("shopify-comparison", "customers", nightly, look)
