"""What Klaviyo knows of people before we write to them: does the profile exist, and how does its consent stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from consumers.engine.bulk import chunks, isolate
from consumers.engine.outcome import Refusal
from consumers.engine.wire import Json, Plan
from consumers.klaviyo import requests
from consumers.klaviyo.consent import UNKNOWN, Key, Standing, channel_of
from consumers.klaviyo.errors import blame, judge, listed
from consumers.marketing import CHANNELS, Channel
from consumers.refusals import something_else

_E164 = re.compile(r"\+[1-9][0-9]{1,14}")


class Found(NamedTuple):
    """A profile that exists. `phone`: its number; "" also for one in another form than E.164, as old profiles have it:
    no SMS goes there, and Klaviyo refuses it in a request."""

    id: str
    phone: str
    created: datetime | None
    standing: Mapping[Channel, Standing]
    properties: Mapping[str, Json]
    left: Mapping[str, datetime | None]
    """Lists that the person was taken off (at Klaviyo: suppressed for e-mail), and since when."""
    subscribed: datetime | None
    """When Klaviyo last worked on a yes of theirs, whoever brought it; history is worked on later than it was said."""

    def stands(self, key: Key, list_: str) -> Standing:
        """How a channel stands for this list: who left the list refused it, whatever the rest of the channel says."""
        channel = channel_of(key)
        whole = self.standing[channel]
        if channel != "email" or list_ not in self.left:
            return whole
        times = [at for at in (self.left[list_], whole.since if whole.refused else None) if at is not None]
        return Standing("UNSUBSCRIBED", max(times, default=None), whole.reasons)


def find(emails: Iterable[str]) -> Plan[tuple[dict[str, Found], dict[str, Refusal]]]:
    """The profiles that exist, by address; and of which addresses it could not be found out, and why."""
    asked = list(dict.fromkeys(emails))
    pages = list(chunks(asked, requests.MOST_READ, requests.length_of, requests.MOST_READ_LENGTH))
    verdicts = yield from isolate(pages, requests.read_profiles, blame)
    found, failed = dict[str, Found](), dict[str, Refusal]()
    for answer, rows in groupby(zip(asked, verdicts, strict=True), key=lambda row: row[1].response):
        profiles = listed(answer)
        if profiles is None:
            refusal = something_else("Klaviyo", "profiles") if answer.ok else judge(answer)
            failed |= {email: refusal for email, _ in rows}
        else:
            found |= dict(map(_profile, profiles))
    return found, failed


def _profile(data: Json) -> tuple[str, Found]:
    attributes = data.get("attributes") or {}
    consent = attributes.get("subscriptions") or {}
    standing: dict[Channel, Standing] = {"email": _standing(consent.get("email")), "sms": _standing(consent.get("sms"))}
    number, created = str(attributes.get("phone_number") or ""), _instant(attributes.get("created"))
    profile = Found(
        str(data.get("id")),
        number if _E164.fullmatch(number) else "",
        created,
        standing,
        attributes.get("properties") or {},
        _left(consent.get("email")),
        max((at for at in (_subscribed(consent.get(channel)) for channel in CHANNELS) if at is not None), default=None),
    )
    return (attributes.get("email") or "").strip().lower(), profile


def _standing(channel: Json) -> Standing:
    """Sub-objects may be missing or null; "since" is the later of the consent's and any suppression's time."""
    marketing = (channel or {}).get("marketing")
    if not marketing:
        return UNKNOWN
    suppressions = marketing.get("suppression") or ()
    times = [_instant(marketing.get("consent_timestamp")), *(_instant(one.get("timestamp")) for one in suppressions)]
    since = max((at for at in times if at is not None), default=None)
    reasons = frozenset(one.get("reason") or "" for one in suppressions)
    return Standing(marketing.get("consent") or "NEVER_SUBSCRIBED", since, reasons)


def _subscribed(channel: Json) -> datetime | None:
    marketing = (channel or {}).get("marketing") or {}
    return _instant(marketing.get("last_updated")) if marketing.get("consent") == "SUBSCRIBED" else None


def _left(channel: Json) -> dict[str, datetime | None]:
    marketing = (channel or {}).get("marketing") or {}
    return {str(one.get("list_id")): _instant(one.get("timestamp")) for one in marketing.get("list_suppressions") or ()}


def _instant(text: str | None) -> datetime | None:
    """Klaviyo's times carry an offset; one that is none counts as not said."""
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else None
