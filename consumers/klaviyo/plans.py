"""Bring customers to Klaviyo: the plans for rows, for consent that waited, and for rows of several kinds in a lane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Literal

from consumers import policies
from consumers.engine.outcome import (
    Deferred,
    Delivered,
    Emit,
    Later,
    Misconfigured,
    Outcome,
    Rejected,
    RetryLater,
    Skipped,
    Superseded,
    Unchanged,
)
from consumers.engine.sink import Account, Item, Work
from consumers.engine.wire import Json, Plan
from consumers.klaviyo import moves
from consumers.klaviyo.cases import open_case, recall, sheet
from consumers.klaviyo.steps import carry, conclude

Kind = Literal["row", "bulk", "move"]


def profiles(account: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """Customer rows -> profiles, list and consent."""
    remembered = ((place, work, recall(work.last)) for place, work in enumerate(works))
    plain = {
        place: open_case(account, work.items, known) for place, work, known in remembered if _is_plain(work, known)
    }
    yield from carry(list(plain.values()), whole=len(plain) == len(works))
    outcomes = {place: conclude(case) for place, case in plain.items()}
    for place, work in enumerate(works):
        if place not in outcomes:
            outcomes[place] = yield from in_turn(account, work)
    return [outcomes[place] for place in range(len(works))]


def _is_plain(work: Work, memory: Mapping[str, Json]) -> bool:
    kinds = {kind(item, memory) for item in work.items}
    return len(kinds) == 1 and "move" not in kinds


def kind(item: Item, memory: Mapping[str, Json]) -> Kind:
    """A row of its own address, a row of the bulk folder, or one of somebody who leaves the address of its key, or who
    has left it since."""
    if policies.leaves(item.record, item.key) or moves.whither(memory, item.object, item.order):
        return "move"
    return "bulk" if item.record["bulk"] else "row"


def in_turn(account: Account, work: Work) -> Plan[Outcome]:
    """Records of several kinds in one lane: one kind after the other, and all or nothing is remembered.

    A refusal ends it: of a work that was refused the engine brings each record by itself.
    """
    memory = recall(work.last)
    outcome: Outcome = Unchanged()
    collected: tuple[Emit, ...] = ()
    later: dict[Later, None] = {}
    rest = list(work.items)
    while rest:
        how = kind(rest[0], memory)
        alike = takewhile(lambda item: kind(item, memory) == how, rest)  # noqa: B023  # used up at once
        items = rest[:1] if how == "move" else list(alike)
        del rest[: len(items)]
        outcome = yield from _stage(account, how, items, memory)
        if isinstance(outcome, RetryLater | Misconfigured | Rejected):
            return outcome
        outcome = replace(outcome, remember={"profile": memory, **outcome.remember})
        memory = outcome.remember["profile"]
        if isinstance(outcome, Delivered):
            collected += outcome.emits
            later |= dict.fromkeys(outcome.later)
        if isinstance(outcome, Deferred) and rest:
            later[moves.consent_later(outcome.until, account.now())] = None
    return _summed_up(account, outcome, collected, tuple(later))


def _stage(account: Account, how: Kind, items: Sequence[Item], memory: dict[str, Json]) -> Plan[Outcome]:
    if how == "move":
        return (yield from moves.move(account, items[0], memory))
    case = open_case(account, items, memory)
    yield from carry([case])
    return conclude(case)


def _summed_up(account: Account, outcome: Outcome, emits: tuple[Emit, ...], later: tuple[Later, ...]) -> Outcome:
    """The last stage's outcome, with what all of them have to tell others and what they leave to be done."""
    match outcome:
        case Delivered():
            return replace(outcome, emits=emits, later=later)
        case Deferred(until=until) if emits:
            return Delivered(outcome.remember, emits, (*later, moves.consent_later(until, account.now())))
        case Unchanged() | Superseded() | Skipped() if emits or later:
            return Delivered(outcome.remember, emits, later)
        case _:
            return outcome


def consents(account: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """What waited for the gap between two subscribe calls; everything needed is in memory."""
    cases = [sheet(account, work.last, recall(work.last)) for work in works]
    yield from carry(cases)
    return [conclude(case) for case in cases]
