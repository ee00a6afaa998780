"""Bring the loyalty platform's tier to Klaviyo: a state on the profile, and an event where it became another.

What AP21 says of tiers comes with its rewards accounts and stays apart from this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from consumers import policies
from consumers.engine.outcome import Outcome, Skipped, Superseded, Unchanged
from consumers.engine.sink import Account, Item, Work, body_hash, newest, saw
from consumers.engine.wire import Json, Plan
from consumers.klaviyo.news import News, address_now, bring, properties
from consumers.klaviyo.rewards import known_of
from consumers.klaviyo.snapshots import Tier, direction

MEMORY = "loyalty_tier"
Record = Mapping[str, Any]


def tiers(account: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """The tiers of several people; of one person's, told in one go, each that differs is an event."""
    news = [_open(account, work) for work in works]
    return (yield from bring(account, news))


def _open(account: Account, work: Work) -> News:
    taken = [item for item in work.items if not _policy(item)]
    if not taken:
        return News(work.last, outcome=Skipped(_policy(work.last) or "origin"))
    memory: Mapping[str, Json] = work.last.known(MEMORY) or {}
    email, _ = address_now(work.last)
    news = News(work.last, email)
    newer: Item | None = None
    for item in taken:
        if item.order >= newest(memory):
            newer = item
            memory = _heard(account, news, item, memory)
    if newer is None:
        news.outcome = Superseded()
        return news
    values = {**newer.record, "email": email, "known": {}}
    table = account.tables["klaviyo.tier_profile"]
    news.properties, known = properties(table, values, memory, forced=newer.forced)
    news.remember = {MEMORY: {**memory, **known}}
    if news.properties is None and not news.bodies:
        news.outcome = Unchanged(news.remember)
    return news


def _policy(item: Item) -> policies.Policy:
    if item.record["origin"] == policies.FILE:
        return "rewards_file"
    return policies.origin(item.record, policies.LOYALTY) or policies.no_email(item.key)


def _heard(account: Account, news: News, item: Item, memory: Mapping[str, Json]) -> dict[str, Json]:
    """The memory with this tier in it; an event is made where a platform says that it changed, and it is another than
    the one last told. A snapshot tells nothing: what it saw early, a webhook may still tell."""
    record = item.record
    now = Tier(record["tier_id"], record["tier_name"], record["tier_rank"])
    said = Tier(record["old_tier_id"], record["old_tier_name"], record["old_tier_rank"])
    before = Tier(*memory["tier"]) if "tier" in memory else said
    told = Tier(*memory["told"]) if "told" in memory else before if same(said, now) else said
    news_of = record["kind"] != "snapshot" and not same(told, now)
    if news_of:
        was = told if same(before, now) else before
        known = _known(account, record, _ranked(was, said), now)
        values = {**record, "email": news.email, "known": known}
        news.bodies[known["unique_id"]] = account.tables["klaviyo.tier_event"].apply(values)
    return {**saw(memory, item, account.version), "tier": list(now), **({"told": list(now)} if news_of else {})}


def same(one: Tier, other: Tier) -> bool:
    """Are they the same tier? By name, where both have one: not every source says the id.

    >>> same(Tier("6671", "Gold"), Tier("", "gold")), same(Tier("6671", "Gold"), Tier())
    (True, False)
    """
    if one.name and other.name:
        return one.name.casefold() == other.name.casefold()
    return (one.id, one.name) == (other.id, other.name)


def _ranked(before: Tier, said: Tier) -> Tier:
    """The tier before, with its place in the ladder, where this record says it."""
    return before._replace(sequence=said.sequence) if before.sequence is None and same(before, said) else before


def _known(account: Account, record: Record, was: Tier, now: Tier) -> dict[str, Json]:
    unique_id = f"ltier-{record['sha256'] or _own(record)}"
    known = known_of(account, record, "loyalty_tier", unique_id, record["source_time"])
    return known | {"from": was.name, "to": now.name, "direction": _direction(was, now)}


def _own(record: Record) -> str:
    """What stands for the hash of topic and body where no webhook brought it."""
    told = ("customer_id", "email", "tier_id", "tier_name", "source_time")
    return body_hash({name: str(record[name]) for name in told})


def _direction(was: Tier, now: Tier) -> str:
    if not (now.id or now.name):
        return "down"
    return direction(was.sequence, now.sequence) if was.id or was.name else "up"
