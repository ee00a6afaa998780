"""Compare the tier of every customer who changed since the last night with what was seen of them then.

The order of Clearer's list is not stable between calls (developer.influence.io/reference, "List customers"), so nothing
is made of it. What changes the points or the tier changes `updatedAt`; whoever did not change stands as they stood.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from consumers.clearer import assumed, requests
from consumers.clearer.errors import judge
from consumers.clearer.webhook import Member, ends_on, member_of, said_expiry, tier_of, whole
from consumers.engine.outcome import Refusal
from consumers.engine.sink import Account
from consumers.engine.wire import Json, Plan, ask, under
from consumers.polls import Known, Look, Poll, Told, cursor, listed, nightly
from consumers.refusals import something_else
from consumers.standings import Standing, compared, load, short

OVERLAP = timedelta(hours=1)


def look(account: Account, position: Json, now: datetime, known: Known) -> Plan[Look | Refusal]:
    """One page of the customers changed since the last comparison began; at first sight of all."""
    place = {"since": "", "begun": "", **(position or {})}
    here, begun = cursor(place, now), place["begun"] or now.astimezone(UTC).isoformat()
    answer = yield from ask(requests.changed_customers(place["since"], here))
    if not answer.ok:
        return judge(answer)
    customers = listed(answer.json(), assumed.LISTED.name)
    if customers is None:
        return something_else("Clearer", "customers")
    found = (member_of(account, {assumed.HOOK_CUSTOMER.name: one}) for one in customers)
    read = tuple(told(account, one, known) for one in found if isinstance(one, Member))
    further = under(answer.json()).get(assumed.NEXT.name)
    if customers and isinstance(further, str) and further not in ("", here):
        return Look(read, {**place, "begun": begun, "cursor": further, "at": now.isoformat()}, more=True)
    since = datetime.fromisoformat(begun) - OVERLAP
    return Look(read, {"since": since.isoformat(timespec="milliseconds").replace("+00:00", "Z")})


def told(account: Account, member: Member, known: Known) -> Told:
    """What became of one customer."""
    tier = tier_of(account, member.body.get(assumed.HOOK_TIER_NOW.name))
    balance = whole(member.body.get(assumed.BALANCE.name))
    about = {**member.names(), "points_balance": balance, "tier_rank": tier.rank}
    before = load(known(short(about)))
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


POLL = Poll("clearer-comparison", "tiers", nightly, look)
