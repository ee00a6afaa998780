"""Every call we make to Klaviyo, by name; paths and limits from its OpenAPI document of revision 2026-07-15."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

import orjson

from consumers.engine.wire import Json, Request
from consumers.marketing import Channel
from tillstream.mapping.transforms import utc_time

MOST_PROFILES = 10_000
MOST_JOB_BYTES = 4_600_000
MOST_PROFILE_BYTES = 95_000
MOST_READ = 100
MOST_READ_LENGTH = 7_500
"""Addresses in one question, as they stand in its URL: more than 8 kB is refused by much that stands between."""
MOST_MEMBERS = 1_000
MOST_SUBSCRIBED = 1_000
MOST_UNSUBSCRIBED = 100
MOST_EVENTS = 1_000
MOST_EVENT_BYTES = 4_600_000


def read_profiles(emails: Sequence[str]) -> Request:
    """Who of these (at most 100) exists, and how their consent stands."""
    quoted = ",".join(orjson.dumps(email).decode() for email in emails)
    return Request("GET", "/api/profiles", "profiles", query=(
        ("filter", f"any(email,[{quoted}])"),
        ("additional-fields[profile]", "subscriptions"),
        ("fields[profile]", "email,phone_number,created,properties,subscriptions"),
        ("page[size]", str(MOST_READ)),
    ))  # fmt: skip


def length_of(email: str) -> int:
    """How much longer an address makes the URL of `read_profiles`: with its quotes and comma."""
    return len(quote(f'"{email}",', safe=""))


def import_profile(body: Json) -> Request:
    """Create or update one profile."""
    return Request("POST", "/api/profile-import", "profile-import", body)


def patch_profile(profile_id: str, body: Json) -> Request:
    """Change one profile, its address included."""
    return Request("PATCH", f"/api/profiles/{profile_id}", "profile", body)


def import_job(profiles: Sequence[Json], list_id: str) -> Request:
    """Create or update up to 10,000 profiles. A second sending makes a second job that may end after newer ones."""
    data = {"type": "profile-bulk-import-job", "attributes": {"profiles": {"data": list(profiles)}}}
    if list_id:
        data["relationships"] = {"lists": {"data": [{"type": "list", "id": list_id}]}}
    path, body = "/api/profile-bulk-import-jobs", {"data": data}
    return Request("POST", path, "import-job-create", body, repeatable=False, rows=len(profiles))


def read_job(job: str) -> Request:
    """How far an import job is."""
    return Request("GET", f"/api/profile-bulk-import-jobs/{job}", "import-job")


def read_job_errors(job: str, cursor: str = "") -> Request:
    """A page of what an import job could not take."""
    return Request("GET", f"/api/profile-bulk-import-jobs/{job}/import-errors", "import-errors", query=_page(cursor))


def unfinished_jobs(cursor: str = "") -> Request:
    """A page of the import jobs that Klaviyo still works on."""
    query = (("filter", 'any(status,["queued","processing"])'), *_page(cursor))
    return Request("GET", "/api/profile-bulk-import-jobs", "import-jobs", query=query)


def _page(cursor: str) -> tuple[tuple[str, str], ...]:
    return (("page[size]", "100"), *((("page[cursor]", cursor),) if cursor else ()))


def join_list(list_id: str, profile_ids: Sequence[str]) -> Request:
    """Put up to 1,000 profiles on a list; it changes no consent."""
    body = {"data": [{"type": "profile", "id": profile_id} for profile_id in profile_ids]}
    return Request("POST", f"/api/lists/{list_id}/relationships/profiles", "list-members", body, rows=len(profile_ids))


def leave_list(list_id: str, profile_ids: Sequence[str]) -> Request:
    """Take up to 1,000 profiles off a list; it changes no consent, and who is not on it is left as they are."""
    body = {"data": [{"type": "profile", "id": profile_id} for profile_id in profile_ids]}
    return Request(
        "DELETE", f"/api/lists/{list_id}/relationships/profiles", "list-members-delete", body, rows=len(profile_ids)
    )


@dataclass(frozen=True, slots=True)
class Person:
    """One person in a consent call: the channels, each with the time of its yes where it is history."""

    email: str
    phone: str
    channels: Mapping[Channel, datetime | None]


def subscribe(people: Sequence[Person], list_id: str, source: str, *, historical: bool) -> Request:
    """Subscribe up to 1,000 people. `historical`: no confirmation mail, and their channels carry their times."""
    attributes: dict[str, Json] = {"custom_source": source}
    if historical:
        attributes["historical_import"] = True
    attributes["profiles"] = {"data": [_consent(person, "SUBSCRIBED") for person in people]}
    data = {"type": "profile-subscription-bulk-create-job", "attributes": attributes}
    if list_id:
        data["relationships"] = {"list": {"data": {"type": "list", "id": list_id}}}
    return Request("POST", "/api/profile-subscription-bulk-create-jobs", "subscribe", {"data": data}, rows=len(people))


def unsubscribe(people: Sequence[Person]) -> Request:
    """Unsubscribe up to 100 people, from everything: with a list, who is not on it would lose all the same."""
    attributes = {"profiles": {"data": [_consent(person, "UNSUBSCRIBED") for person in people]}}
    body = {"data": {"type": "profile-subscription-bulk-delete-job", "attributes": attributes}}
    return Request("POST", "/api/profile-subscription-bulk-delete-jobs", "unsubscribe", body, rows=len(people))


def _consent(person: Person, word: str) -> Json:
    said = {channel: {"marketing": _marketing(word, at)} for channel, at in person.channels.items()}
    attributes: dict[str, Json] = {"email": person.email} if person.email else {}
    if person.phone:
        attributes["phone_number"] = person.phone
    return {"type": "profile", "attributes": {**attributes, "subscriptions": said}}


def _marketing(word: str, at: datetime | None) -> Json:
    return {"consent": word, **({"consented_at": utc_time(at)} if at else {})}


def create_event(body: Json) -> Request:
    """One event; its `unique_id` makes a second sending harmless."""
    return Request("POST", "/api/events", "event", body)


def create_events(groups: Sequence[Json]) -> Request:
    """Up to 1,000 events, grouped by profile; there is no job to ask about."""
    body = {"data": {"type": "event-bulk-create-job", "attributes": {"events-bulk-create": {"data": list(groups)}}}}
    return Request("POST", "/api/event-bulk-create-jobs", "event-bulk", body, rows=len(groups))


def size(body: Json) -> int:
    """Bytes of a body on the wire."""
    return len(orjson.dumps(body))
