"""Decide who may be written to: what each person at an address last said, and what follows. When in doubt: less.

Calls follow changes, not states: an export that repeats a yes asks for nothing. A subscribe call lifts earlier refusals
at Klaviyo (OpenAPI document of 2026-07-15, "Bulk Subscribe Profiles"), so each yes is held against what is known there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

from consumers import marketing
from consumers.klaviyo.settings import ConsentColumn, KlaviyoSettings
from consumers.marketing import Channel

Key = str
"""What a yes or no is about: a channel, or of a channel with several lists one of them ("email/Y6nRLr")."""
MOST_PERSONS = 10
OTHERS = "*"
"""In whose name the refusals of persons stand that no longer fit into an address's memory."""

NEVER_AGAIN = frozenset({"USER_SUPPRESSED", "SPAM_COMPLAINT", "SPAM_REPORT", "HARD_BOUNCE", "INVALID_EMAIL"})
"""Suppressions no yes of the till lifts: the merchant's own block, a complaint, an address that takes no mail."""

EARLY, LATE = timedelta(minutes=2), timedelta(minutes=5)
"""How far from our own opt-out call Klaviyo's time of it may lie: clocks differ, and the call is worked on later."""


class Said(NamedTuple):
    """What a row says about a channel; `list` is where its yes subscribes to, "" for the usual one."""

    yes: bool
    list: str = ""


@dataclass(frozen=True, slots=True)
class Due:
    """What has to be done about a channel, because of a statement with this clock.

    `first`: nobody had heard this person before, so that any refusal at Klaviyo outweighs the yes. `old`: it belongs to
    the first load of the connection. `over_no`: a no came before this yes that was not carried out yet.
    """

    yes: bool
    clock: str
    first: bool = False
    list: str = ""
    old: bool = False
    over_no: bool = False


@dataclass(frozen=True, slots=True)
class Voice:
    """One channel, or list of a channel, of one address.

    Each person's last statement with its clock (`Item.order`), the clock of the newest refusal ever heard, what we last
    did at Klaviyo, when and for which number, what is still to do, and the time of the newest refusal seen at Klaviyo
    that was not of our making (our own calls may hide it there).
    """

    said: Mapping[str, tuple[bool, str]] = field(default_factory=dict)
    refused: str = ""
    did: bool | None = None
    at: str = ""
    phone: str = ""
    due: Due | None = None
    foreign: str = ""

    @property
    def wanted(self) -> bool | None:
        """Any no is a no; None: nobody said anything."""
        return all(yes for yes, _ in self.said.values()) if self.said else None

    @property
    def agrees(self) -> bool:
        """Does a yes stand, and is no refusal still to be carried out?"""
        return self.wanted is True and (self.due is None or self.due.yes)

    @property
    def refuses(self) -> bool:
        """Was it said no to, or did we opt it out, with no yes since?"""
        return not self.agrees and (self.wanted is False or self.did is False)

    @property
    def agreed(self) -> str:
        """The clock of the newest yes among the persons' last statements."""
        return max((clock for yes, clock in self.said.values() if yes), default="")


class Standing(NamedTuple):
    """How a channel of a profile stands at Klaviyo: consent, since when (None: not said), and suppression reasons."""

    consent: str = "NEVER_SUBSCRIBED"
    since: datetime | None = None
    reasons: frozenset[str] = frozenset()

    @property
    def refused(self) -> bool:
        """Unsubscribed or suppressed, for whatever reason."""
        return self.consent == "UNSUBSCRIBED" or bool(self.reasons)


UNKNOWN = Standing()


class Speaker(NamedTuple):
    """Who speaks in a row: the person, the row's clock, whether the person was heard of before, first load or not."""

    person: str
    clock: str
    known: bool
    old: bool = False


def channel_of(key: Key) -> Channel:
    """The channel of a voice."""
    return "sms" if key == "sms" or key.startswith("sms/") else "email"


def statements(record: Mapping[str, Any], settings: KlaviyoSettings) -> dict[Key, Said]:
    """What a customer row says about each channel (and list). What it says nothing about is missing.

    PRIVACY Yes is a no for every channel and list. Otherwise the merchant's own consent columns speak; without such,
    the opt-in columns do. Of two columns about one channel and list that disagree: no.
    """
    if record["privacy"]:
        return {key: Said(False, named) for key, named in settings.voices.items()}
    if settings.consent:
        return _columns(record, settings)
    return {channel: Said(yes) for channel, yes in marketing.statements(record).items()}


def _columns(record: Mapping[str, Any], settings: KlaviyoSettings) -> dict[Key, Said]:
    found: dict[Key, Said] = {}
    for column in settings.consent:
        said = _column(record, column)
        if said is not None:
            found |= {key: said for key in _meant(column, settings, said) if key not in found or not said.yes}
    return found


def _meant(column: ConsentColumn, settings: KlaviyoSettings, said: Said) -> Sequence[Key]:
    if column.channel in settings.voices:
        return (column.channel,)
    if not said.yes and not column.list:
        return [key for key in settings.voices if channel_of(key) == column.channel]
    return (f"{column.channel}/{settings.list_meant(column)}",)


def _column(record: Mapping[str, Any], column: ConsentColumn) -> Said | None:
    name = re.sub(r"\s+", "_", column.column.strip().lower())
    cell = _as_text(record["extra"].get(name, record.get(name)))
    if cell in {word.strip().casefold() for word in column.no}:
        return Said(yes=False, list=column.list)
    return Said(yes=True, list=column.list) if cell in {word.strip().casefold() for word in column.yes} else None


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.strip().casefold() if isinstance(value, str) else ""


def hear(voice: Voice, speaker: Speaker, said: Said) -> Voice:
    """The channel after a statement. An older statement of the same person than the one we know changes nothing."""
    refused = voice.refused if said.yes else max(voice.refused, speaker.clock)
    before = voice.said.get(speaker.person)
    if before and (before[1], not before[0]) >= (speaker.clock, not said.yes):
        return replace(voice, refused=refused)
    told = {**voice.said, speaker.person: (said.yes, speaker.clock)}
    heard = _bounded(replace(voice, said=told, refused=refused))
    if not said.yes:
        news = before is None or before[0] or voice.did is not False
        return replace(heard, due=Due(False, speaker.clock, old=speaker.old) if news else voice.due)
    if heard.wanted and not voice.wanted:
        first = not speaker.known and before is None
        over_no = voice.due is not None and (voice.due.over_no or not voice.due.yes)
        return replace(heard, due=Due(True, heard.agreed, first, said.list, speaker.old, over_no))
    return heard


def new_number(voice: Voice, phone: str, list_: str) -> Voice:
    """The channel after its mobile number changed: a standing yes is given for the new one, a no is said of it too."""
    if voice.due is not None or voice.did is None or voice.wanted is None or phone in ("", voice.phone):
        return voice
    if voice.did and not voice.phone:
        return voice
    return replace(
        voice, due=Due(voice.wanted, voice.agreed if voice.wanted else voice.refused, first=True, list=list_)
    )


def leave(voice: Voice, person: str) -> Voice:
    """The channel after a person moved away: their statement counts no more, their refusal is not forgotten."""
    return replace(voice, said={other: said for other, said in voice.said.items() if other != person})


def merge(voice: Voice, other: Voice) -> Voice:
    """Two memories of one channel, such as an address's own and what a person brings who moves to it. A no that is due
    in either is due."""
    said = dict(voice.said)
    for person, (yes, clock) in other.said.items():
        mine = said.get(person)
        if mine is None or (mine[1], not mine[0]) < (clock, not yes):
            said[person] = (yes, clock)
    last = max(voice, other, key=lambda one: one.at)
    return _bounded(
        replace(
            last,
            said=said,
            refused=max(voice.refused, other.refused),
            due=min((one.due for one in (voice, other) if one.due), key=lambda due: due.yes, default=None),
            foreign=max(voice.foreign, other.foreign),
        )
    )


def _bounded(voice: Voice) -> Voice:
    """At most so many persons; of those who said least lately only a refusal is kept, in nobody's name."""
    if len(voice.said) <= MOST_PERSONS:
        return voice
    by_age = sorted(voice.said.items(), key=lambda entry: (entry[0] == OTHERS, entry[1][1]))
    gone, kept = by_age[: len(by_age) - MOST_PERSONS], dict(by_age[len(by_age) - MOST_PERSONS :])
    refusals = [clock for _, (yes, clock) in gone if not yes]
    if refusals:
        kept[OTHERS] = (False, max(refusals))
    return replace(voice, said=kept)


Answer = Literal["subscribe", "subscribed", "withdrawn", "suppressed", "unsubscribed"]


def may_subscribe(voice: Voice, standing: Standing) -> Answer:
    """Whether a due yes goes: "subscribe", or why not. "subscribed": it is so already. "withdrawn": a refusal we heard
    ourselves is as new. "suppressed", "unsubscribed": Klaviyo knows of a refusal that outweighs it."""
    due = voice.due
    if due is None or not due.yes or not voice.wanted or voice.agreed <= voice.refused:
        return "withdrawn"
    if standing.reasons & NEVER_AGAIN:
        return "suppressed"
    if not standing.refused:
        return "subscribed" if standing.consent == "SUBSCRIBED" else "subscribe"
    if due.first:
        return "unsubscribed"
    since = moment(voice.foreign) if is_our_own(voice, standing) else standing.since or datetime.max.replace(tzinfo=UTC)
    if since is None:
        return "subscribe"
    yes_at = moment(due.clock)
    return "unsubscribed" if yes_at is None or yes_at <= since else "subscribe"


def seen_there(voice: Voice, standing: Standing, now: datetime) -> Voice:
    """The channel after a look at Klaviyo: a refusal not of our making is not forgotten when our own covers it."""
    if not standing.refused or is_our_own(voice, standing):
        return voice
    return replace(voice, foreign=max(voice.foreign, stamp(standing.since or now)))


def is_our_own(voice: Voice, standing: Standing) -> bool:
    """Does the refusal at Klaviyo stem from our own call? Then its time is that of the call, not of what was said."""
    at = moment(voice.at)
    if voice.did is not False or at is None or standing.since is None:
        return False
    return at - EARLY <= standing.since <= at + LATE


def only_ours(voice: Voice, standing: Standing) -> bool:
    """Is the refusal at Klaviyo our own call, and was none seen there before that came from elsewhere?"""
    return not voice.foreign and is_our_own(voice, standing)


def done(voice: Voice, *, yes: bool, at: datetime, phone: str = "") -> Voice:
    """The channel after Klaviyo accepted what was due."""
    return replace(voice, did=yes, at=stamp(at), phone=phone, due=None)


def left(voice: Voice) -> Voice:
    """The channel's list after the person was taken off it. No time is kept: no refusal at Klaviyo stems from this."""
    return replace(voice, did=False, at="", phone="", due=None)


def overruled(voice: Voice) -> Voice:
    """The channel after a due yes was held back. A no that came before it still has to be carried out."""
    over_no = voice.due is not None and voice.due.over_no
    return replace(voice, due=Due(False, voice.refused) if over_no else None)


def historical(due: Due, now: datetime, after: timedelta) -> bool:
    """Is it the record of an old yes (no confirmation mail, no welcome), or one given just now?"""
    said_at = moment(due.clock)
    return due.old or said_at is None or now - said_at > after


def moment(clock: str) -> datetime | None:
    """The instant a clock text begins with; None for an empty one.

    >>> moment("2025-04-01T05:05:11.000000Z|2025-04-01T06:00:00.000000Z|000000002")
    datetime.datetime(2025, 4, 1, 5, 5, 11, tzinfo=datetime.timezone.utc)
    """
    text = clock.partition("|")[0]
    return datetime.fromisoformat(text) if text else None


def stamp(instant: datetime) -> str:
    """An instant as text that sorts.

    >>> stamp(datetime(2025, 4, 1, 5, 5, 11, tzinfo=UTC))
    '2025-04-01T05:05:11.000000Z'
    """
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def dump(voice: Voice) -> dict[str, Any]:
    """As it is remembered; what is empty is left out."""
    due = voice.due
    entry: dict[str, Any] = {
        "said": {person: [yes, clock] for person, (yes, clock) in voice.said.items()},
        "refused": voice.refused,
        "foreign": voice.foreign,
        "did": [voice.did, voice.at, voice.phone] if voice.did is not None else None,
        "due": [due.yes, due.clock, due.first, due.list, due.old, due.over_no] if due else None,
    }
    return {name: value for name, value in entry.items() if value}


def load(entry: Mapping[str, Any]) -> Voice:
    """What `dump` remembered."""
    did, at, phone = entry.get("did") or (None, "", "")
    due = Due(*entry["due"]) if entry.get("due") else None
    said = {person: (yes, clock) for person, (yes, clock) in entry.get("said", {}).items()}
    return Voice(said, entry.get("refused", ""), did, at, phone, due, entry.get("foreign", ""))
