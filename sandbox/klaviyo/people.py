"""The profiles of the simulated account: who is found by what, what a write changes, and what a merge leaves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.web.answer import Json

IDENTIFIERS = ("external_id", "email", "phone_number")
"""In Klaviyo's order of precedence, after the profile id (help.klaviyo.com, "Understanding identity resolution")."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What one channel knows; times are Unix seconds."""

    state: str = "NEVER_SUBSCRIBED"
    at: float | None = None
    updated: float | None = None
    method: str | None = None
    source: str | None = None
    double: bool = False


NEVER = Consent()


@dataclass(slots=True)
class Profile:
    """One person as Klaviyo keeps it. `attributes` holds the identifiers and names, never null."""

    id: str
    created: float
    updated: float
    attributes: Json = field(default_factory=dict)
    location: Json = field(default_factory=dict)
    properties: Json = field(default_factory=dict)
    consents: dict[str, Consent] = field(default_factory=dict)
    suppressions: dict[str, float] = field(default_factory=dict)
    list_suppressions: dict[str, float] = field(default_factory=dict)
    lists: dict[str, float] = field(default_factory=dict)
    last_event: float | None = None
    subscribed_at: float | None = None

    def consent(self, channel: str) -> Consent:
        """What it said about a channel (`email`, `sms`, `sms.transactional`, `email.open_tracking`)."""
        return self.consents.get(channel, NEVER)


@dataclass(frozen=True, slots=True)
class Match:
    """Whom a write concerns: nobody yet, one profile, or one profile and another who holds a second identifier."""

    profile: Profile | None
    other: Profile | None = None


class People:
    """All profiles, found by id and by identifier."""

    def __init__(self) -> None:
        self.by_id: dict[str, Profile] = {}
        self._by: dict[str, dict[str, Profile]] = {name: {} for name in IDENTIFIERS}
        self._born = 0

    def __iter__(self) -> Iterator[Profile]:
        return iter(self.by_id.values())

    def find(self, name: str, value: str) -> Profile | None:
        """The profile with this id, e-mail, telephone number or external id."""
        if name == "id":
            return self.by_id.get(value)
        return self._by[name].get(normal(name, value))

    def match(self, identity: str | None, attributes: Json) -> Match:
        """Whom these identifiers mean, by precedence, and who else holds one of them."""
        found = self.by_id.get(identity) if identity else None
        other = None
        for name in IDENTIFIERS:
            value = attributes.get(name)
            holder = self._by[name].get(normal(name, value)) if value else None
            if holder is None:
                continue
            if found is None:
                found = holder
            elif holder is not found:
                other = holder
        return Match(found, other)

    def create(self, now: float) -> Profile:
        """A new, empty profile."""
        self._born += 1
        profile = Profile(f"01SANDBOX{self._born:017d}", now, now)
        self.by_id[profile.id] = profile
        return profile

    def write(self, profile: Profile, attributes: Json, now: float, *, clear: bool) -> None:
        """Put these values on the profile. A null clears when `clear`, and is passed over otherwise."""
        for name, value in attributes.items():
            if name == "location":
                _merge(profile.location, value, clear)
            elif name == "properties":
                _merge(profile.properties, value, clear)
            elif value is not None or clear:
                self._set(profile, name, value)
        profile.updated = now

    def delete(self, profile: Profile) -> None:
        """Forget a profile and free its identifiers."""
        self.by_id.pop(profile.id, None)
        for name in IDENTIFIERS:
            self._release(profile, name)

    def merge(self, survivor: Profile, other: Profile, now: float) -> None:
        """Fold `other` into `survivor`, whose own values win; suppressed and active give suppressed."""
        self.delete(other)
        missing = {key: value for key, value in other.attributes.items() if key not in survivor.attributes}
        self.write(survivor, missing, now, clear=False)
        survivor.location = {**other.location, **survivor.location}
        survivor.properties = {**other.properties, **survivor.properties}
        survivor.suppressions = {**other.suppressions, **survivor.suppressions}
        survivor.lists = {**other.lists, **survivor.lists}
        for channel, theirs in other.consents.items():
            ours = survivor.consent(channel)
            if (theirs.at or 0) >= (ours.at or 0) and theirs.state != ours.state:
                survivor.consents[channel] = theirs

    def _set(self, profile: Profile, name: str, value: Any) -> None:
        if name in self._by:
            value = normal(name, value) if value else None
            if value is not None and self._by[name].get(value) is profile:
                return
            self._release(profile, name)
            if value is not None:
                self._by[name][value] = profile
        if value is None or value == "":
            profile.attributes.pop(name, None)
        else:
            profile.attributes[name] = value

    def _release(self, profile: Profile, name: str) -> None:
        held = profile.attributes.get(name)
        if held is not None and self._by[name].get(held) is profile:
            del self._by[name][held]


def normal(name: str, value: str) -> str:
    """E-mail addresses are compared in lower case."""
    return value.strip().lower() if name == "email" else value


def patch(profile: Profile, orders: Json) -> None:
    """`meta.patch_properties`: append to a list property, take from it, or remove properties."""
    for key, value in orders.get("append", {}).items():
        profile.properties[key] = [*_listed(profile.properties.get(key)), *_listed(value)]
    for key, value in orders.get("unappend", {}).items():
        gone = _listed(value)
        profile.properties[key] = [item for item in _listed(profile.properties.get(key)) if item not in gone]
    for key in _listed(orders.get("unset")):
        profile.properties.pop(str(key), None)


def identified(profiles: Iterable[Profile], needle: str) -> list[Profile]:
    """The profiles whose id, e-mail, telephone number or external id is `needle`."""
    wanted = needle.strip().lower()
    return [
        profile
        for profile in profiles
        if wanted in {profile.id.lower(), *(str(profile.attributes.get(name, "")).lower() for name in IDENTIFIERS)}
    ]


def _merge(held: Json, given: Json | None, clear: bool) -> None:
    if given and None not in given.values():
        held.update(given)
        return
    for key, value in (given or {}).items():
        if value is not None:
            held[key] = value
        elif clear:
            held.pop(key, None)
    if given is None and clear:
        held.clear()


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
