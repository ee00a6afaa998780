"""The other side of the sandbox, under `/sandbox`: order faults, move time, and read out what really happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict

from sandbox.klaviyo import consent
from sandbox.klaviyo.check import moment
from sandbox.klaviyo.door import Klaviyo
from sandbox.klaviyo.people import Consent, Profile, identified
from sandbox.klaviyo.world import Event, Sabotage, stamp
from sandbox.web.answer import Json
from sandbox.web.control import Work


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


def _sabotage(klaviyo: Klaviyo, _: Mapping[str, str], body: Json) -> Json:
    """What goes wrong with import jobs to come: fail_rows, fail_emails, never_end, forget."""
    emails = frozenset(body.get("fail_emails", []))
    klaviyo.world.sabotage = Sabotage(**{**body, "fail_emails": emails})
    return {}


def _list(klaviyo: Klaviyo, _: Mapping[str, str], body: Json) -> Json:
    """Make a list with an id of your own."""
    identity: str = body["id"]
    name: str = body.get("name", identity)
    roll = klaviyo.world.add_list(identity, name, double=body.get("double", False))
    return {"id": roll.id}


def _confirm(klaviyo: Klaviyo, _: Mapping[str, str], body: Json) -> Json:
    """Click the link in the confirmation message of this e-mail address or telephone number."""
    return {"confirmed": consent.confirm(klaviyo.world, body["who"])}


WORKS: Mapping[tuple[str, str], Work[Klaviyo]] = {
    ("GET", "profiles"): _profiles,
    ("POST", "profiles"): _seed,
    ("GET", "events"): _events,
    ("POST", "jobs"): _sabotage,
    ("POST", "lists"): _list,
    ("POST", "confirm"): _confirm,
}
