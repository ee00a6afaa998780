"""Decide what the shop is told of consent. When in doubt less, and never older consent over newer.

Calls follow changes: a person who only repeats a yes asks for nothing, so that what a customer did in the shop
meanwhile stands. Each person's last statement of a channel is kept with its own clock; any no is a no.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from consumers.engine.wire import Json
from consumers.marketing import CHANNELS, Channel, statements

PARTS: Mapping[Channel, str] = {"email": "emailMarketingConsent", "sms": "smsMarketingConsent"}
CLOSE = timedelta(seconds=2)
"""Shopify keeps times to the second."""
NEVER = ("INVALID", "REDACTED")

Voices = dict[str, dict[str, Json]]
"""Channel -> person -> [yes, time]: what each person at the address said last."""


class Wish(NamedTuple):
    """What all persons at an address want of a channel together, and since when."""

    yes: bool
    since: datetime


class Standing(NamedTuple):
    """How a channel stands in the shop, and since when (None: the shop does not say)."""

    state: str = "NOT_SUBSCRIBED"
    since: datetime | None = None


NOBODY_SAID: Mapping[Channel, Standing] = dict.fromkeys(CHANNELS, Standing())


def hear(voices: Voices, record: Mapping[str, Any]) -> Voices:
    """The voices after a record. What is older than what its person said already changes nothing, nor does what came
    from the bulk folder."""
    heard = {channel: dict(said) for channel, said in voices.items()}
    when = written(record["source_time"])
    news = {} if record["bulk"] else statements(record)
    for channel, yes in news.items():
        said = heard.setdefault(channel, {})
        before = said.get(record["person_id"])
        if before is None or (when, not yes) > (before[1], not before[0]):
            said[record["person_id"]] = [yes, when]
    return heard


def together(voices: Voices, others: Voices) -> Voices:
    """The voices of two addresses, each person's newest."""
    both = {channel: dict(said) for channel, said in voices.items()}
    for channel, said in others.items():
        for person, one in said.items():
            before = both.setdefault(channel, {}).get(person)
            if before is None or (one[1], not one[0]) > (before[1], not before[0]):
                both[channel][person] = one
    return both


def wishes(voices: Voices) -> dict[Channel, Wish]:
    """What the persons want together; a channel of which nobody spoke is left out."""
    return {channel: _wish(list(voices[channel].values())) for channel in CHANNELS if voices.get(channel)}


def _wish(said: list[Json]) -> Wish:
    yes = all(one[0] for one in said)
    return Wish(yes, read(max(one[1] for one in said if one[0] is yes)))


def due(wish: Wish, standing: Standing, did: Json, wrote: Json) -> bool:
    """Is the shop to be told? `did`: what was decided last ([yes, time]), None at first sight; `wrote`: what the shop
    was last told by us ([yes, time])."""
    if (did is not None and did[0] == wish.yes) or standing.state in NEVER:
        return False
    newer = standing.since is None or wish.since > standing.since
    if not wish.yes:
        ours = wrote is not None and wrote[0] and _same(wrote, standing)
        return standing.state in ("SUBSCRIBED", "PENDING") and (newer or ours)
    if standing.state == "NOT_SUBSCRIBED":
        return newer
    if standing.state != "UNSUBSCRIBED" or did is None:
        return False
    ours = wrote is not None and not wrote[0] and _same(wrote, standing)
    return ours or (standing.since is not None and newer)


def _same(wrote: Json, standing: Standing) -> bool:
    """Does the shop still stand as we told it? Whoever does not say since when has not changed it."""
    return standing.since is None or abs(standing.since - read(wrote[1])) <= CLOSE


def written(when: datetime) -> str:
    """A time as it is remembered; texts sort as times do."""
    return when.astimezone(UTC).isoformat(timespec="seconds")


def read(text: str) -> datetime:
    """What `written` wrote."""
    return datetime.fromisoformat(text)
