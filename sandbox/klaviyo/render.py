"""How profiles, lists, events and jobs look in an answer."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import urlencode

from sandbox.klaviyo.answer import Problem, Request, invalid, ok
from sandbox.klaviyo.people import Consent, Profile
from sandbox.klaviyo.world import Event, Job, Roll, stamp
from sandbox.web.answer import Answer, Json

HOST = "https://a.klaviyo.com"


def _subscriptions(found: Profile) -> Json:
    email, sms, plain = found.consent("email"), found.consent("sms"), found.consent("sms.transactional")
    suppression = [{"reason": why, "timestamp": stamp(at)} for why, at in found.suppressions.items()]
    lists = [
        {"list_id": roll, "reason": "UNSUBSCRIBE", "timestamp": stamp(at)}
        for roll, at in found.list_suppressions.items()
    ]
    may_mail = "email" in found.attributes and email.state != "UNSUBSCRIBED" and not found.suppressions
    marketing = {
        "can_receive_email_marketing": may_mail,
        **_consent(email),
        "custom_method_detail": email.source,
        "double_optin": email.double,
        "suppression": suppression,
        "list_suppressions": lists,
    }
    push = {"can_receive_push_marketing": False, "consent": "NEVER_SUBSCRIBED", "consent_timestamp": None}
    return {
        "email": {"marketing": marketing},
        "sms": {
            "marketing": {"can_receive_sms_marketing": sms.state == "SUBSCRIBED", **_consent(sms)},
            "transactional": {"can_receive_sms_transactional": plain.state == "SUBSCRIBED", **_consent(plain)},
        },
        "mobile_push": {"marketing": push},
    }


def _consent(consent: Consent) -> Json:
    return {
        "consent": consent.state,
        "consent_timestamp": stamp(consent.at),
        "last_updated": stamp(consent.updated),
        "method": consent.method,
        "method_detail": "",
    }


_NAMES = ("email", "phone_number", "external_id", "first_name", "last_name", "organization", "locale", "title", "image")
_OTHERS: Mapping[str, Callable[[Profile], Any]] = {
    "created": lambda found: stamp(found.created),
    "updated": lambda found: stamp(found.updated),
    "last_event_date": lambda found: stamp(found.last_event),
    "location": lambda found: found.location,
    "properties": lambda found: found.properties,
    "subscriptions": _subscriptions,
}
_USUAL = (*_NAMES, *(name for name in _OTHERS if name != "subscriptions"))
_ADDITIONAL = frozenset({"subscriptions", "predictive_analytics"})
_FIELDS = frozenset({*_NAMES, *_OTHERS, *_ADDITIONAL, "id"})

T = TypeVar("T")


def profile(found: Profile, fields: tuple[str, ...]) -> Json:
    """A profile resource with these fields."""
    held = found.attributes
    return {
        "type": "profile",
        "id": found.id,
        "attributes": {name: _OTHERS[name](found) if name in _OTHERS else held.get(name) for name in fields},
        "links": {"self": f"{HOST}/api/profiles/{found.id}"},
    }


def fields(request: Request) -> tuple[str, ...]:
    """The fields of a profile that a request asks for: consent only where it is named as additional; raises 400."""
    return _asked(request.query.get("fields[profile]", ""), request.query.get("additional-fields[profile]", ""))


@lru_cache(maxsize=1000)
def _asked(some: str, more: str) -> tuple[str, ...]:
    wanted = {name.partition(".")[0] for name in some.split(",") if name}
    added = {name for name in more.split(",") if name}
    for named, known, parameter in ((wanted, _FIELDS, "fields"), (added, _ADDITIONAL, "additional-fields")):
        if strange := sorted(named - known):
            text = f"'{strange[0]}' is not a valid field for the resource 'profile'."
            raise invalid(Problem(text, parameter=f"{parameter}[profile]"))
    shown = (*_USUAL, "subscriptions") if "subscriptions" in added else _USUAL
    return tuple(name for name in shown if name in wanted) if wanted else shown


def roll(found: Roll) -> Json:
    """A list resource."""
    attributes = {
        "name": found.name,
        "created": stamp(found.created),
        "updated": stamp(found.created),
        "opt_in_process": "double_opt_in" if found.double else "single_opt_in",
    }
    return _resource("list", found.id, attributes, "lists")


def metric(identity: str, name: str) -> Json:
    """A metric resource; all of ours belong to the integration named API."""
    integration = {"object": "integration", "id": "0eMvjm", "name": "API", "category": "API"}
    attributes = {"name": name, "created": stamp(0), "updated": stamp(0), "integration": integration}
    return _resource("metric", identity, attributes, "metrics")


def event(found: Event) -> Json:
    """An event resource; our unique id appears as `$event_id`, as Klaviyo shows it."""
    value = {} if found.value is None else {"$value": found.value}
    attributes = {
        "timestamp": found.time,
        "event_properties": {**found.properties, **value, "$event_id": found.unique},
        "datetime": stamp(found.time),
        "uuid": found.id,
    }
    return {
        **_resource("event", found.id, attributes, "events"),
        "relationships": {
            "profile": {"data": {"type": "profile", "id": found.profile}},
            "metric": {"data": {"type": "metric", "id": found.metric}},
        },
    }


def job(found: Job) -> Json:
    """A job resource, with the counts its kind has."""
    attributes: Json = {
        "status": found.status,
        "created_at": stamp(found.created),
        "total_count": found.total,
        "completed_count": found.done,
        "completed_at": stamp(found.completed),
    }
    if found.kind == "profile-bulk-import-job":
        attributes["failed_count"] = len(found.errors)
        attributes["expires_at"] = stamp(found.created + 7 * 86_400)
        attributes["started_at"] = stamp(found.started)
    else:
        attributes["skipped_count"] = found.skipped
    return _resource(found.kind, found.id, attributes, f"{found.kind}s")


def one(resource: Json, path: str, status: int = 200) -> Answer:
    """An answer with one resource."""
    return ok({"data": resource, "links": {"self": HOST + path}}, status)


def page(
    found: Sequence[T], request: Request, show: Callable[[T], Any] = lambda one: one, usual: int = 20, most: int = 100
) -> Answer:
    """One page of a collection, with the way to the next; `links.next` is null on the last, as in live answers.

    `most` 0: a page size must not be asked for.
    """
    asked, start = request.query.get("page[size]"), _offset(request.query.get("page[cursor]", ""))
    size = usual if asked is None else int(asked) if asked.isdecimal() else 0
    if asked is not None and not 1 <= size <= most:
        text = f"Page size must be an integer between 1 and {most}." if most else "'page[size]' is not valid here."
        raise invalid(Problem(text, parameter="page[size]"))
    if start is None:
        raise invalid(Problem("Invalid page cursor.", parameter="page[cursor]"))
    end = start + size
    links = {
        "self": _link(request, request.raw),
        "prev": _at(request, max(0, start - size)) if start else None,
        "next": _at(request, end) if end < len(found) else None,
    }
    return ok({"data": [show(one) for one in found[start:end]], "links": links})


def _at(request: Request, start: int) -> str:
    cursor = urlsafe_b64encode(f"at:{start}".encode()).decode()
    return _link(request, urlencode({**request.query, "page[cursor]": cursor}))


def _link(request: Request, query: str) -> str:
    """A way back to this very server, where Klaviyo would name its own host."""
    return f"{request.base}{request.path}?{query}" if query else request.base + request.path


def _offset(cursor: str) -> int | None:
    if not cursor:
        return 0
    try:
        text = urlsafe_b64decode(cursor).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    number = text.removeprefix("at:")
    return int(number) if number.isdecimal() else None


def _resource(kind: str, identity: str, attributes: Json, folder: str) -> Json:
    return {
        "type": kind,
        "id": identity,
        "attributes": attributes,
        "links": {"self": f"{HOST}/api/{folder}/{identity}"},
    }
