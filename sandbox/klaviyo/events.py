"""Events, one by one and in bulk: checked at once, recorded once per (profile, metric, unique id), never changed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from sandbox.klaviyo import check, filters, render
from sandbox.klaviyo.answer import ACCEPTED, Problem, Request, invalid, refuse
from sandbox.klaviyo.filters import Comparison
from sandbox.klaviyo.people import IDENTIFIERS, Profile, normal
from sandbox.klaviyo.world import Event, World
from sandbox.web.answer import Answer, Json

MOST = 1000
TEST_DOMAINS = ("example.com", "example.org", "example.net", "test.com")
_GROUPS = "/data/attributes/events-bulk-create/data"
_NUMBERS = (int, float, type(None))
_CURRENCY = re.compile("[A-Z]{3}")
_OLDEST = 946_684_800.0  # 2000-01-01
_YEAR = 366 * 86_400.0
_BULK_FIELDS = frozenset({"metric", "properties", "time", "value", "value_currency", "unique_id", "backfill"})
_FIELDS = _BULK_FIELDS | {"profile"}
_GROUP_FIELDS = frozenset({"profile", "events", "backfill"})
_FILTERS = {
    **dict.fromkeys(("metric_id", "profile_id"), filters.EQUALS),
    **dict.fromkeys(("datetime", "timestamp"), filters.BETWEEN),
}


@dataclass(frozen=True, slots=True)
class Draft:
    """One event as it came: its own attributes, whose it is, and the time that counts when it names none."""

    attributes: Json
    person: Json
    backfill: bool


def create(world: World, request: Request) -> Answer:
    """POST /api/events: 202 and an empty body, whatever becomes of it."""
    attributes, pointer = check.document(request.body, "event").get("attributes", {}), "/data/attributes"
    person = check.dig(attributes, "profile", "data")
    refuse([*_event_problems(world, attributes, pointer, _FIELDS), *_person_problems(person, f"{pointer}/profile")])
    draft = Draft(attributes, person, bool(attributes.get("backfill")))
    world.later(world.settings.lag, partial(_record, world, draft))
    return ACCEPTED


def bulk(world: World, request: Request) -> Answer:
    """POST /api/event-bulk-create-jobs: at most 1,000 events by profile, all or nothing; no job to ask about."""
    data = check.document(request.body, "event-bulk-create-job")
    groups = check.dig(data, "attributes", "events-bulk-create", "data")
    if not isinstance(groups, list) or not groups:
        raise invalid(Problem("'events-bulk-create' must hold at least one profile's events.", _GROUPS))
    refuse(problem for place, group in enumerate(groups) for problem in _group_problems(world, place, group))
    drafts = [draft for group in groups for draft in _drafts(group["attributes"])]
    if len(drafts) > MOST:
        raise invalid(Problem(f"A request takes at most {MOST} events, not {len(drafts)}.", _GROUPS))
    if _repeats(drafts):
        raise invalid(Problem("A unique_id occurs twice in this request.", _GROUPS))
    for draft in drafts:
        world.later(world.settings.lag, partial(_record, world, draft))
    return ACCEPTED


def search(world: World, request: Request) -> Answer:
    """GET /api/events, newest first unless `sort` says otherwise."""
    tests = filters.tests(request, _FILTERS)
    _, newest_first = check.order(request, ("datetime", "timestamp"), "-datetime")
    found = [event for event in world.events.values() if all(_passes(event, test) for test in tests)]
    found.sort(key=lambda event: event.time, reverse=newest_first)
    return render.page(found, request, render.event, usual=200, most=1000)


def _passes(event: Event, test: Comparison) -> bool:
    if test.field in ("metric_id", "profile_id"):
        return (event.metric if test.field == "metric_id" else event.profile) in test.values
    text = test.values[0]
    seconds = test.field == "timestamp" and text.isdecimal()
    return test.holds(event.time, float(text) if seconds else filters.moment(test))


def _group_problems(world: World, place: int, group: Any) -> Iterator[Problem]:
    pointer, attributes = f"{_GROUPS}/{place}/attributes", check.dig(group, "attributes")
    if not isinstance(attributes, dict) or group.get("type") != "event-bulk-create":
        yield Problem("Expected an object of type 'event-bulk-create' with attributes.", f"{_GROUPS}/{place}")
        return
    yield from check.strangers(attributes, _GROUP_FIELDS, "event-bulk-create", pointer)
    yield from _person_problems(check.dig(attributes, "profile", "data"), f"{pointer}/profile")
    events = check.dig(attributes, "events", "data")
    if not isinstance(events, list) or not events:
        yield Problem("'events' must hold at least one event.", f"{pointer}/events")
        return
    for number, event in enumerate(events):
        here = f"{pointer}/events/data/{number}"
        if not isinstance(event, dict) or event.get("type") != "event" or not isinstance(event.get("attributes"), dict):
            yield Problem("Expected an object of type 'event' with attributes.", here)
            continue
        yield from _event_problems(world, event["attributes"], f"{here}/attributes", _BULK_FIELDS)


def _drafts(group: Json) -> Iterator[Draft]:
    for event in group["events"]["data"]:
        attributes = event["attributes"]
        backfill = bool(attributes.get("backfill", group.get("backfill", False)))
        yield Draft(attributes, group["profile"]["data"], backfill)


def _repeats(drafts: Iterable[Draft]) -> bool:
    keys = [
        (_identity(draft.person), draft.attributes["metric"]["data"]["attributes"]["name"], unique)
        for draft in drafts
        if (unique := draft.attributes.get("unique_id"))
    ]
    return len(set(keys)) < len(keys)


def _identity(person: Json) -> str:
    attributes = person.get("attributes", {})
    return next((normal(name, attributes[name]) for name in IDENTIFIERS if attributes.get(name)), person.get("id", ""))


def _person_problems(person: Any, pointer: str) -> list[Problem]:
    found = check.profile(person, f"{pointer}/data", check.EVENT_PROFILE_FIELDS)
    if isinstance(person, dict) and len(orjson.dumps(person)) > 95_000:
        found.append(Problem("The profile of an event must not be larger than 95 kB.", pointer))
    return found


def _event_problems(world: World, event: Json, pointer: str, known: frozenset[str]) -> list[Problem]:
    found = list(check.strangers(event, known, "event", pointer))
    metric = check.dig(event, "metric", "data")
    name = check.dig(metric, "attributes", "name")
    if check.dig(metric, "type") != "metric" or not isinstance(name, str) or not 0 < len(name) < 128:
        text, here = "A metric with a name of 1 to 127 characters is required.", "metric/data/attributes/name"
        found.append(Problem(text, f"{pointer}/{here}"))
    if wrong := _wrong_properties(event.get("properties")):
        found.append(Problem(wrong, f"{pointer}/properties"))
    if (time := event.get("time")) is not None:
        at = check.moment(time)
        if at is None or not _OLDEST <= at <= world.now() + _YEAR:
            found.append(Problem("'time' must be an ISO 8601 moment from 2000 to a year ahead.", f"{pointer}/time"))
    if type(event.get("value")) not in _NUMBERS:
        found.append(Problem("'value' must be a number.", f"{pointer}/value"))
    currency = event.get("value_currency")
    if currency is not None and not (isinstance(currency, str) and _CURRENCY.fullmatch(currency)):
        found.append(Problem("'value_currency' must be an ISO 4217 code.", f"{pointer}/value_currency"))
    unique = event.get("unique_id")
    if unique is not None and not (isinstance(unique, str) and 1 <= len(unique) <= 255):
        found.append(Problem("'unique_id' must have 1 to 255 characters.", f"{pointer}/unique_id"))
    return found


def _wrong_properties(properties: Any) -> str:
    """What is wrong with an event's properties; nothing is the empty text."""
    if not isinstance(properties, dict):
        return "'properties' must be an object."
    return "An event takes at most 400 properties." if len(properties) > 400 else _too_much(properties, 1)


def _too_much(value: Any, depth: int) -> str:
    """What is too long, too wide, too deep or too large in an object or array; nothing is the empty text."""
    if depth > 10:
        return "Objects may be nested up to 10 levels."
    if isinstance(value, list) and len(value) > 4000:
        return "An array takes at most 4000 items."
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, str):
            if len(item) > 100_000:
                return "A string must not be larger than 100 kB."
        elif isinstance(item, dict | list) and (wrong := _too_much(item, depth + 1)):
            return wrong
    return ""


def _record(world: World, draft: Draft) -> None:
    """Record an event unless its address is a test address or it is known already."""
    attributes = draft.attributes
    email = str(draft.person.get("attributes", {}).get("email") or "").lower()
    if email.endswith(tuple(f"@{domain}" for domain in TEST_DOMAINS)):
        world.tally("events_of_test_domains")
        return
    profile = _owner(world, draft.person)
    at = int(check.moment(attributes.get("time")) or world.now())
    metric = world.metric(attributes["metric"]["data"]["attributes"]["name"])
    unique = attributes.get("unique_id") or str(at)
    key = (profile.id, metric, unique)
    if key in world.events:
        world.tally("duplicate_events")
        return
    kept = {name: value for name, value in attributes["properties"].items() if not _empty(value)}
    currency, value = attributes.get("value_currency"), attributes.get("value")
    if value is not None:
        world.valued.add(metric)
    elif metric in world.valued:
        value = 0  # Events API overview: a metric that has a value once has one always
    identity = f"event-{world.serial()}"
    world.events[key] = Event(
        identity, metric, profile.id, unique, at, kept, value, currency, draft.backfill, world.now()
    )
    profile.last_event = max(at, profile.last_event or 0)


def _owner(world: World, person: Json) -> Profile:
    """The profile an event belongs to; a profile known by telephone alone is merged into the one with the e-mail."""
    attributes = {key: one for key, one in person.get("attributes", {}).items() if key not in ("meta", "anonymous_id")}
    found = world.people.match(person.get("id"), attributes)
    profile = found.profile or world.people.create(world.now())
    if found.other is not None and "email" not in found.other.attributes:
        world.merge(profile, found.other)
    elif found.other is not None:
        attributes.pop("phone_number", None)
    world.people.write(profile, attributes, world.now(), clear=False)
    return profile


def _empty(value: Any) -> bool:
    """Klaviyo drops these from an event, as if they had not been sent (Events API overview)."""
    return value is None or value == "" or (not isinstance(value, bool) and value == 0)
