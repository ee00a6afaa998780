"""What the store does not take in a customer, in the vendor's words where they are known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import phonenumbers

from sandbox.shopify.answers import Wrong
from sandbox.shopify.world import Customer, World
from sandbox.web.answer import Json

SENDABLE = ("SUBSCRIBED", "UNSUBSCRIBED", "PENDING")
"""The only states of consent that may be sent; the others are what the store finds out. Source: the schema's words."""

PROVINCES = frozenset({"ACT", "NSW", "NT", "QLD", "SA", "TAS", "VIC", "WA"})
"""Of Australia, the one country whose provinces are looked at here."""

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+", re.ASCII)
_NAMES = ("email", "phone")


def email(said: str | None) -> str | None:
    """An address as the store keeps it: trimmed, in small letters; None for none."""
    return (said or "").strip().lower() or None


def phone(said: str | None, country: str) -> str | None:
    """A number in E.164, as it came where it is none; None for none."""
    text = (said or "").strip()
    try:
        read = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return text or None
    return phonenumbers.format_number(read, phonenumbers.PhoneNumberFormat.E164)


def person(world: World, given: Mapping[str, Any], owner: Customer | None) -> list[Wrong]:
    """What is wrong with the address, number and name that a customer would have."""
    found = [*_address(world, given, owner), *_number(world, given, owner), *_places(given)]
    held = {name: getattr(owner, name) for name in _NAMES} if owner else {}
    names = {**(owner.details if owner else {}), **held, **given}
    if not any(names.get(name) for name in ("firstName", "lastName", "email", "phone")):
        found.append(Wrong("Customer must have a name, phone number or email address", None, "BLANK"))
    return found


def _address(world: World, given: Mapping[str, Any], owner: Customer | None) -> list[Wrong]:
    text = email(given.get("email"))
    if text is None:
        return []
    if not _EMAIL.fullmatch(text):
        return [Wrong("Email is invalid", ("email",), "INVALID")]
    if "." not in text.partition("@")[2].strip("."):
        return [Wrong("Email contains an invalid domain name", ("email",), "INVALID")]
    return _taken("Email", "email", [one for one in world.customers.values() if one.email == text], owner)


def _number(world: World, given: Mapping[str, Any], owner: Customer | None) -> list[Wrong]:
    text = phone(given.get("phone"), world.settings.country)
    if text is None:
        return []
    try:
        possible = phonenumbers.is_possible_number(phonenumbers.parse(text))
    except phonenumbers.NumberParseException:
        possible = False
    if not possible:
        return [Wrong("Phone is invalid", ("phone",), "INVALID")]
    return _taken("Phone", "phone", [one for one in world.customers.values() if one.phone == text], owner)


def _taken(told: str, name: str, holders: list[Customer], owner: Customer | None) -> list[Wrong]:
    taken = any(holder is not owner for holder in holders)
    return [Wrong(f"{told} has already been taken", (name,), "TAKEN")] if taken else []


def _places(given: Mapping[str, Any]) -> list[Wrong]:
    return [
        Wrong("Province is invalid", ("addresses", str(number), "province"), "INVALID")
        for number, place in enumerate(given.get("addresses") or ())
        if place.get("countryCode") == "AU" and place.get("provinceCode", "VIC") not in PROVINCES
    ]


def consent(name: str, said: Json, *, reachable: bool) -> list[Wrong]:
    """What is wrong with a consent; `name` is the member it came in, `reachable`: there is an address or number."""
    if said["marketingState"] not in SENDABLE:
        return [Wrong(f"Marketing state {said['marketingState']} may not be set", (name, "marketingState"), "INVALID")]
    if not reachable:
        what = "an email address" if name == "emailMarketingConsent" else "a phone number"
        return [Wrong(f"The customer must have {what}", (name,), "MISSING_ARGUMENT")]
    return []


def metafield(told: Json, path: tuple[str, ...]) -> list[Wrong]:
    """What is wrong with a metafield of no definition."""
    sizes = (("namespace", 3, 255), ("key", 2, 64))
    for name, least, most in sizes:
        length = len(told.get(name) or "")
        if not least <= length <= most:
            word = "short (minimum" if length < least else "long (maximum"
            bound = least if length < least else most
            return [Wrong(f"{name.capitalize()} is too {word} is {bound} characters)", (*path, name), "INVALID_VALUE")]
    if not told.get("type"):
        return [Wrong("Type can't be blank", (*path, "type"), "BLANK")]
    if told.get("value") in (None, ""):
        return [Wrong("Value can't be blank", (*path, "value"), "BLANK")]
    return []
