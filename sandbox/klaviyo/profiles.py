"""Profiles one by one: upsert, patch, create, read and search."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sandbox.klaviyo import check, render
from sandbox.klaviyo.answer import Problem, Request, invalid, ok, refused, unknown
from sandbox.klaviyo.filters import Comparison, FilterError, compare, read
from sandbox.klaviyo.people import IDENTIFIERS, Profile, normal, patch
from sandbox.klaviyo.world import World
from sandbox.web.answer import Answer, Json

_NAMES = ("id", *IDENTIFIERS)
_MOMENTS: Mapping[str, Callable[[Profile], Iterable[float]]] = {
    "created": lambda profile: (profile.created,),
    "updated": lambda profile: (profile.updated,),
    "subscriptions.email.marketing.suppression.timestamp": lambda profile: profile.suppressions.values(),
    "subscriptions.email.marketing.list_suppressions.timestamp": lambda profile: profile.list_suppressions.values(),
}


def upsert(world: World, request: Request) -> Answer:
    """POST /api/profile-import: 201 for a new profile, 200 for a known one."""
    data = _checked(request)
    if isinstance(data, Answer):
        return data
    found = world.people.match(data.get("id"), data["attributes"])
    if found.other is not None:
        return conflict(found.other)
    profile = found.profile or world.people.create(world.now())
    _write(world, profile, data)
    return ok({"data": render.profile(profile, request.query)}, 200 if found.profile else 201)


def create(world: World, request: Request) -> Answer:
    """POST /api/profiles: 409 for a person who exists."""
    data = _checked(request)
    if isinstance(data, Answer):
        return data
    found = world.people.match(None, data["attributes"])
    if found.profile is not None:
        return conflict(found.profile)
    profile = world.people.create(world.now())
    _write(world, profile, data)
    return ok({"data": render.profile(profile, request.query)}, 201)


def update(world: World, request: Request) -> Answer:
    """PATCH /api/profiles/{id}: 404 for nobody, 409 when an identifier belongs to somebody else."""
    profile = world.people.by_id.get(request.ids[0])
    if profile is None:
        return unknown("profile", request.ids[0])
    data = _checked(request, profile.id)
    if isinstance(data, Answer):
        return data
    for name in IDENTIFIERS:
        value = data["attributes"].get(name)
        holder = world.people.find(name, value) if value else None
        if holder is not None and holder is not profile:
            return conflict(holder)
    _write(world, profile, data)
    return ok({"data": render.profile(profile, request.query)})


def get(world: World, request: Request) -> Answer:
    """GET /api/profiles/{id}."""
    profile = world.people.by_id.get(request.ids[0])
    if profile is None:
        return unknown("profile", request.ids[0])
    return render.one(render.profile(profile, request.query), request.path)


def search(world: World, request: Request) -> Answer:
    """GET /api/profiles with a filter, pages and a sort order."""
    try:
        found = _found(world, request.query.get("filter", ""))
    except FilterError as error:
        return invalid(Problem(str(error), parameter="filter"))
    order = request.query.get("sort", "")
    moments = _MOMENTS.get(order.removeprefix("-"))
    if moments is not None:
        found.sort(key=lambda profile: max(moments(profile), default=0.0), reverse=order.startswith("-"))
    return render.page([render.profile(profile, request.query) for profile in found], request)


def conflict(holder: Profile) -> Answer:
    """409 that names the profile in the way."""
    problem = Problem(
        "A profile already exists with one of these identifiers.",
        "/data/attributes",
        code="duplicate_profile",
        title="Conflict.",
        meta={"duplicate_profile_id": holder.id},
    )
    return refused(409, [problem])


def _checked(request: Request, identity: str | None = None) -> Json | Answer:
    """The body's profile; for a patch `identity` must be its id and is identifier enough."""
    if request.size > check.PROFILE_LIMIT:
        return refused(413, [Problem("The payload is larger than 100 kB.", code="payload_too_large")])
    data = check.document(request.body, "profile")
    if isinstance(data, Problem):
        return invalid(data)
    problems = list(check.profile(data, "/data"))
    if identity is not None and data.get("id") != identity:
        problems.append(Problem("The id of the body is not the id of the path.", "/data/id"))
    if problems:
        return invalid(*problems)
    return {"attributes": {}, **data}


def _write(world: World, profile: Profile, data: Json) -> None:
    """Null clears here (and only here); the patch comes after the plain values."""
    world.people.write(profile, data["attributes"], world.now(), clear=True)
    patch(profile, data.get("meta", {}).get("patch_properties", {}))


def _found(world: World, text: str) -> list[Profile]:
    """The profiles that pass every test; the first test by identifier is answered by index."""
    tests = read(text) if text else ()
    passes = [_test(test) for test in tests]
    quick = next((test for test in tests if test.field in _NAMES), None)
    hits = list(world.people) if quick is None else _by_identifier(world, quick)
    return [profile for profile in hits if all(passed(profile) for passed in passes)]


def _by_identifier(world: World, test: Comparison) -> list[Profile]:
    hits = (world.people.find(test.field, value) for value in test.values)
    return list({hit.id: hit for hit in hits if hit is not None}.values())


def _test(test: Comparison) -> Callable[[Profile], bool]:
    """Whether a profile passes; raises FilterError for a field or operator that this resource does not have."""
    field, values = test.field, {normal(test.field, value) for value in test.values}
    if field in _NAMES and test.operator in ("equals", "any"):
        return lambda profile: (profile.id if field == "id" else profile.attributes.get(field)) in values
    if field == "subscriptions.email.marketing.suppression.reason" and test.operator == "equals":
        return lambda profile: not values.isdisjoint(profile.suppressions)
    moments, wanted = _MOMENTS.get(field), check.moment(test.values[0])
    if moments is None or wanted is None:
        raise FilterError(f"'{field}' cannot be filtered by '{test.operator}' with '{test.values[0]}'.")
    return lambda profile: any(compare(test.operator, moment, wanted) for moment in moments(profile))
