"""Compare a rewards account with the snapshot before it: what was issued, redeemed or lapsed, and did the tier change?

No Klaviyo in here. Every reward is issued at most once and ends at most once, whatever an export says later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from consumers.engine.wire import Json

MOST_ENDED = 200
"""So many ended rewards of an account are kept in mind, so that one that comes back makes no second event."""
NOTHING = Decimal(0)

Record = Mapping[str, Any]
What = Literal["reward_issued", "reward_redeemed", "reward_expired"]


class Reward(NamedTuple):
    """A reward as it was when last seen; `reward_available` is what was left of it."""

    reward_id: str
    reward_description: str = ""
    reward_total: Decimal | None = None
    reward_available: Decimal | None = None
    reward_created: datetime | None = None
    reward_expiry: date | None = None

    @property
    def spent(self) -> bool:
        """Is nothing left of it?"""
        return self.reward_available is not None and self.reward_available <= NOTHING


class Tier(NamedTuple):
    """The tier of an account; no id = none. `sequence` is its place in the ladder, None where no tiers file said."""

    id: str = ""
    name: str = ""
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is remembered of an account: when AP21 last changed it, its tier, its rewards, and which have ended."""

    updated: datetime
    tier: Tier
    open: Mapping[str, Reward] = field(default_factory=dict)
    ended: tuple[str, ...] = ()


class Happened(NamedTuple):
    """Something that happened to a reward: when, how much money it is about (None: not said), and the end of its id."""

    what: What
    reward: Reward
    at: datetime
    amount: Decimal | None
    suffix: str


class Climbed(NamedTuple):
    """The account came to another tier."""

    before: Tier
    now: Tier
    at: datetime


class Compared(NamedTuple):
    """What a snapshot says beside the one before it, and what is to be remembered of it."""

    rewards: tuple[Happened, ...]
    tier: Climbed | None
    after: Snapshot


def first(record: Record) -> Snapshot:
    """An account that nothing was known of: all that it holds is as it always was."""
    return Snapshot(record["source_time"], tier_of(record), {reward.reward_id: reward for reward in rewards_of(record)})


def opened(record: Record) -> Snapshot:
    """How an account was before its first snapshot, if it was opened after the one before."""
    return Snapshot(record["source_time"], tier_of(record))


def compare(before: Snapshot, record: Record) -> Compared:
    """A complete snapshot beside the one before it."""
    at = _moment(before, record)
    zone = ZoneInfo(record["zone"] or "UTC")
    now = {reward.reward_id: reward for reward in rewards_of(record) if reward.reward_id not in before.ended}
    names = sorted(now.keys() | before.open.keys(), key=lambda name: (len(name), name))
    happened = [one for name in names for one in _story(before.open.get(name), now.get(name), at, zone)]
    over = {one.reward.reward_id for one in happened if one.reward.spent or one.what == "reward_expired"}
    still = {name: _kept(before.open.get(name), reward) for name, reward in now.items() if name not in over}
    gone = [name for name in names if name not in still]
    tier = tier_of(record)
    after = Snapshot(record["source_time"], tier, still, (*before.ended, *gone)[-MOST_ENDED:])
    return Compared(tuple(happened), Climbed(before.tier, tier, at) if tier.id != before.tier.id else None, after)


def _moment(before: Snapshot, record: Record) -> datetime:
    """When it happened: when AP21 last changed the account, or, where it did not since, when the snapshot was taken."""
    updated: datetime = record["source_time"]
    taken: datetime | None = record["file_time"]
    return updated if updated > before.updated or taken is None else max(updated, taken)


def _story(was: Reward | None, now: Reward | None, at: datetime, zone: ZoneInfo) -> Iterator[Happened]:
    """What happened to one reward between two snapshots."""
    if was is None and now is not None:
        yield Happened("reward_issued", now, now.reward_created or at, now.reward_total, "issued")
        was = now._replace(reward_available=now.reward_total)
    if was is None or was.spent:
        return
    if now is None:
        yield _ended(was, at, zone)
        return
    before, left = was.reward_available, now.reward_available
    if before is not None and left is not None and left < before:
        yield _redeemed(now, at, before - left)


def _ended(was: Reward, at: datetime, zone: ZoneInfo) -> Happened:
    """Gone after its last day: it lapsed. Gone before: it was spent."""
    left = was.reward_available if was.reward_available is not None else was.reward_total
    if was.reward_expiry is not None and at.astimezone(zone).date() > was.reward_expiry:
        lapsed = datetime.combine(was.reward_expiry + timedelta(days=1), time(), zone) - timedelta(seconds=1)
        return Happened("reward_expired", was, lapsed, left, "expired")
    return _redeemed(was._replace(reward_available=NOTHING), at, left)


def _redeemed(now: Reward, at: datetime, amount: Decimal | None) -> Happened:
    return Happened("reward_redeemed", now, at, amount, f"redeemed-{now.reward_available:.2f}")


def _kept(was: Reward | None, now: Reward) -> Reward:
    """What an export does not say of a reward any more stays as it was said."""
    if was is None or now.reward_available is not None:
        return now
    return now._replace(reward_available=was.reward_available)


def tier_of(record: Record) -> Tier:
    """The account's tier."""
    return Tier(record["tier_id"], record["tier_name"], record["tier_sequence"])


def rewards_of(record: Record) -> list[Reward]:
    """The account's open rewards."""
    return [Reward(*(reward[name] for name in Reward._fields)) for reward in record["rewards"]]


def direction(before: int | None, now: int | None) -> str:
    """Up or down the ladder, as far as both places are known.

    >>> direction(1, 2), direction(2, 1), direction(None, 2)
    ('up', 'down', '')
    """
    if before is None or now is None or before == now:
        return ""
    return "up" if now > before else "down"


# -- as it is remembered ------------------------------------------------------------------------------------------


def dump(snapshot: Snapshot) -> dict[str, Json]:
    """For the account: everything but the rewards themselves, which are remembered one by one."""
    return {
        "updated": snapshot.updated.isoformat(),
        "tier": list(snapshot.tier),
        "open": list(snapshot.open),
        "ended": list(snapshot.ended),
    }


def load(told: Mapping[str, Json], rewards: Mapping[str, Json]) -> Snapshot:
    """What `dump` and `dump_reward` made."""
    kept = {name: load_reward(name, rewards[name]) for name in told["open"] if rewards.get(name)}
    return Snapshot(datetime.fromisoformat(told["updated"]), Tier(*told["tier"]), kept, tuple(told["ended"]))


def dump_reward(reward: Reward) -> Json:
    """One reward, without its id."""
    return [None if said is None else str(said) for said in reward[1:]]


def load_reward(name: str, told: Json) -> Reward:
    """What `dump_reward` made."""
    description, total, available, created, expiry = told
    return Reward(
        name,
        description,
        Decimal(total) if total is not None else None,
        Decimal(available) if available is not None else None,
        datetime.fromisoformat(created) if created else None,
        date.fromisoformat(expiry) if expiry else None,
    )
