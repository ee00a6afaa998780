"""Profiles one by one: upsert, patch, create, read and search."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sandbox.klaviyo import check, filters, render
from sandbox.klaviyo.answer import Problem, Request, ok, refuse, refused, unknown
from sandbox.klaviyo.filters import Comparison
from sandbox.klaviyo.people import IDENTIFIERS, Profile, normal, patch
from sandbox.klaviyo.world import World
from sandbox.web.answer import Answer, Json, Refused

_MARKETING = "subscriptions.email.marketing"
_MOMENTS: Mapping[str, Callable[[Profile], Iterable[float]]] = {
    "created": lambda profile: (profile.created,),
    "updated": lambda profile: (profile.updated,),
    f"{_MARKETING}.suppression.timestamp": lambda profile: profile.suppressions.values(),
    f"{_MARKETING}.list_suppressions.timestamp": lambda profile: profile.list_suppressions.values(),
}
_WORDS: Mapping[str, Callable[[Profile], Iterable[str]]] = {
    "id": lambda profile: (profile.id,),
    "email": lambda profile: (profile.attributes.get("email", ""),),
    "phone_number": lambda profile: (profile.attributes.get("phone_number", ""),),
    "external_id": lambda profile: (profile.attributes.get("external_id", ""),),
    f"{_MARKETING}.suppression.reason": lambda profile: profile.suppressions,
    f"{_MARKETING}.list_suppressions.reason": lambda profile: ["UNSUBSCRIBE"] * bool(profile.list_suppressions),
    f"{_MARKETING}.list_suppressions.list_id": lambda profile: profile.list_suppressions,
}
_NAMES = ("id", *IDENTIFIERS)
_FILTERS = {
    **dict.fromkeys(_WORDS, filters.EQUALS), **dict.fromkeys(_NAMES, filters.IS),
    **dict.fromkeys(_MOMENTS, filters.BETWEEN), **dict.fromkeys(("created", "updated"), filters.AROUND),
}  # fmt: skip
"""Source: Klaviyo's OpenAPI document, revision 2026-07-15, GET /api/profiles."""
_SORTS = frozenset({"email", "id", *_MOMENTS})


def upsert(world: World, request: Request) -> Answer:
    """POST /api/profile-import: 201 for a new profile, 200 for a known one."""
    data = _checked(world, request)
    found = world.people.match(data.get("id"), data["attributes"])
    if found.other is not None:
        raise conflict(found.other)
    return _written(world, request, found.profile, data)


def update(world: World, request: Request) -> Answer:
    """PATCH /api/profiles/{id}: 404 for nobody, 409 when an identifier belongs to somebody else."""
    profile = _known(world, request)
    data = _checked(world, request, profile.id)
    for name in IDENTIFIERS:
        value = data["attributes"].get(name)
        holder = world.people.find(name, value) if value else None
        if holder is not None and holder is not profile:
            raise conflict(holder)
    return _written(world, request, profile, data)


def get(world: World, request: Request) -> Answer:
    """GET /api/profiles/{id}."""
    return render.one(render.profile(_known(world, request), render.fields(request)), request.path)


def search(world: World, request: Request) -> Answer:
    """GET /api/profiles with a filter, pages and a sort order."""
    found = _found(world, filters.tests(request, _FILTERS))
    if "sort" in request.query:
        name, falling = check.order(request, _SORTS)
        if name in _MOMENTS:
            found.sort(key=lambda profile: max(_MOMENTS[name](profile), default=0.0), reverse=falling)
        else:
            found.sort(key=lambda profile: next(iter(_WORDS[name](profile))), reverse=falling)
    asked = render.fields(request)
    return render.page(found, request, lambda one: render.profile(one, asked))


def conflict(holder: Profile) -> Refused:
    """409 that names the profile in the way."""
    problem = Problem(
        "A profile already exists with one of these identifiers.",
        "/data/attributes",
        code="duplicate_profile",
        title="Conflict.",
        meta={"duplicate_profile_id": holder.id},
    )
    return Refused(refused(409, [problem]))


def _known(world: World, request: Request) -> Profile:
    profile = world.people.by_id.get(request.ids[0])
    if profile is None:
        raise unknown("profile", request.ids[0])
    return profile


def _checked(world: World, request: Request, identity: str | None = None) -> Json:
    """The body's profile; for a patch `identity` must be its id and is identifier enough."""
    if request.size > check.PROFILE_LIMIT:
        raise Refused(refused(413, [Problem("The payload is larger than 100 kB.", code="payload_too_large")]))
    data = check.document(request.body, "profile")
    problems = check.profile(data, "/data", sms=bool(world.settings.sms_prefixes))
    if identity is not None and data.get("id") != identity:
        problems.append(Problem("The id of the body is not the id of the path.", "/data/id"))
    refuse(problems)
    return {"attributes": {}, **data}


def _written(world: World, request: Request, known: Profile | None, data: Json) -> Answer:
    """Null clears here (and only here); the patch comes after the plain values."""
    fields = render.fields(request)
    profile = known or world.people.create(world.now())
    world.people.write(profile, data["attributes"], world.now(), clear=True)
    patch(profile, data.get("meta", {}).get("patch_properties", {}))
    return ok({"data": render.profile(profile, fields)}, 200 if known else 201)


def _found(world: World, tests: tuple[Comparison, ...]) -> list[Profile]:
    """The profiles that pass every test; the first test by identifier is answered by index."""
    passes = [_test(test) for test in tests]
    quick = next((test for test in tests if test.field in _NAMES), None)
    hits = list(world.people) if quick is None else _by_identifier(world, quick)
    return [profile for profile in hits if all(passed(profile) for passed in passes)]


def _by_identifier(world: World, test: Comparison) -> list[Profile]:
    hits = (world.people.find(test.field, value) for value in test.values)
    return list({hit.id: hit for hit in hits if hit is not None}.values())


def _test(test: Comparison) -> Callable[[Profile], bool]:
    """Whether a profile passes."""
    if (words := _WORDS.get(test.field)) is not None:
        values = {normal(test.field, value) for value in test.values}
        return lambda profile: not values.isdisjoint(words(profile))
    moments, wanted = _MOMENTS[test.field], filters.moment(test)
    return lambda profile: any(test.holds(moment, wanted) for moment in moments(profile))
