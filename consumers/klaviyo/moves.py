"""A customer's e-mail address changed: the old address's lane makes the move at Klaviyo and passes on what it knew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

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
    Superseded,
    Unchanged,
)
from consumers.engine.sink import Account, Item, Work, newest
from consumers.engine.wire import Json, Plan, ask
from consumers.klaviyo import consent, lists, luggage, requests, speak, steps, totals
from consumers.klaviyo.cases import (
    FROM_BULK,
    Case,
    clock_of,
    foreign,
    listen,
    new_number,
    note_seen,
    open_case,
    recall,
    sheet,
    statements,
    voices_of,
    written,
)
from consumers.klaviyo.consent import UNKNOWN, Due, Speaker, Standing, Voice, channel_of
from consumers.klaviyo.errors import judge
from consumers.klaviyo.found import Found, find

MOST_MOVED = 16
OF_THE_ADDRESS = ("moved", "left", "totals", "totals_body", "body")
"""What is remembered of an address and goes along with nobody in their profile's memory."""


def move(account: Account, item: Item, memory: Mapping[str, Json]) -> Plan[Outcome]:
    """The record stands under the old address's key and names the new one.

    Free at Klaviyo, and the old one nobody else's: the profile is given the new address, so that history and consent
    travel. Else the new address gets a profile of its own and the old one is unsubscribed, unless somebody else holds
    it. In an account of several connections the profile is theirs as well, and stays; so it does where a row of the
    bulk folder tells of the move, which changes no profile and nobody's consent.
    """
    if memory.get("moved", {}).get(item.object) == item.record["email"]:
        return Unchanged()
    entry = memory.get("seen", {}).get(item.object)
    from_elsewhere = foreign(item, account.settings)
    gone_to = whither(memory, item.object, item.order)
    if gone_to and not from_elsewhere:
        return _too_late(account, item, gone_to)
    if from_elsewhere or (entry and entry[1] > item.order):
        return (yield from _as_any_row(account, item, memory))
    old, new = policies.address(item.key), str(item.record["email"])
    found, failed = yield from find([old, new])
    refusal = failed.get(old) or failed.get(new)
    if isinstance(refusal, Rejected):
        return (yield from _stays(account, item, memory, refusal))
    if refusal is not None:
        return refusal
    return (yield from _go(account, item, memory, found.get(old), found.get(new)))


def whither(memory: Mapping[str, Json], person: str, order: str) -> str:
    """Where a person is who has left this address since a record of this order; "" where nobody knows of such."""
    gone_to = str(memory.get("moved", {}).get(person, ""))
    return gone_to if order <= memory.get("left", {}).get(person, "") else ""


def _too_late(account: Account, item: Item, gone_to: str) -> Outcome:
    """An old row of somebody who has left: it brings no profile back here. A no of it follows the person."""
    voice = consent.dump(Voice({item.object: (False, clock_of(item))}, refused=clock_of(item)))
    refused = {key: voice for key, one in statements(item, account.settings).items() if not one.yes}
    if not refused:
        return Superseded()
    news = {"person": item.object, "memory": {"consent": refused}}
    return Delivered({}, (Emit("customers", f"{item.connection}/{gone_to}", news, part="moved"),))


def _as_any_row(account: Account, item: Item, memory: Mapping[str, Json]) -> Plan[Outcome]:
    """Too late, or from elsewhere: nothing of it moves anybody."""
    case = open_case(account, [item], memory)
    yield from steps.carry([case])
    return steps.conclude(case)


def _go(
    account: Account, item: Item, memory: Mapping[str, Json], at_old: Found | None, at_new: Found | None
) -> Plan[Outcome]:
    shared = any(person != item.object for person in memory.get("seen", {}))
    free = at_new is None and not shared and not account.shared()
    changes = account.settings.email_change == "rename" and not item.record["bulk"]
    case: Case | None = None
    if free and changes and at_old is not None:
        case = yield from _rename(account, item, memory, at_old)
    renamed = case is not None
    if case is None:
        case = _newcomer(account, item, memory, at_old)
        yield from steps.carry([case])
    if isinstance(case.outcome, Rejected):
        return (yield from _stays(account, item, memory, case.outcome))
    if isinstance(case.outcome, RetryLater | Misconfigured):
        return case.outcome
    farewell = at_old is not None and not renamed and not shared and changes
    return _moved(item, memory, case, shared=shared, gone=renamed, farewell=farewell)


def _stays(account: Account, item: Item, memory: Mapping[str, Json], refused: Rejected) -> Plan[Outcome]:
    """Klaviyo does not take the person at the new address: a no of the row is carried out at the old one."""
    case = sheet(account, item, memory)
    listen(case, item, refusals_only=True)
    yield from steps.carry([case])
    outcome = steps.conclude(case)
    if isinstance(outcome, RetryLater | Misconfigured):
        return outcome
    return replace(refused, remember=outcome.remember)


def _rename(account: Account, item: Item, memory: Mapping[str, Json], at_old: Found) -> Plan[Case | None]:
    """The profile under its new address; None where Klaviyo says that this cannot be."""
    case = _traveller(account, item, memory)
    case.found = at_old
    steps.note_refusals(case)
    for _ in range(2):
        response = yield from ask(requests.patch_profile(at_old.id, case.body(profile_id=at_old.id)))
        if response.status not in (404, 409) or case.without_phone:
            break
        case.without_phone = True
    if response.status in (404, 409):
        return None
    if not response.ok:
        case.fail(judge(response))
        return case
    case.told("PATCH /api/profiles", response.status)
    written(case, profile_id=at_old.id)
    speak.decide([case])
    leaving = lists.leaving([case])
    yield from speak.opt_outs([case])
    yield from lists.leave(leaving)
    yield from speak.opt_ins([case])
    return case


def _traveller(account: Account, item: Item, memory: Mapping[str, Json]) -> Case:
    """The person with all that is remembered of the old address, and what this row says."""
    kept = {name: value for name, value in memory.items() if name not in OF_THE_ADDRESS}
    case = sheet(account, item, kept)
    listen(case, item)
    _arrive(case, item)
    new_number(case)
    return case


def _arrive(case: Case, item: Item) -> None:
    case.email = str(item.record["email"])
    case.record = item.record
    case.from_bulk = bool(item.record["bulk"])
    note_seen(case, item, FROM_BULK if case.from_bulk else item.content)


def _newcomer(account: Account, item: Item, memory: Mapping[str, Json], at_old: Found | None) -> Case:
    """The person at a new profile: a yes by the rules of a first sight; every refusal of the old address travels."""
    case = sheet(account, item, {})
    _arrive(case, item)
    said, speaker = statements(item, account.settings), Speaker(item.object, clock_of(item), False, item.first_load)
    for key, old in voices_of(memory, *case.settings.voices).items():
        voice = Voice(refused=old.refused)
        mine = old.said.get(item.object)
        if mine is not None and not mine[0]:
            voice = replace(voice, said={item.object: mine})
        if key in said:
            voice = consent.hear(voice, speaker, said[key])
        if _refusal_travels(old, voice, at_old.stands(key, case.settings.voices.get(key, "")) if at_old else UNKNOWN):
            voice = replace(voice, due=Due(False, clock_of(item)))
        case.voices[key] = voice
    return case


def _refusal_travels(old: Voice, now: Voice, at_old: Standing) -> bool:
    """Is there a refusal at the old address that this row does not take back?"""
    if now.wanted is False:
        return True
    return at_old.refused and not (consent.is_our_own(old, at_old) and now.agreed > old.refused)


def _moved(item: Item, memory: Mapping[str, Json], case: Case, *, shared: bool, gone: bool, farewell: bool) -> Outcome:
    person = item.object
    news = {**case.remembered(), "seen": {person: case.memory["seen"][person]}}
    mine = {one: entry for one, entry in memory.get("totals", {}).items() if one == person or not shared}
    rest = _left_behind(item, memory, case, shared=shared, gone=gone, farewell=farewell)
    value = {"person": person, "memory": news}
    if mine or (gone and "totals" in memory):
        value["totals"] = mine  # also none: the profile that went along may still say what somebody else bought
    emit = Emit("customers", f"{item.connection}/{case.email}", value, part="moved")
    parts = ["consent"] if farewell else []
    if mine and (shared or farewell):
        parts.append("totals")  # what is left there is less than was sent
    return Delivered(
        {"profile": rest},
        (emit, *luggage.packed(item, case.email, renamed=gone)),
        later=tuple(Later("customers", part, timedelta(0)) for part in parts),
        status=case.status,
        call=case.calls[-1] if case.calls else "",
        note="; ".join(case.notes),
    )


def _left_behind(
    item: Item, memory: Mapping[str, Json], case: Case, *, shared: bool, gone: bool, farewell: bool
) -> dict[str, Json]:
    """What the old address remembers: who went where, and of the others everything; their next rows are looked at,
    so that the profile says again what is theirs.

    At a `farewell` nobody is written to there any more; the mobile number went along and is left alone. That is done
    once the move is settled: a worker that begins it anew would take it for the person's own refusal.
    """
    moved = {**memory.get("moved", {}), item.object: case.email}
    left = {**memory.get("left", {}), item.object: item.order}
    while len(moved) > MOST_MOVED:
        left.pop(next(iter(moved)), None)
        del moved[next(iter(moved))]
    told = voices_of(memory, *case.settings.voices)
    voices = {key: replace(consent.leave(voice, item.object), due=None) for key, voice in told.items()}
    if farewell:
        voices |= {
            key: replace(voice, due=Due(False, item.order))
            for key, voice in voices.items()
            if channel_of(key) == "email"
        }
    if gone:
        voices = {key: Voice(refused=voice.refused) for key, voice in voices.items()}
    said = {key: entry for key, voice in voices.items() if (entry := consent.dump(voice))}
    if not shared:
        return {"moved": moved, "left": left, "consent": said, **({} if gone else {"met": True, "totals": {}})}
    others = {person: ["", entry[1]] for person, entry in memory["seen"].items() if person != item.object}
    theirs = {person: entry for person, entry in memory.get("totals", {}).items() if person != item.object}
    news = {"moved": moved, "left": left, "consent": said, "seen": others, "totals": theirs, "totals_body": ""}
    return {**memory, **news}


def arrivals(account: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """What old addresses pass on, merged into what the new one knows; refusals are carried out at once."""
    merged = [_merge_all(account, work) for work in works]
    yield from steps.carry([case for case, _ in merged])
    return [_settled(case, work, emits) for work, (case, emits) in zip(works, merged, strict=True)]


def _onward(item: Item, memory: Mapping[str, Json]) -> Emit | None:
    """News of somebody who has left this address as well before it came: it follows them."""
    news = item.record
    person = str(news.get("person") or "")
    gone_to = whither(memory, person, _arrived(news, person))
    return Emit("customers", f"{item.connection}/{gone_to}", news, part="moved") if gone_to else None


def _arrived(news: Mapping[str, Json], person: str) -> str:
    """The order of the row by which a person came to this address; "" in news that only follow one who came before."""
    entry = (news.get("memory") or {}).get("seen", {}).get(person)
    return str(entry[1]) if entry else ""


def _merge_all(account: Account, work: Work) -> tuple[Case, list[Emit]]:
    """What stays here, and what is passed on: each piece of news is one or the other.

    Where Klaviyo refuses what follows from it, it comes again from the dead letters: no sum may count it twice.
    """
    known = memory = recall(work.last)
    passed_on = []
    for item in work.items:
        if (emit := _onward(item, memory)) is None:
            memory = absorb(memory, item.record)
        else:
            passed_on.append(emit)
    case = sheet(account, work.last, memory)
    case.before = known
    for key, voice in case.voices.items():
        if voice.wanted is False and voice.did is not False:
            case.voices[key] = replace(voice, due=Due(False, voice.refused))
    return case, passed_on


def absorb(memory: Mapping[str, Json], news: Mapping[str, Json]) -> dict[str, Json]:
    """One address's memory with another's: of every person the newest, of every sum both."""
    brought = news.get("memory") or {}
    newer = newest(brought) >= newest(memory)
    first, second = (memory, brought) if newer else (brought, memory)
    merged = {**first, **second}
    merged["seen"] = {**brought.get("seen", {}), **memory.get("seen", {})}
    for person, entry in brought.get("seen", {}).items():
        merged["seen"][person] = max(merged["seen"][person], entry, key=lambda one: str(one[1]))
    mine, theirs = voices_of(memory, *brought.get("consent", {})), voices_of(brought, *memory.get("consent", {}))
    merged["consent"] = {key: consent.dump(consent.merge(mine[key], theirs[key])) for key in mine}
    merged["totals"] = totals.merged(memory.get("totals", {}), news.get("totals") or {})
    merged["subscribed"] = max(memory.get("subscribed", ""), brought.get("subscribed", ""))
    if _arrived(news, news.get("person", "")):
        for name in ("moved", "left"):
            merged[name] = {one: to for one, to in memory.get(name, {}).items() if one != news["person"]}
    kept = ("totals",) if "totals" in {*memory, *news} else ()  # a sum of nothing may still have to be told
    return {name: value for name, value in merged.items() if value or name in kept}


def _settled(case: Case, work: Work, emits: Sequence[Emit]) -> Outcome:
    outcome = steps.conclude(case)
    summed = any("totals" in item.record for item in work.items)
    later = (Later("customers", "totals", timedelta(0)),) if summed else ()
    match outcome:
        case Deferred(until=until):
            return Delivered(outcome.remember, tuple(emits), (*later, consent_later(until, case.account.now())))
        case Delivered():
            return replace(outcome, emits=tuple(emits), later=later)
        case Unchanged():
            return Delivered(outcome.remember, tuple(emits), later)
        case _:
            return outcome


def consent_later(until: datetime | None, now: datetime) -> Later:
    """Consent that has to wait until then (None: not at all), in a lane whose record is done."""
    return Later("customers", "consent", max((until or now) - now, timedelta(0)))
