"""The steps that bring a customer to Klaviyo, in their order: look, write, join the list, opt out, opt in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from consumers.engine.outcome import Deferred, Delivered, Outcome, Rejected, Skipped, Superseded, Unchanged
from consumers.engine.wire import Json, Plan
from consumers.klaviyo import consent, imports, lists, speak
from consumers.klaviyo.cases import Case, changed
from consumers.klaviyo.consent import channel_of
from consumers.klaviyo.found import Found, find

CLOCKS_DIFFER = timedelta(minutes=5)
RECENT = timedelta(hours=24)


def carry(cases: Sequence[Case], *, whole: bool = True) -> Plan[None]:
    """All steps, for cases without an outcome. Opt-outs go before opt-ins, and also where the profile was refused.

    `whole`: these are all the records of the plan.
    """
    for case in cases:
        if case.from_bulk and case.met and changed(case):
            _leave_alone(case)
    open_ = [case for case in cases if case.outcome is None]
    yield from look([case for case in open_ if unsure(case)])
    looked_at = [case for case in open_ if case.outcome is None]
    whole = whole and len(looked_at) == len(open_)
    jobs = yield from imports.write([case for case in looked_at if changed(case)], whole=whole)
    yield from lists.join(
        [case for case in open_ if case.wrote and case.profile_id and case.new and not case.from_bulk]
    )
    yield from imports.add_numbers(open_, jobs)
    speak.decide(open_)
    leaving = lists.leaving(open_)
    yield from speak.opt_outs(open_)
    yield from lists.leave(leaving)
    yield from speak.opt_ins(open_)


def unsure(case: Case) -> bool:
    """Whether Klaviyo must be read first: an address we never dealt with, or consent to change."""
    return (not case.met and case.record is not None) or speak.actionable(case)


def look(cases: Sequence[Case]) -> Plan[None]:
    """Read who exists and how their consent stands; of those with a former address, that one as well."""
    found, failed = yield from find(email for case in cases for email in _addresses(case))
    for case in cases:
        refusal = next((failed[email] for email in _addresses(case) if email in failed), None)
        if refusal is not None:
            case.fail(refusal)
        else:
            _consider(case, found)


def _addresses(case: Case) -> Sequence[str]:
    return (case.email, case.previous) if case.previous and not case.met else (case.email,)


def _consider(case: Case, found: dict[str, Found]) -> None:
    case.found = found.get(case.email)
    note_refusals(case)
    if case.previous and not case.met:
        _heed_former(case, found.get(case.previous))
    case.new = not case.met and is_new(case)
    if case.from_bulk and case.found is not None:
        _leave_alone(case)
    if case.record is None and case.found is None and not case.met and speak.actionable(case):
        case.bare, case.new, case.record = True, False, {"email": case.email}


def _leave_alone(case: Case) -> None:
    """A row of the bulk folder makes profiles and changes none."""
    case.record = None
    case.fail(Skipped("bulk_existing"))


def is_new(case: Case) -> bool:
    """Is the profile new through us: not there, made by an event of ours that came before the customer's row, or made
    just now by a worker that did not live to remember it?"""
    made = consent.moment(str(case.memory.get("made", "")))
    if case.found is None:
        return True
    created = case.found.created
    if made is not None:
        return created is None or created >= made - CLOCKS_DIFFER
    return created is not None and case.account.now() - created < RECENT and _bears_our_mark(case, case.found)


def _bears_our_mark(case: Case, found: Found) -> bool:
    if case.record is None:
        return False
    ours = case.body()["data"]["attributes"].get("properties") or {}
    return any(found.properties.get(name) == value for name, value in ours.items())


def note_refusals(case: Case) -> None:
    """Remember what Klaviyo knows of refusals, before calls of ours hide it there."""
    if case.found is None:
        return
    for key, voice in case.voices.items():
        standing = case.found.stands(key, speak.list_of(case, key))
        case.voices[key] = consent.seen_there(voice, standing, case.account.now())


def _heed_former(case: Case, former: Found | None) -> None:
    """A refusal at the address a person had before outweighs a yes, as one at the new address does."""
    for key, voice in case.voices.items():
        refused = former is not None and former.stands(key, speak.list_of(case, key)).refused
        if refused and voice.due is not None and voice.due.yes:
            case.voices[key] = consent.overruled(voice)
            case.notes.append(f"{channel_of(key)} consent not sent: refused at the former address")


def conclude(case: Case) -> Outcome:
    """What became of a work, once all its calls are answered."""
    memory = {"profile": case.remembered()}
    if isinstance(case.outcome, Rejected):
        kept = {**case.before, "consent": case.remembered()["consent"]}
        return replace(case.outcome, remember={"profile": kept})
    if case.outcome is not None:
        return case.outcome
    until = speak.gap_ends(case)
    if until is not None:
        return Deferred("subscribe_gap", until, part="consent", remember=memory)
    return _well(case, memory)


def _well(case: Case, memory: dict[str, Json]) -> Outcome:
    if case.calls:
        note = "; ".join([*case.notes, *(["only its consent was newer"] if case.stale else [])])
        return Delivered(memory, status=case.status, call=case.calls[-1], note=note)
    if case.stale:
        return Superseded(memory)
    if case.mailless:
        return Skipped("no_email", memory if memory["profile"]["consent"] else {})
    return Delivered(memory, note="; ".join(case.notes)) if case.notes else Unchanged(memory)
