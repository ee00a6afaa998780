"""Compare the tier of every customer who changed since the last night with what was seen of them then.

The order of Clearer's list is not stable between calls (developer.influence.io/reference, "List customers"), so nothing
is made of it. What changes the points or the tier changes `updatedAt`; whoever did not change stands as they stood.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

from consumers.clearer import assumed, requests
from consumers.clearer.errors import LATER, judge
from consumers.clearer.webhook import Member, ends_on, member_of, said_expiry, tier_of, whole
from consumers.engine.outcome import RetryLater
from consumers.engine.sink import Account
from consumers.engine.wire import Json, Plan, ask
from consumers.polls import Known, Look, Poll, Refusal, Told, cursor, nightly
from consumers.standings import Standing, compared, load, short

OVERLAP = timedelta(hours=1)


def look(account: Account, position: Json, now: datetime, known: Known) -> Plan[Look | Refusal]:
    """One page of the customers changed since the last comparison began; at first sight of all."""
    place = {"since": "", "begun": "", **(position or {})}
    here, begun = cursor(place, now), place["begun"] or now.astimezone(UTC).isoformat()
    answer = yield from ask(requests.changed_customers(place["since"], here))
    if not answer.ok:
        return judge(answer)
    body = answer.json()
    customers = listed(body)
    if customers is None:
        return RetryLater(LATER, "Clearer answered something else than customers")
    found = (member_of(account, {assumed.HOOK_CUSTOMER.name: one}) for one in customers)
    read = tuple(told(account, one, known) for one in found if isinstance(one, Member))
    further = body.get(assumed.NEXT.name) if isinstance(body, dict) else None
    if customers and isinstance(further, str) and further not in ("", here):
        return Look(read, {**place, "begun": begun, "cursor": further, "at": now.isoformat()}, more=True)
    since = datetime.fromisoformat(begun) - OVERLAP
    return Look(read, {"since": since.isoformat(timespec="milliseconds").replace("+00:00", "Z")})


def listed(body: Json) -> Sequence[Json] | None:
    """The customers of a page; None for what is no list."""
    found = body.get(assumed.LISTED.name) if isinstance(body, dict) else body
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else None


def told(account: Account, member: Member, known: Known) -> Told:
    """What became of one customer."""
    about = {**member.names(), "points_balance": whole(member.body.get(assumed.BALANCE.name))}
    before, tier = load(known(short(about))), tier_of(member.body.get(assumed.HOOK_TIER_NOW.name))
    now = Standing(tier.id, tier.name, tier.rank, pulse=member.at.isoformat())
    return compared(account, known, now._replace(ends=_ends(account, member, before, now)), about)


def _ends(account: Account, member: Member, before: Standing | None, now: Standing) -> str:
    """What Clearer says, should it ever; else what is known of a tier that goes on; else by the merchant's rule, from
    the day of the last change, since when a tier began is not said either."""
    if not (now.tier_id or now.tier_name):
        return ""
    said = said_expiry(account, (member.body.get(assumed.HOOK_TIER_NOW.name), member.body))
    if said is None and before is not None and before.same_tier(now):
        return before.ends
    found = said or ends_on(account, member, {}, member.at.astimezone(account.connection.timezone).date())
    return found.isoformat() if found else ""


def every(settings: Any) -> time | None:
    """The merchant's `compare`."""
    return nightly(settings.compare)


POLL = Poll("clearer-comparison", "tiers", every, look)
