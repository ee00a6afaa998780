"""What Klaviyo refuses in a body: unknown fields, addresses and numbers that are none, and anything too large."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any

import phonenumbers

from sandbox.klaviyo.answer import Problem, Request, invalid
from sandbox.web import world
from sandbox.web.answer import Json

BODY_LIMIT = 5_000_000  # "5 MB", decompressed; Klaviyo does not say which MB, so the smaller one
PROFILE_LIMIT = 100_000  # "100 kB"

_TEXTS = (
    "email", "phone_number", "external_id", "_kx", "first_name", "last_name", "organization", "title", "image",
    "locale",
)  # fmt: skip
PROFILE_FIELDS: Mapping[str, type] = {**dict.fromkeys(_TEXTS, str), "location": dict, "properties": dict}
EVENT_PROFILE_FIELDS: Mapping[str, type] = {**PROFILE_FIELDS, "anonymous_id": str, "meta": dict}
"""What a profile may say -> of what type it must be; null is no type."""

_LOCATION = frozenset(
    ("address1", "address2", "city", "region", "zip", "country", "timezone", "latitude", "longitude", "ip")
)
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}")
_MOBILE = re.compile(r"\+(614\d{8}|642\d{7,9})")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?)?")


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
    """Unix seconds of an ISO 8601 text with T and Z as capitals, without an offset read as UTC; None for anything else.

    >>> moment("2025-08-14T02:31:00Z"), moment("2025-08-14 02:31:00"), moment("2025-08-14t02:31:00z"), moment(7)
    (1755138660.0, None, None, None)
    """
    return _moment(value) if isinstance(value, str) else None


@lru_cache(maxsize=10_000)
def _moment(value: str) -> float | None:
    return world.moment(value) if _MOMENT.fullmatch(value) else None


def dig(value: Any, *path: str) -> Any:
    """What stands at the end of a path of keys; None where it breaks off."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def document(body: Any, kind: str) -> Json:
    """The `data` of a body, which must be one object of this type, with attributes if any; raises 400."""
    data = dig(body, "data")
    if not isinstance(data, dict):
        raise invalid(Problem("'data' must be an object.", "/data"))
    if data.get("type") != kind:
        raise invalid(Problem(f"'{data.get('type')}' is not the type of this resource: '{kind}'.", "/data/type"))
    if not isinstance(data.get("attributes", {}), dict):
        raise invalid(Problem("'attributes' must be an object.", "/data/attributes"))
    return data


def rows(data: Json, most: int) -> list[Any]:
    """The profile resources of a bulk body: at least one, at most so many; raises 400."""
    found, pointer = dig(data, "attributes", "profiles", "data"), "/data/attributes/profiles/data"
    if not isinstance(found, list) or not found:
        raise invalid(Problem("'profiles' must hold at least one profile.", pointer))
    if len(found) > most:
        raise invalid(Problem(f"A request takes at most {most} profiles, not {len(found)}.", pointer))
    return found


def order(request: Request, known: Collection[str], usual: str = "") -> tuple[str, bool]:
    """The field that a request's `sort` names, and whether the greatest comes first; raises 400."""
    said = request.query.get("sort", usual)
    if (name := said.removeprefix("-")) not in known:
        raise invalid(Problem(f"'{said}' is not a valid sort field.", parameter="sort"))
    return name, said.startswith("-")


def strangers(found: Json, known: Collection[str], resource: str, pointer: str) -> Iterator[Problem]:
    """A problem for every key nobody knows."""
    for key in found:
        if key not in known:
            yield Problem(f"'{key}' is not a valid field for the resource '{resource}'.", f"{pointer}/{key}")


def identifiers(attributes: Json, pointer: str) -> list[Problem]:
    """A problem for an e-mail address or telephone number that is none."""
    found, email, phone = [], attributes.get("email"), attributes.get("phone_number")
    if email is not None and not email_ok(email):
        found.append(Problem("Invalid email address", f"{pointer}/email"))
    if phone is not None and not phone_ok(phone):
        text = "Invalid phone number format (Example of a valid format: +12345678901)"
        found.append(Problem(text, f"{pointer}/phone_number"))
    return found


def profile(data: Any, pointer: str, known: Mapping[str, type] = PROFILE_FIELDS, *, sms: bool = True) -> list[Problem]:
    """Everything wrong with one profile resource (`type`, `id`, `attributes`, `meta`).

    Without `sms` the account has no sending number, and a telephone number alone names nobody.
    """
    if not isinstance(data, dict) or data.get("type") != "profile":
        return [Problem("Expected an object of type 'profile'.", pointer)]
    attributes, here = data.get("attributes", {}), f"{pointer}/attributes"
    if not isinstance(attributes, dict):
        return [Problem("'attributes' must be an object.", here)]
    found = identifiers(attributes, here)
    for key, value in attributes.items():
        kind = known.get(key)
        if kind is None:
            found.append(Problem(f"'{key}' is not a valid field for the resource 'profile'.", f"{here}/{key}"))
        elif value is not None and type(value) is not kind:
            found.append(Problem(f"'{key}' must be {'a string' if kind is str else 'an object'}.", f"{here}/{key}"))
    if isinstance(location := attributes.get("location"), dict) and not location.keys() <= _LOCATION:
        found += strangers(location, _LOCATION, "location", f"{here}/location")
    if not (data.get("id") or attributes.get("email") or (sms and attributes.get("phone_number"))
            or attributes.get("external_id") or attributes.get("_kx")):  # fmt: skip
        text = "One of the identifiers 'id', 'email', 'phone_number' or 'external_id' is required."
        found.append(Problem(text, here))
    if "meta" in data and not _patches(data["meta"]):
        found.append(Problem("'meta' is not valid.", f"{pointer}/meta"))
    return found


def _patches(meta: Any) -> bool:
    """Whether these are orders to change properties that can be carried out."""
    orders = meta.get("patch_properties", {}) if isinstance(meta, dict) else None
    return isinstance(orders, dict) and all(isinstance(orders.get(name, {}), dict) for name in ("append", "unappend"))
