"""The rest of an account: itself, its lists and metrics, merges and deletions."""

from __future__ import annotations

from functools import partial
from typing import Any

from sandbox.klaviyo import check, render
from sandbox.klaviyo.answer import Problem, Request, accepted, invalid, ok, unknown
from sandbox.klaviyo.filters import FilterError, read
from sandbox.klaviyo.people import Profile
from sandbox.klaviyo.world import World, stamp
from sandbox.web.answer import Answer, Json

IDENTITY = "Qx7Rt2"
_LEAST_MEMBERS, _MOST_MEMBERS = 1, 1000


def accounts(world: World, request: Request) -> Answer:
    """GET /api/accounts: exactly one."""
    return render.page([_account(world)], request)


def account(world: World, request: Request) -> Answer:
    """GET /api/accounts/{id}."""
    if request.ids[0] != IDENTITY:
        return unknown("account", request.ids[0])
    return render.one(_account(world), request.path)


def lists(world: World, request: Request) -> Answer:
    """GET /api/lists: at most ten a page; filtered by id or name."""
    try:
        tests = read(request.query["filter"]) if request.query.get("filter") else ()
    except FilterError as error:
        return invalid(Problem(str(error), parameter="filter"))
    found = list(world.rolls.values())
    for test in tests:
        found = [roll for roll in found if (roll.name if test.field == "name" else roll.id) in test.values]
    return render.page([render.roll(roll) for roll in found], request, usual=10, most=10)


def one_list(world: World, request: Request) -> Answer:
    """GET /api/lists/{id}, with `profile_count` when asked for."""
    roll = world.rolls.get(request.ids[0])
    if roll is None:
        return unknown("list", request.ids[0])
    resource = render.roll(roll)
    if "profile_count" in request.query.get("additional-fields[list]", ""):
        resource["attributes"]["profile_count"] = len(_members(world, roll.id))
    return render.one(resource, request.path)


def create_list(world: World, request: Request) -> Answer:
    """POST /api/lists."""
    data = check.document(request.body, "list")
    if isinstance(data, Problem):
        return invalid(data)
    attributes = data.get("attributes", {})
    if not attributes.get("name"):
        return invalid(Problem("'name' is required.", "/data/attributes/name"))
    double = attributes.get("opt_in_process", "double_opt_in") == "double_opt_in"
    roll = world.add_list(f"L{world.serial():05d}", attributes["name"], double=double)
    return render.one(render.roll(roll), request.path, 201)


def members(world: World, request: Request) -> Answer:
    """GET /api/lists/{id}/profiles and /relationships/profiles."""
    if request.ids[0] not in world.rolls:
        return unknown("list", request.ids[0])
    found = _members(world, request.ids[0])
    if "/relationships/" in request.path:
        return render.page([{"type": "profile", "id": profile.id} for profile in found], request)
    return render.page([_member(profile, request) for profile in found], request)


def change_members(world: World, request: Request, *, join: bool) -> Answer:
    """POST or DELETE /api/lists/{id}/relationships/profiles: 1 to 1,000 profile ids; consent stays as it is."""
    roll = request.ids[0]
    if roll not in world.rolls:
        return unknown("list", roll)
    data = request.body.get("data") if isinstance(request.body, dict) else None
    if not isinstance(data, list) or not _LEAST_MEMBERS <= len(data) <= _MOST_MEMBERS:
        return invalid(Problem("Give 1 to 1000 profiles.", "/data"))
    profiles = [_profile(world, item) for item in data]
    strangers = [place for place, profile in enumerate(profiles) if profile is None]
    if strangers:
        return invalid(*(Problem("A profile with this id does not exist.", f"/data/{place}/id") for place in strangers))
    for profile in profiles:
        if profile is not None and join:
            world.join(profile, roll)
        elif profile is not None:
            profile.lists.pop(roll, None)
    return Answer(204)


def lists_of(world: World, request: Request) -> Answer:
    """GET /api/profiles/{id}/lists and /relationships/lists."""
    profile = world.people.by_id.get(request.ids[0])
    if profile is None:
        return unknown("profile", request.ids[0])
    if "/relationships/" in request.path:
        return render.page([{"type": "list", "id": roll} for roll in profile.lists], request)
    return render.page([render.roll(world.rolls[roll]) for roll in profile.lists], request)


def metrics(world: World, request: Request) -> Answer:
    """GET /api/metrics: no page size may be given; every metric of ours belongs to the integration `API`."""
    if "page[size]" in request.query:
        return invalid(Problem("'page[size]' is not a valid parameter.", parameter="page[size]"))
    try:
        tests = read(request.query["filter"]) if request.query.get("filter") else ()
    except FilterError as error:
        return invalid(Problem(str(error), parameter="filter"))
    shown = all(test.values == ("API",) for test in tests if test.field == "integration.name")
    found = [render.metric(identity, name) for identity, name in world.metrics.items()] if shown else []
    return render.page(found, request, usual=200, most=200)


def metric(world: World, request: Request) -> Answer:
    """GET /api/metrics/{id}."""
    name = world.metrics.get(request.ids[0])
    if name is None:
        return unknown("metric", request.ids[0])
    return render.one(render.metric(request.ids[0], name), request.path)


def merge(world: World, request: Request) -> Answer:
    """POST /api/profile-merge: 201 at once, the merge of exactly one source a little later."""
    data = check.document(request.body, "profile-merge")
    if isinstance(data, Problem):
        return invalid(data)
    sources = data.get("relationships", {}).get("profiles", {}).get("data", [])
    survivor = world.people.by_id.get(data.get("id", ""))
    if survivor is None or len(sources) != 1:
        return invalid(Problem("One known survivor and one source are required.", "/data"))
    source = _profile(world, sources[0])
    if source is None or source is survivor:
        return invalid(Problem("A profile with this id does not exist.", "/data/relationships/profiles/data/0/id"))
    world.later(world.settings.lag, partial(_merge, world, survivor, source))
    link = {"self": f"{render.HOST}/api/profiles/{survivor.id}"}
    return ok({"data": {"type": "profile", "id": survivor.id, "links": link}, "links": link}, 201)


def erase(world: World, request: Request) -> Answer:
    """POST /api/data-privacy-deletion-jobs: exactly one identifier; profiles go, events stay without properties."""
    data = check.document(request.body, "data-privacy-deletion-job")
    if isinstance(data, Problem):
        return invalid(data)
    pointer = "/data/attributes/profile/data"
    person = data.get("attributes", {}).get("profile", {}).get("data")
    if not isinstance(person, dict) or not isinstance(person.get("attributes"), dict):
        return invalid(Problem("A profile with 'attributes' is required.", pointer))
    given = {"id": person.get("id"), **{key: person["attributes"].get(key) for key in ("email", "phone_number")}}
    named = {key: value for key, value in given.items() if value}
    if len(named) != 1:
        return invalid(Problem("Exactly one of 'id', 'email' and 'phone_number' is required.", pointer))
    ((name, value),) = named.items()
    world.later(world.settings.lag, partial(_erase, world, name, value))
    return accepted()


def _members(world: World, roll: str) -> list[Profile]:
    return sorted((p for p in world.people if roll in p.lists), key=lambda profile: profile.lists[roll])


def _member(profile: Profile, request: Request) -> Json:
    """A profile resource that also says since when it is on the list."""
    resource = render.profile(profile, request.query)
    resource["attributes"]["joined_group_at"] = stamp(profile.lists[request.ids[0]])
    return resource


def _profile(world: World, item: Any) -> Profile | None:
    return world.people.by_id.get(item.get("id", "")) if isinstance(item, dict) else None


def _merge(world: World, survivor: Profile, source: Profile) -> None:
    for key in [key for key in world.events if key[0] == source.id]:
        event = world.events.pop(key)
        event.profile = survivor.id
        world.events.setdefault((survivor.id, *key[1:]), event)
    world.people.merge(survivor, source, world.now())


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
