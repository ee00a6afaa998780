"""Bring rewards to Klaviyo: accounts as properties, what happened to their rewards and tier as events, redemptions.

A snapshot is compared with the one before it. The first one of an account is silent, unless the account was opened
since the snapshot before: then all that it holds is news. A snapshot that is not complete (a row of the account was
rejected) makes no events, and the next one is compared with what was known before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from consumers import policies
from consumers.engine.outcome import Outcome, Skipped, Superseded, Unchanged
from consumers.engine.sink import Account, Item, Work, saw, seen
from consumers.engine.wire import Json, Plan
from consumers.klaviyo import snapshots
from consumers.klaviyo.luggage import accounts_of, carried
from consumers.klaviyo.news import News, address_now, bring, properties
from consumers.klaviyo.snapshots import Climbed, Compared, Happened, Snapshot

Record = Mapping[str, Any]


def rewards(account: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """Accounts, redemptions and what else comes on the topic; each is looked at by itself."""
    news = [_open(account, work.last) for work in works]
    return (yield from bring(account, news))


def _open(account: Account, item: Item) -> News:
    """What is to be sent of a record; its outcome at once where nothing is."""
    memory = item.known(memory_of(item)) or {}
    early = _early(account, item, memory)
    if early is not None:
        return News(item, outcome=early)
    if item.record["kind"] == "redemption":
        return _redemption(account, item)
    return _account(account, item, memory)


def memory_of(item: Item) -> str:
    """Under which name an account is remembered."""
    return f"account/{item.object}"


def _early(account: Account, item: Item, memory: Mapping[str, Json]) -> Outcome | None:
    """An account that says what it said before is passed over without being read."""
    known = seen(memory, item)
    fresh = item.forced or not item.content or memory.get("tables") != account.version
    if known and known[0] == item.content and not fresh:
        newer = known[1] < item.order
        return Unchanged({memory_of(item): saw(memory, item, account.version)} if newer else {})
    policy = _policy(item)
    if policy:
        return Skipped(policy)
    return Superseded() if known and item.order < known[1] else None


def _policy(item: Item) -> policies.Policy:
    record = item.record
    kind = record["kind"]
    if kind in ("gift_card", "points_back"):
        return str(kind)
    told = policies.origin(record, policies.LOYALTY if kind == "redemption" else (policies.FILE,))
    return told or policies.no_email(item.key) or _refused(record)


def _refused(record: Record) -> policies.Policy:
    return "not_approved" if record["kind"] == "redemption" and record["approved"] is False else None


# -- accounts -------------------------------------------------------------------------------------------------------


def _account(account: Account, item: Item, memory: Mapping[str, Json]) -> News:
    record = item.record
    email, moved = address_now(item)
    news = News(item, email)
    known: dict[str, Json] = {name: memory[name] for name in ("body", "had") if name in memory}
    before = _recalled(item, memory)
    if not record["bulk"] and not moved:
        news.properties, known = _properties(account, item, memory, email)
    if record["complete"]:
        compared = _compared(before, record, news=bool(memory.get("opened")) or record["newly_joined"])
        if not record["bulk"]:
            news.bodies = _bodies(account, record, email, compared)
        _remember(news, known, before, compared.after, memory)
    else:
        _keep(news, known, memory, opened=bool(record["newly_joined"]) and before is None)
    noted = saw({**news.remember[memory_of(item)], "seen": memory.get("seen", {})}, item, account.version)
    news.remember[memory_of(item)] = noted
    news.remember |= carried(record["person_id"], accounts_of(item, record["person_id"]), item.object)
    if record["bulk"]:
        news.outcome = Skipped("bulk", news.remember)
    return news


def _compared(before: Snapshot | None, record: Record, *, news: bool) -> Compared:
    if before is not None:
        return snapshots.compare(before, record)
    if news:
        return snapshots.compare(snapshots.opened(record), record)
    return Compared((), None, snapshots.first(record))


def _recalled(item: Item, memory: Mapping[str, Json]) -> Snapshot | None:
    if "updated" not in memory:
        return None
    return snapshots.load(memory, {name: item.known(f"reward/{name}") for name in memory["open"]})


def _remember(
    news: News, known: Mapping[str, Json], before: Snapshot | None, after: Snapshot, memory: Mapping[str, Json]
) -> None:
    """The account, each of its rewards that changed, and of those that ended no more than their ids."""
    news.remember[memory_of(news.item)] = {**known, **snapshots.dump(after)}
    was = before.open if before else {}
    for name in memory.get("open", ()):
        if name not in after.open:
            news.remember[f"reward/{name}"] = None
    for name, reward in after.open.items():
        if was.get(name) != reward:
            news.remember[f"reward/{name}"] = snapshots.dump_reward(reward)


def _keep(news: News, known: Mapping[str, Json], memory: Mapping[str, Json], *, opened: bool) -> None:
    """Of a snapshot that is not complete: the properties; rewards and tier stay as they were known."""
    before = {name: memory[name] for name in ("updated", "tier", "open", "ended", "opened") if name in memory}
    news.remember[memory_of(news.item)] = {**before, **known, **({"opened": True} if opened else {})}


def _properties(account: Account, item: Item, memory: Mapping[str, Json], email: str) -> tuple[Json, dict[str, Json]]:
    record = item.record
    ends = [one["reward_expiry"] for one in record["rewards"] if one["reward_available"] != 0 and one["reward_expiry"]]
    known: dict[str, Json] = {"next_expiry": min(ends)} if ends and record["complete"] else {}
    unsaid = () if record["complete"] else ("next_expiry",)
    table = account.tables["klaviyo.reward_profile"]
    values = {**record, "email": email, "known": known}
    return properties(table, values, memory, forced=item.forced, unsaid=unsaid)


# -- events ---------------------------------------------------------------------------------------------------------


def _bodies(account: Account, record: Record, email: str, compared: Compared) -> dict[str, Json]:
    made = {f"{one.reward.reward_id} {one.suffix}": _of_reward(account, record, email, one) for one in compared.rewards}
    if compared.tier is not None:
        made["tier"] = _of_tier(account, record, email, compared.tier)
    return made


def known_of(account: Account, record: Record, metric: str, unique_id: str, at: datetime) -> dict[str, Json]:
    """What every event says beside the record: `metric` is the name of its setting.

    Old news starts no flows. What a fresh snapshot tells is news, also where it was some time ago.
    """
    settings, connection = account.settings, account.connection
    told: dict[str, Json] = {
        "metric": getattr(settings.metrics, metric),
        "unique_id": f"ap21-{connection.name}-{unique_id}",
        "time": at,
        "currency": connection.currency,
    }
    old = account.now() - (record["file_time"] or record["source_time"]) > settings.backfill_after
    return {**told, "backfill": True} if old else told


def _of_reward(account: Account, record: Record, email: str, one: Happened) -> Json:
    known = known_of(account, record, one.what, f"reward-{one.reward.reward_id}-{one.suffix}", one.at)
    values = {**record, "email": email, "reward": one.reward._asdict(), "known": {**known, "amount": one.amount}}
    return account.tables["klaviyo.reward_event"].apply(values)


def _of_tier(account: Account, record: Record, email: str, one: Climbed) -> Json:
    since = record["tier_join_date"].isoformat() if record["tier_join_date"] else ""
    known = known_of(account, record, "rewards_tier", f"tier-{record['account_id']}-{since}-{one.now.id}", one.at)
    known |= {"from": one.before.name, "to": one.now.name, "direction": _direction(one)}
    return account.tables["klaviyo.reward_tier"].apply({**record, "email": email, "known": known})


def _direction(one: Climbed) -> str:
    if not one.now.id:
        return "down"
    return snapshots.direction(one.before.sequence, one.now.sequence) if one.before.id else "up"


# -- redemptions of the loyalty platforms ---------------------------------------------------------------------------


def _redemption(account: Account, item: Item) -> News:
    record = item.record
    email, _ = address_now(item)
    name = f"redemption/{record['origin']}/{record['redemption_id']}"
    if item.known(name):
        return News(item, outcome=Unchanged())
    news = News(item, email, remember={name: {"sent": True}})
    at = record["redeemed_at"] or record["source_time"]
    known = known_of(account, record, "redemption", f"redemption-{record['origin']}-{record['redemption_id']}", at)
    news.bodies = {"redemption": account.tables["klaviyo.redemption"].apply({**record, "email": email, "known": known})}
    return news
