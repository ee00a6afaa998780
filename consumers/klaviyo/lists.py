"""Put people on lists, and take off a brand's list who said no to that brand while another's mail goes on.

Klaviyo keeps consent by channel and membership by list: a list may be mailed to whoever is on it and subscribed to the
channel. So a no to one list of a channel is either a no to the channel, or the end of the membership.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from consumers.engine.bulk import chunks, isolate
from consumers.engine.outcome import Misconfigured, Outcome, Rejected, RetryLater
from consumers.engine.wire import Plan, Request
from consumers.klaviyo import consent, requests, speak
from consumers.klaviyo.cases import Case
from consumers.klaviyo.errors import blame, judge

SOON, NOT_SHOWN_YET = timedelta(seconds=30), timedelta(minutes=10)
"""How soon to look again, and for how long after we subscribed somebody Klaviyo may show no profile: reads lag."""


def join(cases: Sequence[Case]) -> Plan[None]:
    """Put new profiles on their list."""
    by_list: dict[str, list[Case]] = {}
    for case in cases:
        if case.list:
            by_list.setdefault(case.list, []).append(case)
    batches = list(by_list.values())
    verdicts = yield from isolate(
        batches, lambda some: requests.join_list(some[0].list, [case.profile_id for case in some]), blame
    )
    for case, verdict in zip((case for batch in batches for case in batch), verdicts, strict=True):
        if not verdict.response.ok:
            case.fail(_trouble(judge(verdict.response, verdict.place)))


class Leaving(NamedTuple):
    """A person and a list to take them off."""

    case: Case
    list: str


def leaving(cases: Sequence[Case]) -> list[Leaving]:
    """Whoever something is due for, and the lists they must not stay on."""
    some = [case for case in cases if speak.may_opt_out(case) and speak.actionable(case)]
    return [Leaving(case, named) for case in some for named in sorted(to_leave(case))]


def to_leave(case: Case) -> set[str]:
    """Lists whose mail would come against a no; and a brand's own list when nobody at the address agrees to it."""
    voices = [(named, case.voices[key]) for key, named in case.settings.voices.items() if named]
    agreed = {named for named, voice in voices if voice.agrees}
    refused = {named for named, voice in voices if voice.refuses}
    return case.barred | ((refused & case.settings.of_brands) - agreed)


def leave(whom: Sequence[Leaving]) -> Plan[None]:
    """Take people off lists, after what they opted out of and before anything is subscribed. Who has no profile is on
    no list, unless we subscribed them a moment ago: then the profile is waited for."""
    there = [one for one in whom if one.case.found is not None]
    by_list: dict[str, list[Leaving]] = {}
    for one in there:
        by_list.setdefault(one.list, []).append(one)
    batches = [batch for some in by_list.values() for batch in chunks(some, requests.MOST_MEMBERS)]
    verdicts = yield from isolate(batches, _request, blame)
    for one, verdict in zip((one for batch in batches for one in batch), verdicts, strict=True):
        if verdict.response.ok:
            one.case.told("DELETE /api/lists/relationships/profiles", verdict.response.status)
        else:
            speak.failed(one.case, _trouble(judge(verdict.response, verdict.place)))
    for one in whom:
        if one.case.found is None and _subscribed_just_now(one.case):
            speak.failed(one.case, RetryLater(SOON, "Klaviyo does not show the new profile yet"))
        _left(one.case)


def _request(some: Sequence[Leaving]) -> Request:
    found = [one.case.found for one in some]
    return requests.leave_list(some[0].list, [profile.id for profile in found if profile is not None])


def _subscribed_just_now(case: Case) -> bool:
    last = consent.moment(str(case.memory.get("subscribed", "")))
    return last is not None and case.account.now() - last < NOT_SHOWN_YET


def _left(case: Case) -> None:
    """What was a no to one list of a channel that stays subscribed is done with this."""
    for key, voice in case.voices.items():
        if voice.due is not None and not voice.due.yes and not speak.goes_out(case, key):
            case.voices[key] = consent.left(voice)


def _trouble(outcome: Outcome) -> Outcome:
    """A list that Klaviyo does not know is a matter of settings, not of a customer."""
    if isinstance(outcome, Rejected) and outcome.reason == "not_found":
        return Misconfigured("Klaviyo does not know a configured list")
    return outcome
