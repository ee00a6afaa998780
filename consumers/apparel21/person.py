"""A person as Apparel21 gives and takes one: what is wished of the record, is it so, and the whole to send back.

A PUT replaces: what it does not hold is cleared, except custom data and (below version 3.0) loyalties. So the body is
made from what was read a moment ago, with its time stamp as it came. Source: Apparel21 Retail API guide, "Persons".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from xml.etree.ElementTree import SubElement

from consumers.apparel21.xml import Element, child, children, put, read, tidy

NOT_ACCEPTED = ("Code", "Currency", "RewardsAccounts", "CustomData")
LISTED = {"Type": "Array"}
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a card holds this text ("" = empty); `listed`: as the one value of a list."""

    card: str
    label: str
    value: str
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Code:
    """A person reference has this code; 0: none."""

    type: int
    code: int


@dataclass(frozen=True, slots=True)
class Privacy:
    """The privacy flag stands so; True: wants no marketing."""

    flag: bool


@dataclass(frozen=True, slots=True)
class LoyaltyRecord:
    """A loyalty record of one of these types (() = the person's only one) has these values.

    Where there is none, one is added if `values` name its type.
    """

    types: tuple[int, ...]
    values: Mapping[str, str] = field(default_factory=dict)


Wish = Field | Code | Privacy | LoyaltyRecord


def identity(person: Element) -> str:
    """Apparel21's id."""
    return read(person, "Id")


def email(person: Element) -> str:
    """The address, as we key by it."""
    return read(person, "Contacts/Email").lower()


def stamp(person: Element) -> str:
    """The update time stamp exactly as received: whoever reformats it is refused."""
    found = child(person, "UpdateTimeStamp")
    return (found.text or "") if found is not None else ""


def rewards_account(person: Element) -> str:
    """The id of the rewards account, "" for none."""
    return read(person, "RewardsAccounts/Account/Id")


# -- is it so already? ----------------------------------------------------------------------------------------------


def holds(person: Element, wish: Wish) -> bool:
    """Is the wish fulfilled on the record as it was read?"""
    match wish:
        case Field():
            return card_value(person, wish.card, wish.label).casefold() == wish.value.casefold()
        case Code():
            return reference(person, wish.type) == wish.code
        case Privacy():
            return (read(person, "Privacy").lower() == "true") == wish.flag
        case LoyaltyRecord():
            found = loyalty(person, wish)
            if found is None:
                return "LoyaltyTypeId" not in wish.values
            return all(read(found, tag) == value for tag, value in wish.values.items())


def card_value(person: Element, card: str, label: str) -> str:
    """What a field of a card holds, several values with a line each; names are matched to the letter."""
    for one in children(person, "CustomData/Cards/Card"):
        for found in children(one, "Fields/Field") if one.get("Name") == card else ():
            if found.get("Name") == label:
                values = [(value.text or "").strip() for value in found.iter("Value")]
                return "\n".join(values) if values else (found.text or "").strip()
    return ""


def reference(person: Element, kind: int) -> int:
    """The code of a reference type, 0 for none."""
    found = _reference(person, kind)
    text = read(found, "Id")
    return int(text) if text.isdigit() else 0


def _reference(person: Element, kind: int) -> Element | None:
    listed = children(person, "References/Reference")
    return next((one for one in listed if read(one, "ReferenceTypeId") == str(kind)), None)


def loyalty(person: Element, wish: LoyaltyRecord) -> Element | None:
    """The record a wish is about: of the wished type, else of one of its types, else (without types) the only one."""
    held = list(children(person, "Loyalties/Loyalty"))
    if not wish.types:
        return held[0] if len(held) == 1 else None
    order = [wish.values.get("LoyaltyTypeId", ""), *map(str, wish.types)]
    return next((one for kind in order for one in held if read(one, "LoyaltyTypeId") == kind), None)


# -- what is sent ---------------------------------------------------------------------------------------------------


def changed(person: Element, wishes: Sequence[Wish], country: str) -> Element:
    """The whole record with the wishes fulfilled, as a PUT wants it. `country` stands in where there is no address."""
    body = _accepted(person)
    for wish in wishes:
        fulfil(body, wish)
    if not any((one.text or "").strip() for one in _billing(body)):
        put(_at(body, "Addresses", "Billing"), "Country", country)
    return body


def _accepted(person: Element) -> Element:
    """A copy without what a PUT refuses; unknown elements stay, so that a newer server's are not cleared."""
    body = Element("Person")
    body.extend(deepcopy(one) for one in person if one.tag not in NOT_ACCEPTED)
    for record in children(body, "Loyalties/Loyalty"):
        for told in list(children(record, "LoyaltyType")):
            record.remove(told)
    for one in body.iter():
        one.attrib.pop(NIL, None)
    return body


def _billing(body: Element) -> Iterator[Element]:
    found = child(body, "Addresses/Billing")
    return iter(()) if found is None else found.iter()


def fulfil(body: Element, wish: Wish) -> None:
    """Write a wish into the body of a PUT or POST."""
    match wish:
        case Field():
            _write_field(body, wish)
        case Code():
            found = _reference(body, wish.type)
            if found is None:
                found = SubElement(_at(body, "References", array=True), "Reference")
                put(found, "ReferenceTypeId", str(wish.type))
            put(found, "Id", str(wish.code or ""))
        case Privacy():
            put(body, "Privacy", str(wish.flag).lower())
        case LoyaltyRecord():
            record = loyalty(body, wish)
            if record is None:
                record = SubElement(_at(body, "Loyalties", array=True), "Loyalty")
            for tag, value in wish.values.items():
                put(record, tag, value)


def _write_field(body: Element, wish: Field) -> None:
    cards = _at(_at(body, "CustomData"), "Cards", array=True)
    card = next((one for one in cards if one.get("Name") == wish.card), None)
    if card is None:
        card = SubElement(cards, "Card", {"Name": wish.card})
    found = SubElement(_at(card, "Fields", array=True), "Field", {"Name": wish.label})
    if wish.listed and wish.value:
        SubElement(SubElement(found, "ListValues", LISTED), "Value").text = tidy(wish.value)
    else:
        found.text = tidy(wish.value)


def _at(parent: Element, *tags: str, array: bool = False) -> Element:
    """The element under these tags, made where it is missing."""
    for tag in tags:
        found = parent.find(tag)
        if found is None:
            found = SubElement(parent, tag, LISTED if array else {})
        parent = found
    return parent
