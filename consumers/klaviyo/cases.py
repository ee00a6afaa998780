"""A work on its way through a plan: its records folded over what is remembered, before anything is asked of Klaviyo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from consumers import policies
from consumers.engine.outcome import Outcome, Skipped
from consumers.engine.sink import Account, Item, body_hash, newest
from consumers.engine.wire import Json
from consumers.klaviyo import consent
from consumers.klaviyo.consent import Key, Said, Speaker, Voice, channel_of
from consumers.klaviyo.found import Found
from consumers.klaviyo.requests import size
from consumers.klaviyo.settings import KlaviyoSettings
from consumers.klaviyo.shapes import views
from consumers.marketing import CHANNELS
from tillstream.mapping.rows import absent

MOST_SEEN = 16
FROM_BULK = "bulk"
"""Stands where a person's content hash stands: this row was read, its consent was not."""

ENVELOPE = frozenset(
    {"connection", "origin", "source_time", "file", "sha256", "line", "file_time", "bulk", "previous_email", "rescued"}
)


@dataclass(slots=True)
class Case:
    """The working sheet of one work.

    `memory` and `voices` are what will be remembered, `before` is the memory it began with; `record` is the content to
    send, None when none is; `found` is the profile at Klaviyo, None when there is none or nobody looked; `bare`: the
    profile is made only to record an opt-out on it; `hold_phone`: its number goes in a second request; `sum` is the
    body of a request that only says what the orders add up to.
    """

    account: Account
    email: str
    memory: dict[str, Json]
    voices: dict[Key, Voice]
    before: Mapping[str, Json]
    record: Mapping[str, Any] | None = None
    job: str = ""
    first_load: bool = False
    from_bulk: bool = False
    stale: bool = False
    mailless: bool = False
    bare: bool = False
    sum: Json = None
    previous: str = ""
    found: Found | None = None
    profile_id: str = ""
    without_phone: bool = False
    hold_phone: bool = False
    new: bool = False
    wrote: bool = False
    status: int = 0
    calls: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    outcome: Outcome | None = None
    _body: tuple[tuple[bool, str, bool], Json] | None = None
    _weight: int = 0

    @property
    def settings(self) -> KlaviyoSettings:
        settings: KlaviyoSettings = self.account.settings
        return settings

    @property
    def met(self) -> bool:
        """Was this address dealt with before? Then its profile exists at Klaviyo."""
        return bool(self.memory.get("met"))

    @property
    def mobile(self) -> str:
        """The number the till has for this person."""
        return str((self.record or {}).get("mobile") or "")

    @property
    def sends_number(self) -> bool:
        """Does its next request carry a mobile number?"""
        return bool(self.mobile) and self.sum is None and not self.without_phone and not self.hold_phone

    @property
    def phone(self) -> str:
        """The number that stands on this person's own profile; "" when there is none, or another profile has it."""
        return "" if self.without_phone else self.mobile or str(self.memory.get("phone", ""))

    @property
    def list(self) -> str:
        """Where a profile that is new through us goes; "" also where its mail would come against a no."""
        named = self.settings.list_of(str((self.record or {}).get("joined_store_code") or ""))
        return "" if named in self.barred else named

    @property
    def barred(self) -> set[str]:
        """Lists said no to while their channel stays subscribed for another list: who is on one would get its mail."""
        if len(self.settings.voices) == len(CHANNELS):
            return set()  # as nearly everywhere, a channel has no other list
        voices = [(channel_of(key), key, self.voices[key]) for key in self.settings.voices]
        refused = {
            key
            for channel, key, voice in voices
            if voice.refuses and any(c == channel and other != key and v.agrees for c, other, v in voices)
        }
        return {named for key in refused for named in self.settings.lists_meant(key)}

    def body(self, *, new: bool = False, profile_id: str = "") -> Json:
        """The profile, as the table makes it. The last one is kept: it is asked for again, and weighs much."""
        if self.sum is not None:
            return self.sum
        how = (new, profile_id, self.without_phone or self.hold_phone)
        if self._body is None or self._body[0] != how:
            self._body, self._weight = (how, self._made(new=new, profile_id=profile_id)), 0
        return self._body[1]

    def weight(self, *, new: bool) -> int:
        """Bytes of the profile on the wire."""
        body = self.body(new=new)
        self._weight = self._weight or size(body)
        return self._weight

    def _made(self, *, new: bool, profile_id: str) -> Json:
        assert self.record is not None  # noqa: S101  # asked for cases with content only
        known = {name: value for name, value in (("new", new), ("profile_id", profile_id)) if value}
        values = {**self.record, "email": self.email, "known": known}
        if self.without_phone or self.hold_phone:
            values["mobile"] = ""
        return views(self.account.tables["klaviyo.profile"]).row.apply(values)

    def fail(self, outcome: Outcome) -> None:
        """What became of it, unless that is decided already."""
        self.outcome = self.outcome or outcome

    def told(self, call: str, status: int) -> None:
        """A call that concerned this work was answered with a yes."""
        self.calls.append(call)
        self.status = status

    def remembered(self) -> dict[str, Json]:
        """The memory as it will be written."""
        said = {key: entry for key, voice in self.voices.items() if (entry := consent.dump(voice))}
        return {**self.memory, "consent": said}


def recall(item: Item) -> dict[str, Json]:
    """What is remembered of the record's address; not what was sent, where it shall be sent again."""
    memory = dict(item.known("profile") or {})
    if item.forced:
        memory.pop("body", None)
    return memory


def voices_of(memory: Mapping[str, Json], *also: Key) -> dict[Key, Voice]:
    """What is remembered of each channel and list, those of former settings as well; of these keys at least nothing."""
    told = memory.get("consent", {})
    return {key: consent.load(told.get(key, {})) for key in (*also, *(key for key in told if key not in also))}


def sheet(account: Account, item: Item, memory: Mapping[str, Json]) -> Case:
    """An empty sheet for the address of a record's key."""
    voices = voices_of(memory, *account.settings.voices)
    return Case(account, policies.address(item.key), dict(memory), voices, memory, first_load=item.first_load)


def open_case(account: Account, items: Sequence[Item], memory: Mapping[str, Json]) -> Case:
    """Fold records of one kind (all from the bulk folder, or none) over the memory, oldest arrival first."""
    case = sheet(account, items[0], memory)
    case.job = next((item.job for item in items if item.job), "")
    taken = [item for item in items if not foreign(item, case.settings)]
    if not taken:
        case.fail(Skipped("origin"))
    elif not case.email:
        case.fail(Skipped("no_email"))
    if case.outcome is None:
        for item in taken:
            take(case, item)
        case.mailless = not any(item.record["email"] or item.record["rescued"] for item in taken)
        if not case.from_bulk:
            new_number(case)
    return case


def foreign(item: Item, settings: KlaviyoSettings) -> policies.Policy:
    """It was learned somewhere that this account takes no customers from."""
    return policies.origin(item.record, (policies.FILE, policies.POLL) if settings.polled else (policies.FILE,))


def take(case: Case, item: Item) -> None:
    """Note one record: what it says of consent, and its content unless newer content of this address is known."""
    record = item.record
    no_content = bool(record["rescued"] or not record["email"])
    listen(case, item, refusals_only=no_content)
    if no_content:
        return
    late = item.order < newest(case.memory)
    if not late:
        case.record = fold(case.record, record)
        case.from_bulk = bool(record["bulk"])
        case.previous = _other_address(record, case.email)
    case.stale = case.record is None and late
    note_seen(case, item, content=FROM_BULK if record["bulk"] else item.content)


def _other_address(record: Mapping[str, Any], email: str) -> str:
    before = policies.former(record)
    return before if before != email else ""


def listen(case: Case, item: Item, *, refusals_only: bool = False) -> None:
    """Hear what a record says of consent, or only what it says no to."""
    before = case.memory.get("seen", {}).get(item.object)
    speaker = Speaker(item.object, clock_of(item), before is not None and before[0] != FROM_BULK, item.first_load)
    for key, said in statements(item, case.settings).items():
        if not (said.yes and refusals_only):
            case.voices[key] = consent.hear(case.voices[key], speaker, said)


def statements(item: Item, settings: KlaviyoSettings) -> dict[Key, Said]:
    """What a record says of consent, and the list that a yes is to; one of the bulk folder says nothing."""
    if item.record["bulk"]:
        return {}
    usual = settings.list_of(item.record["joined_store_code"])
    return {key: Said(yes, named or usual) for key, (yes, named) in consent.statements(item.record, settings).items()}


def new_number(case: Case) -> None:
    """A changed mobile number asks for the consent to SMS to be given for it as well."""
    for key, named in case.settings.voices.items():
        if channel_of(key) == "sms":
            case.voices[key] = consent.new_number(case.voices[key], case.mobile, named or case.list)


def clock_of(item: Item) -> str:
    """The sortable time of what a record says."""
    return item.order or f"{consent.stamp(item.record['source_time'])}||"


def fold(before: Mapping[str, Any] | None, record: Mapping[str, Any]) -> Mapping[str, Any]:
    """A record over an earlier one of the same address: field by field, what is empty changes nothing.

    >>> fold({"city": "Kew", "state": "VIC"}, {"city": "", "state": "NT"})
    {'city': 'Kew', 'state': 'NT'}
    """
    if before is None:
        return record
    return {**before, **{name: value for name, value in record.items() if not absent(value) or name in ENVELOPE}}


def note_seen(case: Case, item: Item, content: str) -> None:
    seen = dict(case.memory.get("seen", {}))
    entry = seen.get(item.object)
    if entry is None or entry[1] <= item.order:
        seen[item.object] = [content, item.order]
    while len(seen) > MOST_SEEN:
        del seen[min(seen, key=lambda person: seen[person][1])]
    case.memory |= {"seen": seen, "tables": case.account.version}


def unseen(case: Case) -> None:
    """Forget the contents (not the times): the next row of each person is looked at, whatever it says."""
    case.memory["seen"] = {person: ["", entry[1]] for person, entry in case.memory.get("seen", {}).items()}


def changed(case: Case) -> bool:
    """Is there content, and other than what was last sent? The store somebody signed up in is no change by itself."""
    before = case.memory.get("body")
    return case.record is not None and (before is None or body_hash(case.body()) != before)


def written(case: Case, *, profile_id: str = "") -> None:
    """Klaviyo took the content."""
    case.wrote = True
    case.profile_id = profile_id or case.profile_id
    if case.sum is not None:
        case.memory["totals_body"] = body_hash(case.sum)
        return
    if case.bare:
        case.memory["made"] = consent.stamp(case.account.now())
        return
    if case.hold_phone:
        return  # what was sent is complete, and remembered, when its number has followed
    case.memory |= {"met": True, "body": body_hash(case.body()), "phone": case.phone}
    if case.without_phone:
        unseen(case)
