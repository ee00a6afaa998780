"""What is known of a person's rewards accounts goes along to a new address: no change is missed, none told twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from consumers.engine.outcome import Delivered, Emit, Outcome, Unchanged
from consumers.engine.sink import Account, Item, Work, newest
from consumers.engine.wire import Json, Plan

PART = "moved"
OF_PROFILE = "had"
"""Which fields of the old profile hold something says nothing of a new one."""


def carried(person: str, accounts: Sequence[str], account: str) -> dict[str, Json]:
    """Whose the account is, as it is remembered; nothing where that is known, or nobody is named."""
    return {f"accounts/{person}": [*accounts, account]} if person and account not in accounts else {}


def accounts_of(item: Item, person: str) -> list[str]:
    """The accounts of a person, as far as they are known under this key."""
    return list(item.known(f"accounts/{person}") or ())


def packed(item: Item, email: str, *, renamed: bool) -> tuple[Emit, ...]:
    """For the lane of the new address: what this one knows of the person's accounts."""
    found = {name: _account(item, name, renamed=renamed) for name in accounts_of(item, item.object)}
    told = {name: one for name, one in found.items() if one}
    value = {"person": item.object, "accounts": told}
    return (Emit("rewards", f"{item.connection}/{email}", value, part=PART),) if told else ()


def _account(item: Item, name: str, *, renamed: bool) -> Json:
    memory: Mapping[str, Json] = item.known(f"account/{name}") or {}
    rewards = {one: item.known(f"reward/{one}") for one in memory.get("open", ())}
    kept = {field: told for field, told in memory.items() if renamed or field != OF_PROFILE}
    return {"memory": kept, "rewards": rewards} if memory else None


def unpacked(_: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """At the new address: of each account whoever knows the newer snapshot is right."""
    yield from ()
    return [_settled(work) for work in works]


def _settled(work: Work) -> Outcome:
    item, remember = work.last, dict[str, Json]()
    person = str(item.record["person"])
    accounts = accounts_of(item, person)
    for name, told in item.record["accounts"].items():
        if newest(item.known(f"account/{name}")) < newest(told["memory"]):
            remember[f"account/{name}"] = told["memory"]
            remember |= {f"reward/{one}": said for one, said in told["rewards"].items()}
            accounts = [*(one for one in accounts if one != name), name]
    return Delivered({**remember, f"accounts/{person}": accounts}) if remember else Unchanged()
