"""Custom data: templates of cards, and what their fields take. Source: Apparel21 Retail API guide, "Custom data"."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

from sandbox.apparel21.people import is_date
from sandbox.apparel21.shop import Label
from sandbox.apparel21.wire import LISTED, Call, Refused, add, nothing, xml
from sandbox.apparel21.world import World
from sandbox.web.answer import Answer

LIST = "[]"
"""Stands before the values of a list, so that a list of one is not a text."""


def merge(world: World, body: Element, held: dict[str, dict[str, list[str]]]) -> dict[str, dict[str, list[str]]]:
    """The cards after a body: fields that are sent are set or cleared, all else stays as it is."""
    made = {name: dict(fields) for name, fields in held.items()}
    for card in body.iterfind("CustomData/Cards/Card"):
        name = card.get("Name")
        if not name:
            raise Refused(403, 5194, "the card has no name")
        known = world.shop.cards.get(name)
        if known is None:
            raise Refused(403, 5193, "there is no such card")
        for field in card.iterfind("Fields/Field"):
            label = field.get("Name") or ""
            if label not in known:
                raise Refused(403, 5195, "there is no such field")
            values = checked(known[label], field)
            fields = made.setdefault(name, {})
            if values:
                fields[label] = values
            else:
                fields.pop(label, None)
    return made


def checked(label: Label, field: Element) -> list[str]:
    """The values of a field, [] for an empty one."""
    listed = [(value.text or "").strip() for value in field.iterfind("ListValues/Value")]
    text = (field.text or "").strip()
    if label.type == "TagList":
        return _list(label, listed, text)
    if listed:
        raise Refused(403, 5196, "a list where a single value belongs")
    if text:
        _one(label, text)
    return [text] if text else []


def _list(label: Label, values: list[str], text: str) -> list[str]:
    if text:
        raise Refused(403, 5196, "a list takes ListValues")
    if len(values) > 1 and not label.several:
        raise Refused(403, 5203, "the list takes one value")
    if not label.adhoc and not set(values) <= set(label.tags):
        raise Refused(403, 5204, "the value is not in the list")
    return [LIST, *values] if values else []


def _one(label: Label, text: str) -> None:
    match label.type:
        case "Number":
            if not re.fullmatch(r"-?\d+(\.\d+)?", text):
                raise Refused(403, 5196, "not a number")
            if label.least is not None and float(text) < label.least:
                raise Refused(403, 5199, "the number is too small")
            if label.most is not None and float(text) > label.most:
                raise Refused(403, 5200, "the number is too large")
        case "Date":
            if not is_date(text):
                raise Refused(403, 5201, "not a date")
        case "Checkbox":
            if text.lower() not in ("true", "false"):
                raise Refused(403, 5196, "neither true nor false")
        case _:
            if label.length and len(text) > label.length:
                raise Refused(403, 5198, "the text is too long")


def templates(world: World, call: Call) -> Answer:
    """GET /Persons/customdatatemplates[/{name}]."""
    if not world.shop.cards:
        raise Refused(403, 5206, "no template for persons")
    wanted = call.ids[0] if call.ids else None
    names = [name for name in world.shop.cards if wanted in (None, name)]
    if not names:
        raise nothing()
    root = Element("CustomData")
    for name in names:
        _template(root, name, world.shop.cards[name])
    return xml(root)


def _template(root: Element, name: str, labels: dict[str, Label]) -> None:
    template = add(root, "Template")
    add(template, "Name", name)
    add(template, "ImageUrl")
    fields = add(template, "Fields", **LISTED)
    for label, kind in labels.items():
        field = add(fields, "Field")
        add(field, "Label", label)
        add(field, "Type", kind.type)
        for tag, value in (("Length", kind.length or None), ("Min", kind.least), ("Max", kind.most)):
            if value is not None:
                add(field, tag, value)
        if kind.type == "TagList":
            add(field, "TagListMultiSelect", kind.several)
            add(field, "IsAdhocList", kind.adhoc)
            tags = add(field, "Tags", **LISTED)
            for tag in kind.tags:
                add(add(tags, "Tag"), "Value", tag)
