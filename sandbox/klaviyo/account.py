"""The rest of an account: itself, its lists and metrics, and deletions."""

from __future__ import annotations

from functools import partial

from sandbox.klaviyo import check, filters, render
from sandbox.klaviyo.answer import ACCEPTED, Problem, Request, invalid, refuse, unknown
from sandbox.klaviyo.world import Roll, World
from sandbox.web.answer import Answer, Json

IDENTITY = "Qx7Rt2"
_MOST_MEMBERS = 1000
_LIST_FILTERS = {"id": filters.IS, "name": filters.IS, "created": filters.AFTER, "updated": filters.AFTER}
_METRIC_FILTERS = {"integration.name": filters.EQUALS, "integration.category": filters.EQUALS}


def accounts(world: World, request: Request) -> Answer:
    """GET /api/accounts: exactly one."""
    return render.page([_account(world)], request)


def lists(world: World, request: Request) -> Answer:
    """GET /api/lists: at most ten a page."""
    tests = filters.tests(request, _LIST_FILTERS)
    found = [roll for roll in world.rolls.values() if all(_fits(roll, test) for test in tests)]
    return render.page(found, request, render.roll, usual=10, most=10)


def _fits(roll: Roll, test: filters.Comparison) -> bool:
    if test.field in ("id", "name"):
        return (roll.name if test.field == "name" else roll.id) in test.values
    return test.holds(roll.created, filters.moment(test))


def one_list(world: World, request: Request) -> Answer:
    """GET /api/lists/{id}, with `profile_count` when asked for."""
    roll = _roll(world, request)
    resource = render.roll(roll)
    if "profile_count" in request.query.get("additional-fields[list]", ""):
        resource["attributes"]["profile_count"] = sum(roll.id in profile.lists for profile in world.people)
    return render.one(resource, request.path)


def _roll(world: World, request: Request) -> Roll:
    roll = world.rolls.get(request.ids[0])
    if roll is None:
        raise unknown("list", request.ids[0])
    return roll


def change_members(world: World, request: Request, *, join: bool) -> Answer:
    """POST or DELETE /api/lists/{id}/relationships/profiles: 1 to 1,000 profile ids; consent stays as it is."""
    roll, data = _roll(world, request).id, check.dig(request.body, "data")
    if not isinstance(data, list) or not 1 <= len(data) <= _MOST_MEMBERS:
        raise invalid(Problem(f"Give 1 to {_MOST_MEMBERS} profiles.", "/data"))
    found = [world.people.by_id.get(check.dig(item, "id") or "") for item in data]
    strangers = [place for place, profile in enumerate(found) if profile is None]
    refuse(Problem("A profile with this id does not exist.", f"/data/{place}/id") for place in strangers)
    for profile in filter(None, found):
        if join:
            world.join(profile, roll)
        else:
            profile.lists.pop(roll, None)
    return Answer(204)


def metrics(world: World, request: Request) -> Answer:
    """GET /api/metrics: no page size may be given; every metric of ours belongs to the integration `API`."""
    tests = filters.tests(request, _METRIC_FILTERS)
    found = list(world.metrics.items()) if all(test.values == ("API",) for test in tests) else []
    return render.page(found, request, lambda one: render.metric(*one), usual=200, most=0)


def erase(world: World, request: Request) -> Answer:
    """POST /api/data-privacy-deletion-jobs: exactly one identifier; profiles go, events stay without properties."""
    data, pointer = check.document(request.body, "data-privacy-deletion-job"), "/data/attributes/profile/data"
    person = check.dig(data, "attributes", "profile", "data")
    if not isinstance(person, dict) or not isinstance(person.get("attributes"), dict):
        raise invalid(Problem("A profile with 'attributes' is required.", pointer))
    given = {"id": person.get("id"), **{key: person["attributes"].get(key) for key in ("email", "phone_number")}}
    named = {key: value for key, value in given.items() if value}
    if len(named) != 1:
        raise invalid(Problem("Exactly one of 'id', 'email' and 'phone_number' is required.", pointer))
    ((name, value),) = named.items()
    world.later(world.settings.lag, partial(_erase, world, name, value))
    return ACCEPTED


def _erase(world: World, name: str, value: str) -> None:
    profile = world.people.find(name, value)
    if profile is None:
        return
    for event in world.events.values():
        if event.profile == profile.id:
            event.properties = {}
    world.people.delete(profile)
    world.erased.append(value)


def _account(world: World) -> Json:
    settings = world.settings
    street = {"address1": "12 Wharf Rd", "address2": None, "city": "Sydney", "region": "NSW"}
    contact = {
        "default_sender_name": "Pell Cove",
        "default_sender_email": "hello@pellcove.example",
        "website_url": "https://pellcove.example",
        "organization_name": "Pell Cove",
        "street_address": {**street, "country": "Australia", "zip": "2000"},
    }
    attributes = {
        "test_account": False,
        "contact_information": contact,
        "industry": "Apparel",
        "timezone": settings.timezone,
        "preferred_currency": settings.currency,
        "public_api_key": IDENTITY,
        "locale": "en-AU",
    }
    links = {"self": f"{render.HOST}/api/accounts/{IDENTITY}"}
    return {"type": "account", "id": IDENTITY, "attributes": attributes, "links": links}
