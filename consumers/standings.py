"""Compare how a member stands at a loyalty platform with what was seen last: a difference is told as a webhook's is.

A webhook may be lost, and an expiry may move without any. What a comparison remembers is what it saw itself, whatever
webhooks brought meanwhile; the sinks make nothing of what they have already.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from consumers.engine.sink import Account, text_hash
from consumers.polls import BETWEEN, Known, Told
from consumers.webhooks import Event, record, tail


class Standing(NamedTuple):
    """A member's tier ("" for none), the day it ends (ISO 8601, "" where nobody says), and the `pulse`: a text that
    changes whenever they did anything.

    The pulse shows that a tier came and went between two looks: it is told again, in case one of two webhooks was lost.
    """

    tier_id: str = ""
    tier_name: str = ""
    rank: int | None = None
    ends: str = ""
    pulse: str = ""

    def dump(self) -> str:
        """As text for the memory."""
        return BETWEEN.join(("" if value is None else str(value)) for value in self)

    @property
    def expiry(self) -> date | None:
        """The day on which the tier ends."""
        return date.fromisoformat(self.ends) if self.ends else None

    def same_tier(self, other: Standing) -> bool:
        """By id where both have one."""
        if self.tier_id and other.tier_id:
            return self.tier_id == other.tier_id
        return self.tier_name == other.tier_name


def load(text: str) -> Standing | None:
    """What `dump` wrote; None for "".

    >>> load(Standing("3", "Gold", 2, "2027-12-31", "p").dump())
    Standing(tier_id='3', tier_name='Gold', rank=2, ends='2027-12-31', pulse='p')
    """
    if not text:
        return None
    tier_id, name, rank, ends, pulse = text.split(BETWEEN)
    return Standing(tier_id, name, int(rank) if rank else None, ends, pulse)


def kind(before: Standing | None, now: Standing) -> str:
    """Of the event: that of `direction`, or `snapshot` (a state, and no news); "" for none.

    >>> gold, silver, none = Standing("2", "Gold", 2), Standing("1", "Silver", 1), Standing()
    >>> kind(None, gold), kind(None, none), kind(silver, gold), kind(gold, none), kind(gold, gold)
    ('snapshot', '', 'earned', 'lost', '')
    >>> kind(gold, gold._replace(ends="2027-12-31")), kind(gold, gold._replace(pulse="p"))
    ('snapshot', 'snapshot')
    >>> kind(none, none._replace(pulse="p"))
    'snapshot'
    """
    if before is None:
        return "snapshot" if now.tier_name else ""
    if before.same_tier(now):
        return "snapshot" if (before.ends, before.pulse) != (now.ends, now.pulse) else ""
    return direction(before.tier_name, before.rank, now.tier_name, now.rank)


def direction(old: str, old_rank: int | None, new: str, new_rank: int | None) -> str:
    """Of a change from one tier ("" for none) to another: `earned`, `lost`, or `changed` where nobody says which.

    >>> direction("Gold", 2, "Silver", 1), direction("Silver", 1, "Gold", 2), direction("", None, "Gold", None)
    ('lost', 'earned', 'earned')
    >>> direction("Gold", 2, "", None), direction("Gold", 2, "Silver", None)
    ('lost', 'changed')
    """
    if not (old and new):
        return "earned" if new else "lost"
    if old_rank is None or new_rank is None:
        return "changed"
    return "lost" if new_rank < old_rank else "earned"


def short(about: Mapping[str, Any]) -> str:
    """Under which name a member is remembered: the platform's id, else a hash of the address.

    >>> short({"customer_id": "771", "email": "mia@customer.example"})
    '771'
    """
    return about["customer_id"] or f"#{text_hash(about['email'])}"


def compared(account: Account, known: Known, now: Standing, about: Mapping[str, Any]) -> Told:
    """What became of one member. `about`: fields of the `tiers` record, with origin, source_time, email and ids."""
    name, before = short(about), load(known(short(about)))
    remember = {} if before == now else {name: now.dump()}
    found = kind(before, now)
    if not found:
        return Told(none="unchanged", remember=remember)
    old = before if before is not None and not before.same_tier(now) else Standing()
    values = {
        **about,
        "kind": found,
        "tier_id": now.tier_id,
        "tier_name": now.tier_name,
        "tier_expiry": now.expiry,
        "old_tier_id": old.tier_id,
        "old_tier_name": old.tier_name,
    }
    who = about["customer_id"] or about["email"]
    said = BETWEEN.join((who, str(about["source_time"]), now.dump())).encode()
    made = record(account, "tiers", values, ("comparison", said))
    key = tail(about["email"], about.get("person_id", ""), about["customer_id"])
    return Told((Event("tiers", key, who, made),), remember=remember)
