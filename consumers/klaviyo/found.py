"""What Klaviyo knows of people before we write to them: does the profile exist, and how does its consent stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from consumers.engine.bulk import chunks
from consumers.engine.outcome import Refusal
from consumers.engine.wire import Json, Plan, ask_all
from consumers.klaviyo import requests
from consumers.klaviyo.consent import UNKNOWN, Key, Standing, channel_of
from consumers.klaviyo.errors import judge, listed
from consumers.marketing import CHANNELS, Channel
from consumers.refusals import something_else


class Found(NamedTuple):
    """A profile that exists."""

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


def find(emails: Sequence[str]) -> Plan[tuple[dict[str, Found], Refusal | None]]:
    """The profiles that exist, by address; and why it could not be found out, if so."""
    pages = chunks(list(dict.fromkeys(emails)), requests.MOST_READ)
    responses = yield from ask_all([requests.read_profiles(page) for page in pages])
    found: dict[str, Found] = {}
    for response in responses:
        profiles = listed(response)
        if profiles is None:
            return {}, something_else("Klaviyo", "profiles") if response.ok else judge(response)
        found.update(map(_profile, profiles))
    return found, None


def _profile(data: Json) -> tuple[str, Found]:
    attributes = data.get("attributes") or {}
    consent = attributes.get("subscriptions") or {}
    standing: dict[Channel, Standing] = {"email": _standing(consent.get("email")), "sms": _standing(consent.get("sms"))}
    phone, created = attributes.get("phone_number") or "", _instant(attributes.get("created"))
    profile = Found(
        str(data.get("id")),
        phone,
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
