"""Consent: subscribe and unsubscribe, whose effect nobody can poll, and the confirmation of double opt-ins."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from sandbox.klaviyo import check
from sandbox.klaviyo.answer import ACCEPTED, Problem, Request, refuse
from sandbox.klaviyo.people import Consent, Profile
from sandbox.klaviyo.world import Pending, World
from sandbox.web.answer import Answer, Json

SUBSCRIBE = "profile-subscription-bulk-create-job"
UNSUBSCRIBE = "profile-subscription-bulk-delete-job"
GAP = 30 * 60.0  # seconds in which a second subscribe of one person is not processed
LIFTED = ("UNSUBSCRIBE", "SPAM_COMPLAINT", "SPAM_REPORT", "USER_SUPPRESSED")

_ROWS, _LIST = "/data/attributes/profiles/data", ("relationships", "list", "data", "id")
_FIELDS = frozenset({"email", "phone_number", "subscriptions", "age_gated_date_of_birth"})
_TRANSACTIONS = "sms.transactional"
_CHANNELS = {
    "email": ("email", {"marketing": "email", "open_tracking": "email.open_tracking", "click_tracking": "email.click"}),
    "sms": ("phone_number", {"marketing": "sms", "transactional": _TRANSACTIONS}),
}


def subscribe(world: World, request: Request) -> Answer:
    """POST /api/profile-subscription-bulk-create-jobs: at most 1,000 profiles, all or nothing."""
    data = check.document(request.body, SUBSCRIBE)
    rows, attributes, roll = check.rows(data, 1000), data["attributes"], check.dig(data, *_LIST)
    problems = [*_problems(rows, "SUBSCRIBED"), *_unknown_list(world, roll), *_foreign(world, rows)]
    refuse([*problems, *_dates(world, rows, bool(attributes.get("historical_import")))])
    for row in rows:
        world.later(world.settings.lag, partial(_subscribe, world, row, attributes, roll))
    return ACCEPTED


def unsubscribe(world: World, request: Request) -> Answer:
    """POST /api/profile-subscription-bulk-delete-jobs: at most 100 profiles, all or nothing."""
    data = check.document(request.body, UNSUBSCRIBE)
    rows, roll = check.rows(data, 100), check.dig(data, *_LIST)
    refuse([*_problems(rows, "UNSUBSCRIBED"), *_unknown_list(world, roll), *_named(rows)])
    for row in rows:
        world.later(world.settings.lag, partial(_unsubscribe, world, row["attributes"], roll))
    return ACCEPTED


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


def _unknown_list(world: World, roll: Any) -> Iterator[Problem]:
    if roll is not None and roll not in world.rolls:
        yield Problem(f"A list with id {roll} does not exist.", "/data/relationships/list/data/id")


def _named(rows: list[Any]) -> Iterator[Problem]:
    """An opt-out knows nobody by id."""
    for place, row in enumerate(rows):
        if isinstance(row, dict) and "id" in row:
            yield Problem("'id' is not a valid field.", f"{_ROWS}/{place}/id")


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


def _entries(attributes: Json) -> Iterator[tuple[str, Json]]:
    """Each (our name of channel and kind, entry) of a row that was found right."""
    for channel, kinds in attributes["subscriptions"].items():
        for kind, entry in kinds.items():
            yield _CHANNELS[channel][1][kind], entry


def _foreign(world: World, rows: list[Any]) -> Iterator[Problem]:
    """One number of a country without a sending number refuses the whole request."""
    for place, row in enumerate(rows):
        phone = check.dig(row, "attributes", "phone_number")
        asked = check.dig(row, "attributes", "subscriptions", "sms")
        if asked is not None and isinstance(phone, str) and not phone.startswith(world.settings.sms_prefixes):
            text = "The account has no SMS sending number for the region of this phone number."
            yield Problem(text, f"{_ROWS}/{place}/attributes/phone_number")


def _dates(world: World, rows: list[Any], historical: bool) -> Iterator[Problem]:
    """`consented_at` belongs to `historical_import` and to the past; there it must not be missing."""
    for place, row in enumerate(rows):
        asked = check.dig(row, "attributes", "subscriptions")
        for channel, kinds in asked.items() if isinstance(asked, dict) else ():
            for kind, entry in kinds.items() if isinstance(kinds, dict) else ():
                wrong = _wrong_date(check.dig(entry, "consented_at"), historical, world.now())
                if wrong:
                    here = f"{_ROWS}/{place}/attributes/subscriptions/{channel}/{kind}/consented_at"
                    yield Problem(wrong, here)


def _wrong_date(said: Any, historical: bool, now: float) -> str:
    if not historical:
        return "'consented_at' is only allowed together with 'historical_import'." if said is not None else ""
    at = check.moment(said)
    if at is None:
        return "'consented_at' is required with 'historical_import'."
    return "'consented_at' must be in the past." if at > now else ""


def _subscribe(world: World, row: Json, job: Json, roll: str | None) -> None:
    """At once, or after a confirmation where the list (or, without one, the account) asks for it; SMS about orders
    are never asked to be confirmed."""
    attributes, historical, now = row["attributes"], bool(job.get("historical_import")), world.now()
    person = world.people.match(row.get("id"), attributes).profile
    if person is not None and person.subscribed_at is not None and now - person.subscribed_at < GAP:
        world.tally("subscribes_too_soon")
        return
    double = not historical and (world.rolls[roll].double if roll is not None else world.settings.double_opt_in)
    entries, source = dict(_entries(attributes)), job.get("custom_source")
    waiting = tuple(channel for channel in entries if double and channel != _TRANSACTIONS)
    if waiting:
        world.pending.append(Pending(_identifiers(attributes), waiting, roll, source))
        world.tally("double_opt_ins")
    for channel, entry in entries.items():
        if channel not in waiting:
            profile = _holder(world, channel, attributes, row)
            _say_yes(world, profile, channel, check.moment(entry.get("consented_at")) or now, source, double=False)
            if roll is not None:
                world.join(profile, roll)
    if len(waiting) < len(entries):
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
    for channel, _ in _entries(attributes):
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
