"""The other side of the sandbox, under `/sandbox`: order faults, move time, and read out what really happened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.klaviyo import consent
from sandbox.klaviyo.answer import Json
from sandbox.klaviyo.app import App, Klaviyo, Logged
from sandbox.klaviyo.check import moment
from sandbox.klaviyo.faults import Fault
from sandbox.klaviyo.limits import Limit
from sandbox.klaviyo.people import Consent, Profile, identified
from sandbox.klaviyo.world import Event, Sabotage, Settings, stamp

Work = Callable[[Klaviyo, Mapping[str, str], Json], Any]


def control(klaviyo: Klaviyo) -> App:
    """The control application of one simulated account."""
    routes = [
        Route(f"/sandbox/{name}", _endpoint(klaviyo, work), methods=[method]) for (method, name), work in _WORKS.items()
    ]
    application: Any = Starlette(routes=routes)
    served: App = application
    return served


def _endpoint(klaviyo: Klaviyo, work: Work) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        klaviyo.world.settle()
        body = await request.json() if await request.body() else {}
        return JSONResponse(work(klaviyo, request.query_params, body))

    return answer


def _profiles(klaviyo: Klaviyo, query: Mapping[str, str], _: Json) -> Json:
    """Every profile, or those with this e-mail, telephone number or id (`who`)."""
    people = klaviyo.world.people
    found: Iterable[Profile] = identified(people, query["who"]) if "who" in query else people
    return {"profiles": [_profile(profile) for profile in found]}


def _profile(profile: Profile) -> Json:
    names = {name: profile.attributes.get(name) for name in ("email", "phone_number", "external_id")}
    return {
        "id": profile.id,
        **names,
        "attributes": profile.attributes,
        "location": profile.location,
        "properties": profile.properties,
        "consents": {channel: asdict(said) for channel, said in profile.consents.items()},
        "suppressions": profile.suppressions,
        "lists": sorted(profile.lists),
        "created": profile.created,
        "updated": profile.updated,
    }


def _seed(klaviyo: Klaviyo, _: Mapping[str, str], body: Json) -> Json:
    """Put a profile there as if it had always been: attributes, consents, suppressions, lists."""
    world = klaviyo.world
    attributes = body.get("attributes", {})
    profile = world.people.match(None, attributes).profile or world.people.create(world.now())
    world.people.write(profile, attributes, world.now(), clear=True)
    for channel, said in body.get("consents", {}).items():
        at = moment(said.get("at"))
        profile.consents[channel] = Consent(said["state"], at, at, said.get("method", "PREFERENCE_PAGE"))
    for reason, at_text in body.get("suppressions", {}).items():
        profile.suppressions[reason] = moment(at_text) or world.now()
    for roll in body.get("lists", []):
        world.join(profile, roll)
    return _profile(profile)


def _events(klaviyo: Klaviyo, query: Mapping[str, str], _: Json) -> Json:
    """Every recorded event in the order of arrival, or those of one metric name and one person."""
    world = klaviyo.world
    found = [_event(klaviyo, event) for event in world.events.values()]
    if "metric" in query:
        found = [event for event in found if event["metric"] == query["metric"]]
    if "who" in query:
        owners = {profile.id for profile in identified(world.people, query["who"])}
        found = [event for event in found if event["profile"] in owners]
    return {"events": found}


def _event(klaviyo: Klaviyo, event: Event) -> Json:
    profile = klaviyo.world.people.by_id.get(event.profile)
    email = profile.attributes.get("email") if profile else None
    shown = {**asdict(event), "metric": klaviyo.world.metrics[event.metric], "email": email}
    return {**shown, "time": stamp(event.time)}


def _requests(klaviyo: Klaviyo, query: Mapping[str, str], _: Json) -> Json:
    """The request log, oldest first, or the part of one endpoint (`endpoint=POST /api/events`)."""
    wanted = query.get("endpoint")
    return {"requests": [_logged(line) for line in klaviyo.log if wanted in (None, line.endpoint)]}


def _logged(line: Logged) -> Json:
    return {**line._asdict(), "body": line.body.decode("utf-8", "replace")}


def _counts(klaviyo: Klaviyo, _: Mapping[str, str], __: Json) -> Json:
    """Requests by endpoint and status (0: got no answer), how many met a 429, and what was dropped silently."""
    world = klaviyo.world
    endpoints: dict[str, dict[str, int]] = {}
    for (endpoint, status), count in klaviyo.counts.items():
        endpoints.setdefault(endpoint, {})[str(status)] = count
    throttled = sum(count for (_, status), count in klaviyo.counts.items() if status == 429)
    sizes = {"profiles": len(world.people.by_id), "events": len(world.events), "jobs": len(world.jobs)}
    return {"endpoints": endpoints, "throttled": throttled, "tallies": world.tallies, "erased": world.erased, **sizes}


def _fault(klaviyo: Klaviyo, _: Mapping[str, str], body: Json) -> Json:
    """Order a fault; `for_seconds` sets its end, `retry_after` is short for that header."""
    body = dict(body)
    lasting, retry_after = body.pop("for_seconds", None), body.pop("retry_after", None)
    fault = Fault(**body)
    if lasting is not None:
        fault.until = klaviyo.world.now() + lasting
    if retry_after is not None:
        fault.headers = {**fault.headers, "retry-after": str(retry_after)}
    klaviyo.faults.standing.append(fault)
    return {"standing": len(klaviyo.faults.standing)}


def _no_faults(klaviyo: Klaviyo, _: Mapping[str, str], __: Json) -> Json:
    klaviyo.faults.standing = []
    return {"standing": 0}


def _sabotage(klaviyo: Klaviyo, _: Mapping[str, str], body: Json) -> Json:
    """What goes wrong with import jobs to come: fail_rows, fail_emails, never_end, forget."""
    emails = frozenset(body.get("fail_emails", []))
    klaviyo.world.sabotage = Sabotage(**{**body, "fail_emails": emails})
    return {}


def _settings(klaviyo: Klaviyo, _: Mapping[str, str], body: Json) -> Json:
    """Change settings by name; `overrides` maps an endpoint or `*` to [per second, per minute]."""
    klaviyo.world.settings = changed(klaviyo.world.settings, body)
    return {}


def changed(settings: Settings, body: Json) -> Settings:
    """Settings with some values from JSON in place of the old ones."""
    values = dict(body)
    for name in ("keys", "scopes"):
        if values.get(name) is not None:
            values[name] = frozenset(values[name])
    if "overrides" in values:
        values["overrides"] = {where: Limit(*numbers) for where, numbers in values["overrides"].items()}
    if "sms_prefixes" in values:
        values["sms_prefixes"] = tuple(values["sms_prefixes"])
    return replace(settings, **values)


def _advance(klaviyo: Klaviyo, _: Mapping[str, str], body: Json) -> Json:
    """Move the sandbox's clock forward by `seconds`."""
    klaviyo.world.skew += body["seconds"]
    klaviyo.world.settle()
    return {"now": klaviyo.world.now()}


def _list(klaviyo: Klaviyo, _: Mapping[str, str], body: Json) -> Json:
    """Make a list with an id of your own."""
    identity: str = body["id"]
    name: str = body.get("name", identity)
    roll = klaviyo.world.add_list(identity, name, double=body.get("double", False))
    return {"id": roll.id}


def _confirm(klaviyo: Klaviyo, _: Mapping[str, str], body: Json) -> Json:
    """Click the link in the confirmation message of this e-mail address or telephone number."""
    return {"confirmed": consent.confirm(klaviyo.world, body["who"])}


def _reset(klaviyo: Klaviyo, _: Mapping[str, str], __: Json) -> Json:
    """Forget everything but the settings."""
    klaviyo.world.reset()
    klaviyo.clear()
    return {}


_WORKS: dict[tuple[str, str], Work] = {
    ("GET", "profiles"): _profiles,
    ("POST", "profiles"): _seed,
    ("GET", "events"): _events,
    ("GET", "requests"): _requests,
    ("GET", "counts"): _counts,
    ("POST", "faults"): _fault,
    ("DELETE", "faults"): _no_faults,
    ("POST", "jobs"): _sabotage,
    ("POST", "settings"): _settings,
    ("POST", "time"): _advance,
    ("POST", "lists"): _list,
    ("POST", "confirm"): _confirm,
    ("POST", "reset"): _reset,
}
