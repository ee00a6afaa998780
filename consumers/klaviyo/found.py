"""What Klaviyo knows of people before we write to them: does the profile exist, and how does its consent stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from consumers.engine.bulk import chunks, isolate
from consumers.engine.outcome import Refusal
from consumers.engine.wire import Json, Plan, objects, under
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
    attributes = under(data, "attributes")
    number = str(attributes.get("phone_number") or "")
    told = {channel: under(attributes, "subscriptions", channel, "marketing") for channel in CHANNELS}
    agreed = [at for marketing in told.values() if (at := _subscribed(marketing)) is not None]
    profile = Found(
        str(data.get("id")),
        number if _E164.fullmatch(number) else "",
        instant(attributes.get("created")),
        {channel: _standing(marketing) for channel, marketing in told.items()},
        under(attributes, "properties"),
        {
            str(one.get("list_id")): instant(one.get("timestamp"))
            for one in objects(told["email"].get("list_suppressions"))
        },
        max(agreed, default=None),
    )
    return str(attributes.get("email") or "").strip().lower(), profile


def _standing(marketing: Mapping[str, Json]) -> Standing:
    """Of a channel that Klaviyo says nothing of: never subscribed. "since" is the later of the consent's and any
    suppression's time."""
    suppressions = objects(marketing.get("suppression"))
    times = [instant(marketing.get("consent_timestamp")), *(instant(one.get("timestamp")) for one in suppressions)]
    since = max((at for at in times if at is not None), default=None)
    reasons = frozenset(str(one.get("reason") or "") for one in suppressions)
    return Standing(str(marketing.get("consent") or UNKNOWN.consent), since, reasons)


def _subscribed(marketing: Mapping[str, Json]) -> datetime | None:
    return instant(marketing.get("last_updated")) if marketing.get("consent") == "SUBSCRIBED" else None


def instant(said: Json) -> datetime | None:
    """Klaviyo's times carry an offset; one that is none counts as not said."""
    try:
        found = datetime.fromisoformat(said) if isinstance(said, str) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else None
