"""Carry out what consent decided: opt-outs first and always, then opt-ins, never two for a person within the gap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from consumers.engine.bulk import Verdict, chunks, isolate
from consumers.engine.outcome import Outcome, Rejected
from consumers.engine.wire import Plan, Request
from consumers.klaviyo import consent, requests
from consumers.klaviyo.cases import Case
from consumers.klaviyo.consent import UNKNOWN, Key, Standing, Voice, channel_of
from consumers.klaviyo.errors import blame, judge
from consumers.klaviyo.requests import Person
from consumers.marketing import CHANNELS, Channel

JUST_NOW = timedelta(minutes=1)


class Wish(NamedTuple):
    """A person's part in a consent call."""

    case: Case
    person: Person
    keys: Sequence[Key]
    list: str = ""
    historical: bool = False


def actionable(case: Case) -> bool:
    """Is something due that can be done now? A yes to SMS waits for a number."""
    return any(_ready(case, key) for key in case.voices)


def _ready(case: Case, key: Key) -> bool:
    due = case.voices[key].due
    return due is not None and (not due.yes or channel_of(key) == "email" or bool(case.phone))


def list_of(case: Case, key: Key) -> str:
    """The list that a voice speaks of, "" for none."""
    due = case.voices[key].due
    return (due.list if due else "") or case.settings.voices.get(key, "")


def decide(cases: Iterable[Case]) -> None:
    """Hold every yes against what Klaviyo knows. One that does not go is said in a note."""
    for case in cases:
        for key in case.voices if may_opt_out(case) else ():
            if _ready(case, key) and _due(case.voices[key]).yes:
                _decide(case, key)


def _decide(case: Case, key: Key) -> None:
    voice, channel = case.voices[key], channel_of(key)
    standing = _standing(case, key)
    answer = "withdrawn" if _outdated(case, key) else consent.may_subscribe(voice, standing)
    if answer == "subscribe" and standing.refused and _of_brand(case, key) and not consent.only_ours(voice, standing):
        answer = "unsubscribed"
    if answer == "subscribed" and key == channel and not _of_brand(case, key):
        number = case.phone if channel == "sms" else ""
        case.voices[key] = consent.done(voice, yes=True, at=case.account.now(), phone=number)
    elif answer not in ("subscribe", "subscribed"):
        case.voices[key] = consent.overruled(voice)
        case.notes.append(f"{channel} consent not sent: {answer}")


def _of_brand(case: Case, key: Key) -> bool:
    """Is it a yes to one brand? Who unsubscribed at Klaviyo did so from all of them, and it would bring all back. Who
    is subscribed there may be so for another brand, and not be on the list of this one."""
    return list_of(case, key) in case.settings.of_brands


def _outdated(case: Case, key: Key) -> bool:
    """Is it of settings that changed meanwhile, or is a refusal heard under such settings as new as the yes?"""
    current = case.settings.voices
    former = [case.voices[one].refused for one in _keys(case, channel_of(key)) if one not in current]
    return key not in current or max(former, default="") >= case.voices[key].agreed


def opt_outs(cases: Iterable[Case]) -> Plan[None]:
    """Unsubscribe; also who was refused for other reasons in the same plan, and an address whose number is refused."""
    refused = yield from _unsubscribe([wish for case in cases if may_opt_out(case) for wish in _refusals(case)])
    mixed = [wish for wish, why in refused if len(wish.person.channels) > 1 and isinstance(why, Rejected)]
    refused += yield from _unsubscribe([_mail_of(wish) for wish in mixed])
    for wish, why in refused:
        failed(wish.case, why)


def _unsubscribe(wishes: Sequence[Wish]) -> Plan[list[tuple[Wish, Outcome]]]:
    """Returns whom Klaviyo refused, and why."""
    batches = list(chunks(wishes, requests.MOST_UNSUBSCRIBED))
    verdicts = yield from isolate(batches, lambda some: requests.unsubscribe([wish.person for wish in some]), blame)
    refused = list[tuple[Wish, Outcome]]()
    for wish, verdict in zip(wishes, verdicts, strict=True):
        if verdict.response.ok:
            _done(wish, yes=False)
            wish.case.told("POST /api/profile-subscription-bulk-delete-jobs", verdict.response.status)
        else:
            refused.append((wish, judge(verdict.response, verdict.place)))
    return refused


def _mail_of(wish: Wish) -> Wish:
    """The part of a wish that concerns e-mail."""
    person = Person(wish.case.email, "", {"email": wish.person.channels["email"]})
    return wish._replace(person=person, keys=[key for key in wish.keys if channel_of(key) == "email"])


def failed(case: Case, outcome: Outcome) -> None:
    """An opt-out that did not go through must not be overlooked because of a lesser refusal."""
    if not isinstance(outcome, Rejected):
        case.outcome = outcome
    case.fail(outcome)


def may_opt_out(case: Case) -> bool:
    """May a refusal still be carried out: also where the rest was refused?"""
    return case.outcome is None or isinstance(case.outcome, Rejected)


def _refusals(case: Case) -> list[Wish]:
    """A no to e-mail and SMS in one entry; a number that is on somebody else's profile in one of its own, and so is the
    one that stands on this profile meanwhile."""
    out = [channel for channel in CHANNELS if any(goes_out(case, key) for key in _keys(case, channel))]
    keys = {channel: _keys(case, channel) for channel in CHANNELS}
    number = case.phone or case.mobile or (case.found.phone if case.found else "")
    mail = [Wish(case, Person(case.email, "", {"email": None}), keys["email"])] if "email" in out else []
    if "sms" not in out:
        return mail
    if not number:
        for key in keys["sms"]:
            case.voices[key] = consent.done(case.voices[key], yes=False, at=case.account.now())
        return mail
    if case.without_phone:
        numbers = dict.fromkeys((case.found.phone if case.found else "", number))
        return [*mail, *(Wish(case, Person("", one, {"sms": None}), keys["sms"]) for one in numbers if one)]
    return [Wish(case, Person(case.email, number, dict.fromkeys(out)), [key for one in out for key in keys[one]])]


def _keys(case: Case, channel: Channel) -> list[Key]:
    return [key for key in case.voices if channel_of(key) == channel]


def goes_out(case: Case, key: Key) -> bool:
    """Is a no due that opts the whole channel out: no other list of it is said yes to, or nobody can say which?"""
    due = case.voices[key].due
    if due is None or due.yes:
        return False
    if key not in case.settings.voices:
        return True
    others = [one for one in _keys(case, channel_of(key)) if one != key and one in case.settings.voices]
    return not any(case.voices[one].agrees for one in others)


def opt_ins(cases: Iterable[Case]) -> Plan[None]:
    """Subscribe who said yes and whom nothing at Klaviyo speaks against; who was subscribed just now keeps waiting."""
    wishes = [wish for case in cases if case.outcome is None and (wish := _agreement(case))]
    refused = yield from _subscribe(wishes)
    again = [_by_mail_only(wish) for wish, _ in refused if len(wish.person.channels) > 1]
    for wish, verdict in refused:
        if len(wish.person.channels) == 1:
            _rebuffed(wish, verdict)
    for wish, verdict in (yield from _subscribe(again)):
        _rebuffed(wish, verdict)


def _subscribe(wishes: Sequence[Wish]) -> Plan[list[tuple[Wish, Verdict]]]:
    """Returns whom Klaviyo refused. E-mail alone travels apart from SMS: a bad number blocks no e-mail consent."""
    if not wishes:
        return []
    kinds: dict[tuple[bool, str, bool], list[Wish]] = {}
    for wish in wishes:
        kinds.setdefault(("sms" in wish.person.channels, wish.list, wish.historical), []).append(wish)
    batches = [batch for kind in sorted(kinds) for batch in chunks(kinds[kind], requests.MOST_SUBSCRIBED)]
    verdicts = yield from isolate(batches, _request, blame)
    order = [wish for batch in batches for wish in batch]
    refused = []
    for wish, verdict in zip(order, verdicts, strict=True):
        if verdict.response.ok:
            _subscribed(wish, verdict.response.status)
        else:
            refused.append((wish, verdict))
    return refused


def _request(wishes: Sequence[Wish]) -> Request:
    first = wishes[0]
    people = [wish.person for wish in wishes]
    return requests.subscribe(people, first.list, first.case.settings.custom_source, historical=first.historical)


def _subscribed(wish: Wish, status: int) -> None:
    _done(wish, yes=True)
    wish.case.memory["subscribed"] = consent.stamp(wish.case.account.now())
    wish.case.told("POST /api/profile-subscription-bulk-create-jobs", status)


def _by_mail_only(wish: Wish) -> Wish:
    _overrule(wish.case, [key for key in wish.keys if channel_of(key) == "sms"])
    wish.case.notes.append("SMS consent was refused; e-mail went alone")
    return _mail_of(wish)


def _overrule(case: Case, keys: Iterable[Key]) -> None:
    for key in keys:
        case.voices[key] = consent.overruled(case.voices[key])


def _rebuffed(wish: Wish, verdict: Verdict) -> None:
    outcome = judge(verdict.response, verdict.place)
    if isinstance(outcome, Rejected) and "sms" in wish.person.channels:
        _overrule(wish.case, wish.keys)
        wish.case.notes.append("SMS consent was refused")
    else:
        wish.case.fail(outcome)


def _done(wish: Wish, *, yes: bool) -> None:
    case = wish.case
    for key in wish.keys:
        number = wish.person.phone if channel_of(key) == "sms" else ""
        case.voices[key] = consent.done(case.voices[key], yes=yes, at=case.account.now(), phone=number)


def _agreement(case: Case) -> Wish | None:
    """What to subscribe this person to, now. A call has one list; another list's turn comes after the gap."""
    yes = [key for key in case.voices if _ready(case, key) and _due(case.voices[key]).yes]
    until, now = gap_ends(case), case.account.now()
    if not yes or (until is not None and until > now):
        return None
    named = list_of(case, yes[0])
    together = {channel_of(key): key for key in reversed(yes) if list_of(case, key) == named}
    after = case.settings.historical_after
    old = all(consent.historical(_due(case.voices[key]), now, after) for key in together.values())
    times = {
        channel: _yes_at(case.voices[together[channel]], now) if old else None
        for channel in CHANNELS
        if channel in together
    }
    person = Person(case.email, case.phone if "sms" in together else "", times)
    return Wish(case, person, list(together.values()), "" if named in case.barred else named, old)


def _due(voice: Voice) -> consent.Due:
    assert voice.due is not None  # noqa: S101  # asked for channels with something due
    return voice.due


def _yes_at(voice: Voice, now: datetime) -> datetime:
    """Klaviyo refuses a consent that is not in the past."""
    return min(consent.moment(_due(voice).clock) or now, now - JUST_NOW)


def _standing(case: Case, key: Key) -> Standing:
    """A number that is new at Klaviyo has no standing subscription, whatever the old one had."""
    if case.found is None:
        return UNKNOWN
    standing = case.found.stands(key, list_of(case, key))
    moved = channel_of(key) == "sms" and case.found.phone and case.found.phone != case.phone
    return standing._replace(consent="NEVER_SUBSCRIBED") if moved and not standing.refused else standing


def gap_ends(case: Case) -> datetime | None:
    """From when on a due yes may go that has another subscription before it, also where that is over by now; None where
    no yes is due, or none came before.

    Klaviyo may drop a second subscribe of a person within 30 minutes, whoever made the first: another connection, a
    website, or a worker that did not live to remember it.
    """
    ready = any(_ready(case, key) and _due(case.voices[key]).yes for key in case.voices)
    calls = [consent.moment(str(case.memory.get("subscribed", ""))), case.found.subscribed if case.found else None]
    last = max((at for at in calls if at is not None), default=None)
    if not ready or last is None:
        return None
    return min(last, case.account.now()) + case.settings.subscribe_gap
