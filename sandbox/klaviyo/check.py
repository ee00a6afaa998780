"""What Klaviyo refuses in a body: unknown fields, addresses and numbers that are none, and anything too large."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import phonenumbers

from sandbox.klaviyo.answer import Problem
from sandbox.web.answer import Json

BODY_LIMIT = 5_000_000  # "5 MB", decompressed; Klaviyo does not say which MB, so the smaller one
PROFILE_LIMIT = 100_000  # "100 kB"

TEXTS = frozenset(
    {"email", "phone_number", "external_id", "first_name", "last_name", "organization", "locale", "title", "image"}
)
PROFILE_FIELDS = TEXTS | {"_kx", "location", "properties"}
EVENT_PROFILE_FIELDS = PROFILE_FIELDS | {"anonymous_id", "meta"}
LOCATION_FIELDS = frozenset(
    {
        "address1",
        "address2",
        "city",
        "region",
        "zip",
        "country",
        "timezone",
        "latitude",
        "longitude",
        "ip",
    }
)
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}")
_MOBILE = re.compile(r"\+(614\d{8}|642\d{7,9})")


def email_ok(value: Any) -> bool:
    """Whether Klaviyo takes this as an e-mail address (at most 100 letters)."""
    return isinstance(value, str) and len(value) <= 100 and _EMAIL.fullmatch(value.strip()) is not None


def phone_ok(value: Any) -> bool:
    """Whether this is a telephone number in E.164 that can exist."""
    return isinstance(value, str) and (_MOBILE.fullmatch(value) is not None or _possible(value))


@lru_cache(maxsize=50_000)
def _possible(value: str) -> bool:
    if not re.fullmatch(r"\+[1-9]\d{6,14}", value):
        return False
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(value))
    except phonenumbers.NumberParseException:
        return False


def moment(value: Any) -> float | None:
    """Unix seconds of an ISO 8601 text, without an offset read as UTC; None for anything else.

    >>> moment("2025-08-14T02:31:00Z")
    1755138660.0
    """
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def document(body: Any, kind: str) -> Json | Problem:
    """The `data` of a body, which must be one object of this type."""
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict):
        return Problem("'data' must be an object.", "/data")
    if data.get("type") != kind:
        return Problem(f"'{data.get('type')}' is not the type of this resource: '{kind}'.", "/data/type")
    return data


def strangers(found: Json, known: frozenset[str], resource: str, pointer: str) -> Iterator[Problem]:
    """A problem for every key nobody knows."""
    for key in found.keys() - known:
        yield Problem(f"'{key}' is not a valid field for the resource '{resource}'.", f"{pointer}/{key}")


def identifiers(attributes: Json, pointer: str) -> Iterator[Problem]:
    """A problem for an e-mail address or telephone number that is none."""
    email, phone = attributes.get("email"), attributes.get("phone_number")
    if email is not None and not email_ok(email):
        yield Problem("Invalid email address", f"{pointer}/email")
    if phone is not None and not phone_ok(phone):
        yield Problem(
            "Invalid phone number format (Example of a valid format: +12345678901)", f"{pointer}/phone_number"
        )


def profile(data: Any, pointer: str, known: frozenset[str] = PROFILE_FIELDS) -> Iterator[Problem]:
    """Everything wrong with one profile resource (`type`, `id`, `attributes`)."""
    if not isinstance(data, dict) or data.get("type") != "profile":
        yield Problem("Expected an object of type 'profile'.", pointer)
        return
    attributes = data.get("attributes", {})
    if not isinstance(attributes, dict):
        yield Problem("'attributes' must be an object.", f"{pointer}/attributes")
        return
    yield from strangers(attributes, known, "profile", f"{pointer}/attributes")
    yield from _values(attributes, f"{pointer}/attributes")
    if not data.get("id") and not any(attributes.get(key) for key in ("email", "phone_number", "external_id", "_kx")):
        yield Problem(
            "One of the identifiers 'id', 'email', 'phone_number' or 'external_id' is required.",
            f"{pointer}/attributes",
        )


def _values(attributes: Json, pointer: str) -> Iterator[Problem]:
    yield from identifiers(attributes, pointer)
    for key in TEXTS & attributes.keys():
        if not isinstance(attributes[key], str | None):
            yield Problem(f"'{key}' must be a string.", f"{pointer}/{key}")
    for key in attributes.keys() & {"location", "properties"}:
        if not isinstance(attributes[key], dict | None):
            yield Problem(f"'{key}' must be an object.", f"{pointer}/{key}")
    location = attributes.get("location")
    if isinstance(location, dict):
        yield from strangers(location, LOCATION_FIELDS, "location", f"{pointer}/location")
