"""Customers looked up: by identifier at once, and by the search, which hears of changes a moment late."""

from __future__ import annotations

import re
from collections.abc import Callable

from sandbox.shopify import check, show
from sandbox.shopify.customers import Given
from sandbox.shopify.show import Key
from sandbox.shopify.world import Customer, Indexed, World
from sandbox.web.answer import Json
from sandbox.web.world import moment

_FIELD = r"(?:(?P<field>\w+):(?P<sign>[<>]=?)?)?"
_TERM = re.compile(_FIELD + r"""(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>\S+))""")
_SIGNS: dict[str, Callable[[float, float], bool]] = {
    ">=": lambda held, asked: held >= asked,
    "<=": lambda held, asked: held <= asked,
    ">": lambda held, asked: held > asked,
    "<": lambda held, asked: held < asked,
    "": lambda held, asked: int(held) == int(asked),
}


def by_identifier(world: World, given: Given) -> Json | None:
    """customerByIdentifier: as things stand now; None for nobody."""
    (name, value), = given["identifier"].items()  # fmt: skip
    if name == "id":
        found = world.find(value)
    elif name == "emailAddress":
        address = check.email(value)
        found = _first(world, lambda one: one.email == address)
    elif name == "phoneNumber":
        number = check.phone(value, world.settings.country)
        found = _first(world, lambda one: one.phone == number)
    else:
        key = (value.get("namespace") or "", value["key"])
        found = _first(world, lambda one: key in one.metafields and one.metafields[key].value == value["value"])
    return show.customer(found) if found else None


def _first(world: World, true: Callable[[Customer], bool]) -> Customer | None:
    return next((one for one in world.customers.values() if true(one)), None)


def listed(world: World, given: Given) -> Json:
    """customers(query:): a page of those that the index knows, in the order asked for."""
    order = given.get("sortKey", "ID")
    text = given.get("query") or ""
    items = [
        (_key(order, number, seen), show.customer(world.customers[number]))
        for number, seen in world.index.items()
        if number in world.customers and fits(text, seen, number)
    ]
    return show.page(items, given.get("first"), given.get("after"), reverse=given.get("reverse", False))


def _key(order: str, number: int, seen: Indexed) -> Key:
    keys: dict[str, float | str] = {"CREATED_AT": seen.created, "UPDATED_AT": seen.updated, "NAME": seen.name}
    return keys.get(order, 0.0), number


def fits(query: str, seen: Indexed, number: int = 0) -> bool:
    """Whether all terms of a search are true of what the index knows.

    >>> kim = Indexed("kim.tan@customer.example", "+61412000111", "Kim Tan", ("instore",), 0.0, 1780000000.0)
    >>> fits('email:"kim@customer.example"', kim), fits("email:tan@customer.example", kim), fits("tag:'instore'", kim)
    (False, True, True)
    >>> fits("updated_at:>='2026-05-01' tag:instore", kim), fits("updated_at:>2027-01-01T00:00:00Z", kim)
    (True, False)
    >>> fits("updated_at:>'2026-05-01T00:00:00Z'", kim)
    True
    """
    return all(_true(found, seen, number) for found in _TERM.finditer(query) if found[0] != "AND")


def _true(term: re.Match[str], seen: Indexed, number: int) -> bool:
    quoted = term["double"] if term["double"] is not None else term["single"]
    value = (quoted if quoted is not None else term["bare"] or "").lower()
    match term["field"]:
        case "email":
            return seen.email == value if quoted is not None else _words(value) <= _words(seen.email)
        case "phone":
            return seen.phone == value
        case "tag":
            return value in seen.tags
        case "id":
            return str(number) == value
        case "created_at" | "updated_at" as name:
            asked = moment(value.upper())
            held = seen.created if name == "created_at" else seen.updated
            return asked is not None and _SIGNS[term["sign"] or ""](held, asked)
        case _:
            return _words(value) <= _words(f"{seen.name} {seen.email}".lower())


def _words(text: str) -> set[str]:
    """The tokens of a text: a search without quotes is one for words, not for the whole."""
    return set(re.findall(r"\w+", text))
