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
from consumers.klaviyo.consent import CHANNELS, UNKNOWN, Channel, Standing, Voice
from consumers.klaviyo.errors import blame, judge
from consumers.klaviyo.requests import Person

JUST_NOW = timedelta(minutes=1)


class Wish(NamedTuple):
    """A person's part in a consent call."""

    case: Case
    person: Person
    list: str = ""
    historical: bool = False


def actionable(case: Case) -> bool:
    """Is something due that can be done now? A yes to SMS waits for a number."""
    return any(_ready(case, channel) for channel in CHANNELS)


def _ready(case: Case, channel: Channel) -> bool:
    due = case.voices[channel].due
    return due is not None and (not due.yes or channel == "email" or bool(case.phone))


def decide(cases: Iterable[Case]) -> None:
    """Hold every yes against what Klaviyo knows. One that does not go is said in a note."""
    for case in cases:
        for channel in CHANNELS if _may_opt_out(case) else ():
            if _ready(case, channel) and _due(case.voices[channel]).yes:
                _decide(case, channel)


def _decide(case: Case, channel: Channel) -> None:
    voice = case.voices[channel]
    answer = consent.may_subscribe(voice, _standing(case, channel))
    if answer == "subscribed":
        number = case.phone if channel == "sms" else ""
        case.voices[channel] = consent.done(voice, yes=True, at=case.account.now(), phone=number)
    elif answer != "subscribe":
        case.voices[channel] = consent.overruled(voice)
        case.notes.append(f"{channel} consent not sent: {answer}")


def opt_outs(cases: Iterable[Case]) -> Plan[None]:
    """Unsubscribe; also who was refused for other reasons in the same plan."""
    wishes = [wish for case in cases if _may_opt_out(case) for wish in _refusals(case)]
    if not wishes:
        return
    batches = list(chunks(wishes, requests.MOST_UNSUBSCRIBED, lambda _: 0, 1))
    verdicts = yield from isolate(batches, lambda some: requests.unsubscribe([wish.person for wish in some]), blame)
    for wish, verdict in zip(wishes, verdicts, strict=True):
        if verdict.response.ok:
            _done(wish, yes=False)
            wish.case.told("POST /api/profile-subscription-bulk-delete-jobs", verdict.response.status)
        else:
            _failed(wish.case, judge(verdict.response, verdict.place))


def _failed(case: Case, outcome: Outcome) -> None:
    """An opt-out that did not go through must not be overlooked because of a lesser refusal."""
    if not isinstance(outcome, Rejected):
        case.outcome = outcome
    case.fail(outcome)


def _may_opt_out(case: Case) -> bool:
    return case.outcome is None or isinstance(case.outcome, Rejected)


def _refusals(case: Case) -> list[Wish]:
    """A no to e-mail and SMS in one entry; a number that is on somebody else's profile in one of its own."""
    out = [channel for channel in CHANNELS if (due := case.voices[channel].due) is not None and not due.yes]
    number = case.phone or case.mobile or (case.found.phone if case.found else "")
    if "sms" not in out or not number:
        if "sms" in out:
            case.voices["sms"] = consent.done(case.voices["sms"], yes=False, at=case.account.now())
        return [Wish(case, Person(case.email, "", {"email": None}))] if "email" in out else []
    if case.without_phone:
        alone = Wish(case, Person("", number, {"sms": None}))
        return [Wish(case, Person(case.email, "", {"email": None})), alone] if "email" in out else [alone]
    return [Wish(case, Person(case.email, number, dict.fromkeys(out)))]


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
    batches = [
        batch for kind in sorted(kinds) for batch in chunks(kinds[kind], requests.MOST_SUBSCRIBED, lambda _: 0, 1)
    ]
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
    mail: dict[Channel, datetime | None] = {"email": wish.person.channels["email"]}
    case = wish.case
    case.voices["sms"] = consent.overruled(case.voices["sms"])
    case.notes.append("SMS consent was refused; e-mail went alone")
    return wish._replace(person=Person(case.email, "", mail))


def _rebuffed(wish: Wish, verdict: Verdict) -> None:
    outcome = judge(verdict.response, verdict.place)
    if isinstance(outcome, Rejected) and "sms" in wish.person.channels:
        wish.case.voices["sms"] = consent.overruled(wish.case.voices["sms"])
        wish.case.notes.append("SMS consent was refused")
    else:
        wish.case.fail(outcome)


def _done(wish: Wish, *, yes: bool) -> None:
    case = wish.case
    for channel in wish.person.channels:
        number = wish.person.phone if channel == "sms" else ""
        case.voices[channel] = consent.done(case.voices[channel], yes=yes, at=case.account.now(), phone=number)


def _agreement(case: Case) -> Wish | None:
    """What to subscribe this person to, now. A call has one list; another list's turn comes after the gap."""
    yes = [channel for channel in CHANNELS if _ready(case, channel) and _due(case.voices[channel]).yes]
    if not yes or waits_until(case) is not None:
        return None
    lists = {channel: _due(case.voices[channel]).list for channel in yes}
    together = [channel for channel in yes if lists[channel] == lists[yes[0]]]
    now, after = case.account.now(), case.settings.historical_after
    old = all(consent.historical(_due(case.voices[channel]), now, after) for channel in together)
    times = {channel: _yes_at(case.voices[channel], now) if old else None for channel in together}
    return Wish(case, Person(case.email, case.phone if "sms" in together else "", times), lists[yes[0]], old)


def _due(voice: Voice) -> consent.Due:
    assert voice.due is not None  # noqa: S101  # asked for channels with something due
    return voice.due


def _yes_at(voice: Voice, now: datetime) -> datetime:
    """Klaviyo refuses a consent that is not in the past."""
    return min(consent.moment(_due(voice).clock) or now, now - JUST_NOW)


def _standing(case: Case, channel: Channel) -> Standing:
    """A number that is new at Klaviyo has no standing subscription, whatever the old one had."""
    if case.found is None:
        return UNKNOWN
    standing = case.found.standing[channel]
    moved = channel == "sms" and case.found.phone and case.found.phone != case.phone
    return standing._replace(consent="NEVER_SUBSCRIBED") if moved and not standing.refused else standing


def waits_until(case: Case) -> datetime | None:
    """When a due yes may go, if not now: Klaviyo may drop a second subscribe of a person within 30 minutes."""
    ready = any(_ready(case, channel) and _due(case.voices[channel]).yes for channel in CHANNELS)
    last = consent.moment(str(case.memory.get("subscribed", "")))
    if not ready or last is None:
        return None
    until = last + case.settings.subscribe_gap
    return until if until > case.account.now() else None
