"""Events, one by one and in bulk: checked at once, recorded once per (profile, metric, unique id), never changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from sandbox.klaviyo import check, render
from sandbox.klaviyo.answer import Problem, Request, accepted, invalid, unknown
from sandbox.klaviyo.filters import Comparison, FilterError, compare, read
from sandbox.klaviyo.people import IDENTIFIERS, Profile, normal
from sandbox.klaviyo.world import Event, World
from sandbox.web.answer import Answer, Json

MOST = 1000
TEST_DOMAINS = ("example.com", "example.org", "example.net", "test.com")
_GROUPS = "/data/attributes/events-bulk-create/data"
_OLDEST = 946_684_800.0  # 2000-01-01
_YEAR = 366 * 86_400.0
_FIELDS = frozenset({"metric", "profile", "properties", "time", "value", "value_currency", "unique_id", "backfill"})


@dataclass(frozen=True, slots=True)
class Draft:
    """One event as it came: its own attributes, whose it is, and the time that counts when it names none."""

    attributes: Json
    person: Json
    backfill: bool


def create(world: World, request: Request) -> Answer:
    """POST /api/events: 202 and an empty body, whatever becomes of it."""
    data = check.document(request.body, "event")
    if isinstance(data, Problem):
        return invalid(data)
    attributes, pointer = data.get("attributes"), "/data/attributes"
    if not isinstance(attributes, dict):
        return invalid(Problem("'attributes' is required.", pointer))
    person: Any = (attributes.get("profile") or {}).get("data")
    problems = [*_event_problems(world, attributes, pointer, _FIELDS), *_person_problems(person, f"{pointer}/profile")]
    if problems:
        return invalid(*problems)
    draft = Draft(attributes, person, bool(attributes.get("backfill")))
    world.later(world.settings.lag, partial(_record, world, draft))
    return accepted()


def bulk(world: World, request: Request) -> Answer:
    """POST /api/event-bulk-create-jobs: at most 1,000 events by profile, all or nothing; no job to ask about."""
    data = check.document(request.body, "event-bulk-create-job")
    if isinstance(data, Problem):
        return invalid(data)
    groups = data.get("attributes", {}).get("events-bulk-create", {}).get("data")
    if not isinstance(groups, list) or not groups:
        return invalid(Problem("'events-bulk-create' must hold at least one profile's events.", _GROUPS))
    problems = [problem for place, group in enumerate(groups) for problem in _group_problems(world, place, group)]
    if problems:
        return invalid(*problems)
    drafts = [draft for group in groups for draft in _drafts(group["attributes"])]
    if len(drafts) > MOST:
        return invalid(Problem(f"A request takes at most {MOST} events, not {len(drafts)}.", _GROUPS))
    if _repeats(drafts):
        return invalid(Problem("A unique_id occurs twice in this request.", _GROUPS))
    for draft in drafts:
        world.later(world.settings.lag, partial(_record, world, draft))
    return accepted()


def get(world: World, request: Request) -> Answer:
    """GET /api/events/{id}."""
    found = next((event for event in world.events.values() if event.id == request.ids[0]), None)
    return unknown("event", request.ids[0]) if found is None else render.one(render.event(found), request.path)


def search(world: World, request: Request) -> Answer:
    """GET /api/events, newest first unless `sort` says otherwise."""
    try:
        tests = read(request.query["filter"]) if request.query.get("filter") else ()
        found = [event for event in world.events.values() if all(_passes(event, test) for test in tests)]
    except FilterError as error:
        return invalid(Problem(str(error), parameter="filter"))
    found.sort(key=lambda event: event.time, reverse=request.query.get("sort", "-datetime").startswith("-"))
    return render.page([render.event(event) for event in found], request, usual=200, most=1000)


def _passes(event: Event, test: Comparison) -> bool:
    if test.field in ("metric_id", "profile_id"):
        return (event.metric if test.field == "metric_id" else event.profile) in test.values
    text = test.values[0]
    wanted = float(text) if test.field == "timestamp" and text.isdecimal() else check.moment(text)
    if test.field not in ("timestamp", "datetime") or wanted is None:
        raise FilterError(f"'{test.field}' is not a valid filter field for the resource 'event'.")
    return compare(test.operator, event.time, wanted)


def _group_problems(world: World, place: int, group: Any) -> Iterator[Problem]:
    pointer = f"{_GROUPS}/{place}/attributes"
    attributes = group.get("attributes") if isinstance(group, dict) else None
    if not isinstance(attributes, dict) or group.get("type") != "event-bulk-create":
        yield Problem("Expected an object of type 'event-bulk-create' with attributes.", f"{_GROUPS}/{place}")
        return
    yield from _person_problems((attributes.get("profile") or {}).get("data"), f"{pointer}/profile")
    events = (attributes.get("events") or {}).get("data")
    if not isinstance(events, list) or not events:
        yield Problem("'events' must hold at least one event.", f"{pointer}/events")
        return
    for number, event in enumerate(events):
        here = f"{pointer}/events/data/{number}"
        if not isinstance(event, dict) or event.get("type") != "event" or not isinstance(event.get("attributes"), dict):
            yield Problem("Expected an object of type 'event' with attributes.", here)
            continue
        yield from _event_problems(world, event["attributes"], f"{here}/attributes", _FIELDS - {"profile"})


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


def _person_problems(person: Any, pointer: str) -> Iterator[Problem]:
    yield from check.profile(person, f"{pointer}/data", check.EVENT_PROFILE_FIELDS)
    if isinstance(person, dict) and len(orjson.dumps(person)) > 95_000:
        yield Problem("The profile of an event must not be larger than 95 kB.", pointer)


def _event_problems(world: World, event: Json, pointer: str, known: frozenset[str]) -> Iterator[Problem]:
    yield from check.strangers(event, known, "event", pointer)
    metric = event.get("metric")
    data = metric.get("data") if isinstance(metric, dict) else None
    name = data.get("attributes", {}).get("name") if isinstance(data, dict) else None
    if not isinstance(name, str) or not 0 < len(name) < 128:
        yield Problem("A metric name of 1 to 127 characters is required.", f"{pointer}/metric/data/attributes/name")
    yield from _property_problems(event.get("properties"), f"{pointer}/properties")
    at = check.moment(event["time"]) if event.get("time") is not None else world.now()
    if at is None or not _OLDEST <= at <= world.now() + _YEAR:
        yield Problem("'time' must be an ISO 8601 moment from 2000 to a year ahead.", f"{pointer}/time")
    value = event.get("value")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        yield Problem("'value' must be a number.", f"{pointer}/value")
    currency = event.get("value_currency")
    if currency is not None and not (isinstance(currency, str) and len(currency) == 3 and currency.isupper()):
        yield Problem("'value_currency' must be an ISO 4217 code.", f"{pointer}/value_currency")
    unique = event.get("unique_id")
    if unique is not None and not (isinstance(unique, str) and 1 <= len(unique) <= 255):
        yield Problem("'unique_id' must have 1 to 255 characters.", f"{pointer}/unique_id")


def _property_problems(properties: Any, pointer: str) -> Iterator[Problem]:
    if not isinstance(properties, dict):
        yield Problem("'properties' must be an object.", pointer)
    elif len(properties) > 400:
        yield Problem("An event takes at most 400 properties.", pointer)
    elif wrong := _too_much(properties, 1):
        yield Problem(wrong, pointer)


def _too_much(value: Any, depth: int) -> str:
    """What is too long, too wide or too deep in a value; nothing is the empty text."""
    if isinstance(value, str):
        return "A string must not be larger than 100 kB." if len(value) > 100_000 else ""
    if not isinstance(value, dict | list):
        return ""
    if depth > 10:
        return "Objects may be nested up to 10 levels."
    if isinstance(value, list) and len(value) > 4000:
        return "An array takes at most 4000 items."
    inner = value.values() if isinstance(value, dict) else value
    return next((wrong for item in inner if (wrong := _too_much(item, depth + 1))), "")


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
    identity = f"event-{world.serial()}"
    world.events[key] = Event(
        identity, metric, profile.id, unique, at, kept, value, currency, draft.backfill, world.now()
    )
    profile.last_event = max(at, profile.last_event or 0)


def _owner(world: World, person: Json) -> Profile:
    """The profile an event belongs to; a profile known by telephone alone is merged into the one with the e-mail."""
    attributes = {
        key: value for key, value in person.get("attributes", {}).items() if key not in ("meta", "anonymous_id")
    }
    found = world.people.match(person.get("id"), attributes)
    profile = found.profile or world.people.create(world.now())
    if found.other is not None and "email" not in found.other.attributes:
        world.people.merge(profile, found.other, world.now())
    elif found.other is not None:
        attributes.pop("phone_number", None)
    world.people.write(profile, attributes, world.now(), clear=False)
    return profile


def _empty(value: Any) -> bool:
    """Klaviyo drops these from an event, as if they had not been sent (Events API overview)."""
    return value is None or value == "" or (not isinstance(value, bool) and value == 0)
