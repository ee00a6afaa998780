"""How profiles, lists, events and jobs look in an answer."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from sandbox.klaviyo.answer import Problem, Request, invalid, ok
from sandbox.klaviyo.people import Consent, Profile
from sandbox.klaviyo.world import Event, Job, Roll, stamp
from sandbox.web.answer import Answer, Json

HOST = "https://a.klaviyo.com"
_NAMES = ("email", "phone_number", "external_id", "first_name", "last_name", "organization", "locale", "title", "image")


def profile(found: Profile, query: Mapping[str, str]) -> Json:
    """A profile resource; consent only where it was asked for, and only the fields that were asked for."""
    held = found.attributes
    shown: Json = {name: held.get(name) for name in _NAMES}
    shown["created"] = stamp(found.created)
    shown["updated"] = stamp(found.updated)
    shown["last_event_date"] = stamp(found.last_event)
    shown["location"] = found.location
    shown["properties"] = found.properties
    fields = query.get("fields[profile]", "")
    if "subscriptions" in query.get("additional-fields[profile]", ""):
        shown["subscriptions"] = _subscriptions(found)
    if fields:
        wanted = {name.partition(".")[0] for name in fields.split(",")}
        shown = {name: value for name, value in shown.items() if name in wanted}
    return {
        "type": "profile",
        "id": found.id,
        "attributes": shown,
        "links": {"self": f"{HOST}/api/profiles/{found.id}"},
    }


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
    return {
        "email": {"marketing": marketing},
        "sms": {
            "marketing": {"can_receive_sms_marketing": sms.state == "SUBSCRIBED", **_consent(sms)},
            "transactional": {"can_receive_sms_transactional": plain.state == "SUBSCRIBED", **_consent(plain)},
        },
        "mobile_push": {
            "marketing": {
                "can_receive_push_marketing": False,
                "consent": "NEVER_SUBSCRIBED",
                "consent_timestamp": None,
            }
        },
    }


def _consent(consent: Consent) -> Json:
    return {
        "consent": consent.state,
        "consent_timestamp": stamp(consent.at),
        "last_updated": stamp(consent.updated),
        "method": consent.method,
        "method_detail": "",
    }


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


def page(resources: Sequence[Json], request: Request, usual: int = 20, most: int = 100) -> Answer:
    """One page of a collection, with the way to the next; `links.next` is null on the last, as in live answers."""
    size, start = request.query.get("page[size]", str(usual)), _offset(request.query.get("page[cursor]", ""))
    if not size.isdecimal() or not 1 <= int(size) <= most:
        return invalid(Problem(f"Page size must be an integer between 1 and {most}.", parameter="page[size]"))
    if start is None:
        return invalid(Problem("Invalid page cursor.", parameter="page[cursor]"))
    end = start + int(size)
    links = {
        "self": _link(request, request.query),
        "prev": _at(request, max(0, start - int(size))) if start else None,
        "next": _at(request, end) if end < len(resources) else None,
    }
    return ok({"data": list(resources[start:end]), "links": links})


def _at(request: Request, start: int) -> str:
    cursor = urlsafe_b64encode(f"at:{start}".encode()).decode()
    return _link(request, {**request.query, "page[cursor]": cursor})


def _link(request: Request, query: Mapping[str, str]) -> str:
    """A way back to this very server, where Klaviyo would name its own host."""
    return f"{request.base}{request.path}?{urlencode(dict(query))}" if query else request.base + request.path


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
