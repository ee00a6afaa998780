"""Consent: subscribe and unsubscribe, whose effect nobody can poll, and the confirmation of double opt-ins."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from sandbox.klaviyo import check
from sandbox.klaviyo.answer import Problem, Request, accepted, invalid
from sandbox.klaviyo.people import Consent, Profile
from sandbox.klaviyo.world import Pending, World
from sandbox.web.answer import Answer, Json

SUBSCRIBE = "profile-subscription-bulk-create-job"
UNSUBSCRIBE = "profile-subscription-bulk-delete-job"
GAP = 30 * 60.0  # seconds in which a second subscribe of one person is not processed
LIFTED = ("UNSUBSCRIBE", "SPAM_COMPLAINT", "SPAM_REPORT", "USER_SUPPRESSED")

_ROWS = "/data/attributes/profiles/data"
_FIELDS = frozenset({"email", "phone_number", "subscriptions", "age_gated_date_of_birth"})
_CHANNELS = {
    "email": ("email", {"marketing": "email", "open_tracking": "email.open_tracking", "click_tracking": "email.click"}),
    "sms": ("phone_number", {"marketing": "sms", "transactional": "sms.transactional"}),
}


def subscribe(world: World, request: Request) -> Answer:
    """POST /api/profile-subscription-bulk-create-jobs: at most 1,000 profiles, all or nothing."""
    data = check.document(request.body, SUBSCRIBE)
    if isinstance(data, Problem):
        return invalid(data)
    rows = _rows(data, 1000)
    if isinstance(rows, Problem):
        return invalid(rows)
    attributes, roll = data["attributes"], _roll(data)
    problems = [*_problems(rows, "SUBSCRIBED"), *_unknown_list(world, roll), *_foreign(world, rows)]
    problems += _dates(world, rows, bool(attributes.get("historical_import")))
    if problems:
        return invalid(*problems)
    for row in rows:
        world.later(world.settings.lag, partial(_subscribe, world, row, attributes, roll))
    return accepted()


def unsubscribe(world: World, request: Request) -> Answer:
    """POST /api/profile-subscription-bulk-delete-jobs: at most 100 profiles, all or nothing."""
    data = check.document(request.body, UNSUBSCRIBE)
    if isinstance(data, Problem):
        return invalid(data)
    rows = _rows(data, 100)
    if isinstance(rows, Problem):
        return invalid(rows)
    problems = [*_problems(rows, "UNSUBSCRIBED"), *_unknown_list(world, _roll(data))]
    problems += [
        Problem("'id' is not a valid field.", f"{_ROWS}/{place}/id") for place, row in enumerate(rows) if "id" in row
    ]
    if problems:
        return invalid(*problems)
    for row in rows:
        world.later(world.settings.lag, partial(_unsubscribe, world, row["attributes"], _roll(data)))
    return accepted()


def confirm(world: World, identifier: str) -> int:
    """The click in a confirmation message: how many waiting double opt-ins it completed."""
    waiting = [pending for pending in world.pending if identifier in pending.identifiers.values()]
    for pending in waiting:
        world.pending.remove(pending)
        for channel in pending.channels:
            profile = _holder(world, channel, pending.identifiers, {})
            _say_yes(world, profile, channel, world.now(), pending.source, double=True)
            if pending.roll is not None:
                world.join(profile, pending.roll)
    return len(waiting)


def _rows(data: Json, most: int) -> list[Any] | Problem:
    rows = data.get("attributes", {}).get("profiles", {}).get("data")
    if not isinstance(rows, list) or not rows:
        return Problem("'profiles' must hold at least one profile.", _ROWS)
    if len(rows) > most:
        return Problem(f"A request takes at most {most} profiles, not {len(rows)}.", _ROWS)
    return rows


def _roll(data: Json) -> str | None:
    named = (data.get("relationships", {}).get("list") or {}).get("data") or {}
    identity = named.get("id")
    return identity if isinstance(identity, str) else None


def _unknown_list(world: World, roll: str | None) -> Iterator[Problem]:
    if roll is not None and roll not in world.rolls:
        yield Problem(f"A list with id {roll} does not exist.", "/data/relationships/list/data/id")


def _problems(rows: list[Any], word: str) -> Iterator[Problem]:
    for place, row in enumerate(rows):
        pointer = f"{_ROWS}/{place}"
        if not isinstance(row, dict) or row.get("type") != "profile" or not isinstance(row.get("attributes"), dict):
            yield Problem("Expected an object of type 'profile' with attributes.", pointer)
            continue
        yield from check.strangers(row["attributes"], _FIELDS, "profile", f"{pointer}/attributes")
        yield from check.identifiers(row["attributes"], f"{pointer}/attributes")
        yield from _subscription_problems(row["attributes"], word, f"{pointer}/attributes")


def _subscription_problems(attributes: Json, word: str, pointer: str) -> Iterator[Problem]:
    asked = attributes.get("subscriptions")
    if not isinstance(asked, dict) or not asked:
        yield Problem("'subscriptions' is required.", f"{pointer}/subscriptions")
        return
    for channel, kinds in asked.items():
        here = f"{pointer}/subscriptions/{channel}"
        if channel not in _CHANNELS or not isinstance(kinds, dict) or not kinds:
            yield Problem(f"'{channel}' is not a valid channel.", here)
            continue
        needed, known = _CHANNELS[channel]
        if not attributes.get(needed):
            text = f"'{needed}' must not be empty when the {channel} channel is included in 'subscriptions'."
            yield Problem(text, f"{pointer}/{needed}")
        for kind, entry in kinds.items():
            if kind not in known or not isinstance(entry, dict) or entry.get("consent") != word:
                yield Problem(f"'consent' must be '{word}'.", f"{here}/{kind}/consent")


def _entries(attributes: Json) -> Iterator[tuple[str, str, Json]]:
    """Each (channel, our name of channel and kind, entry) of a row that was found right."""
    for channel, kinds in attributes["subscriptions"].items():
        for kind, entry in kinds.items():
            yield channel, _CHANNELS[channel][1][kind], entry


def _foreign(world: World, rows: list[Any]) -> Iterator[Problem]:
    """One number of a country without a sending number refuses the whole request."""
    for place, row in enumerate(rows):
        attributes = row.get("attributes") if isinstance(row, dict) else None
        asked = attributes.get("subscriptions") if isinstance(attributes, dict) else None
        if not isinstance(attributes, dict) or not isinstance(asked, dict) or "sms" not in asked:
            continue
        phone = attributes.get("phone_number")
        if isinstance(phone, str) and not phone.startswith(world.settings.sms_prefixes):
            text = "The account has no SMS sending number for the region of this phone number."
            yield Problem(text, f"{_ROWS}/{place}/attributes/phone_number")


def _dates(world: World, rows: list[Any], historical: bool) -> list[Problem]:
    """`consented_at` belongs to `historical_import` and to the past; there it must not be missing."""
    problems = []
    for place, row in enumerate(rows):
        for channel, kinds in _asked(row).items():
            for kind, entry in kinds.items() if isinstance(kinds, dict) else ():
                said = entry.get("consented_at") if isinstance(entry, dict) else None
                wrong = _wrong_date(said, historical, world.now())
                if wrong:
                    here = f"{_ROWS}/{place}/attributes/subscriptions/{channel}/{kind}/consented_at"
                    problems.append(Problem(wrong, here))
    return problems


def _asked(row: Any) -> Json:
    attributes = row.get("attributes") if isinstance(row, dict) else None
    asked = attributes.get("subscriptions") if isinstance(attributes, dict) else None
    return asked if isinstance(asked, dict) else {}


def _wrong_date(said: Any, historical: bool, now: float) -> str:
    if not historical:
        return "'consented_at' is only allowed together with 'historical_import'." if said is not None else ""
    at = check.moment(said)
    if at is None:
        return "'consented_at' is required with 'historical_import'."
    return "'consented_at' must be in the past." if at > now else ""


def _subscribe(world: World, row: Json, job: Json, roll: str | None) -> None:
    attributes, historical = row["attributes"], bool(job.get("historical_import"))
    person = world.people.match(row.get("id"), attributes).profile
    now = world.now()
    if person is not None and person.subscribed_at is not None and now - person.subscribed_at < GAP:
        world.tally("subscribes_too_soon")
        return
    if roll is not None and world.rolls[roll].double and not historical:
        channels = tuple(channel for _, channel, _ in _entries(attributes))
        world.pending.append(Pending(_identifiers(attributes), channels, roll, job.get("custom_source")))
        world.tally("double_opt_ins")
        return
    for _, channel, entry in _entries(attributes):
        profile = _holder(world, channel, attributes, row)
        at = check.moment(entry.get("consented_at")) or now
        _say_yes(world, profile, channel, at, job.get("custom_source"), double=False)
        if roll is not None:
            world.join(profile, roll)
    world.tally("subscribes")


def _holder(world: World, channel: str, attributes: Json, row: Json) -> Profile:
    """Whose consent it is: the named profile, else the holder of the channel's identifier, else a new one."""
    name = "email" if channel.startswith("email") else "phone_number"
    named = world.people.by_id.get(row.get("id", ""))
    profile = named or world.people.find(name, attributes[name]) or world.people.match(None, attributes).profile
    if profile is None:
        profile = world.people.create(world.now())
    free = {
        key: value
        for key, value in _identifiers(attributes).items()
        if world.people.find(key, value) is None and (key == name or key not in profile.attributes)
    }
    world.people.write(profile, free, world.now(), clear=False)
    return profile


def _identifiers(attributes: Json) -> Json:
    return {key: attributes[key] for key in ("email", "phone_number") if attributes.get(key)}


def _say_yes(world: World, profile: Profile, channel: str, at: float, source: str | None, *, double: bool) -> None:
    """Subscribe one channel; for e-mail this lifts what the person or the merchant said, and keeps what bounced."""
    now = world.now()
    profile.consents[channel] = Consent("SUBSCRIBED", at, now, "API", source, double)
    profile.subscribed_at = now
    if channel == "email":
        for reason in LIFTED:
            profile.suppressions.pop(reason, None)
        profile.list_suppressions.clear()


def _unsubscribe(world: World, attributes: Json, roll: str | None) -> None:
    """The opt-out is dated now. With a list: members leave it, all others are unsubscribed as a whole."""
    for _, channel, _ in _entries(attributes):
        name = "email" if channel.startswith("email") else "phone_number"
        profile = world.people.find(name, attributes[name])
        if profile is None:
            # What the real one does is not documented; a sandbox that forgets it shows who did not upsert first.
            world.tally("unsubscribes_of_nobody")
            continue
        world.tally("unsubscribes")
        if roll is not None and roll in profile.lists:
            del profile.lists[roll]
            profile.list_suppressions[roll] = world.now()
            continue
        profile.consents[channel] = Consent("UNSUBSCRIBED", world.now(), world.now(), "API")
        if channel == "email":
            profile.suppressions.setdefault("UNSUBSCRIBE", world.now())
