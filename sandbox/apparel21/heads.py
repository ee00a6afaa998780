"""What head office has set up, over the wire: the root page, reference types, stores, programs."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from sandbox.apparel21.shop import References
from sandbox.apparel21.wire import LISTED, Call, Refused, add, nothing, page, xml
from sandbox.apparel21.world import World
from sandbox.web.answer import Answer


def root(world: World, _: Call) -> Answer:
    """GET /: an HTML page for people."""
    told = f"Apparel21 Retail API {world.settings.release}"
    return page(
        200, f"{told}, database SANDBOX is available, supported payload versions 1.0 to {world.settings.versions}.0"
    )


def person_types(world: World, _: Call) -> Answer:
    """GET /PersonReferenceTypes."""
    found = Element("PersonReferenceTypes")
    add(found, "Id", 12)
    add(found, "Name", "Person")
    listed = add(found, "ReferenceTypes", **LISTED)
    for number, kind in enumerate((one for one in world.shop.references.values() if one.person), start=1):
        one = _type(add(listed, "Reference"), kind)
        sequence = Element("Sequence")
        sequence.text = str(number)
        one.insert(0, sequence)
    return xml(found)


def _type(one: Element, kind: References) -> Element:
    add(one, "ReferenceTypeId", kind.id)
    add(one, "Code", kind.code)
    add(one, "Name", kind.name)
    return one


def types(world: World, call: Call) -> Answer:
    """GET /ReferenceTypes[/{id}]."""
    wanted = [one for one in world.shop.references.values() if not call.ids or str(one.id) == call.ids[0]]
    if not wanted:
        raise nothing()
    found = Element("ReferenceTypes", LISTED)
    for kind in wanted:
        _type(add(found, "ReferenceType"), kind)
    return xml(found)


def codes(world: World, call: Call) -> Answer:
    """GET /References/{type}[/{code}]."""
    kind = world.shop.references.get(int(call.ids[0])) if call.ids[0].isdigit() else None
    if kind is None:
        raise nothing()
    found = Element("ReferencesByType")
    add(found, "ReferenceTypeId", kind.id)
    add(found, "ReferenceTypeCode", kind.code)
    add(found, "ReferenceTypeName", kind.name)
    listed = add(found, "References", **LISTED)
    for code in kind.codes:
        if len(call.ids) < 2 or str(code.id) == call.ids[1]:
            one = add(listed, "Reference")
            for tag, text in (("ReferenceTypeId", kind.id), ("Id", code.id), ("Code", code.name), ("Name", code.name)):
                add(one, tag, text)
    return xml(found)


def stores(world: World, call: Call) -> Answer:
    """GET /Stores[/{id}]."""
    if call.ids and not call.ids[0].isdigit():
        raise Refused(400, 5081, "the store id is not an integer")
    wanted = [one for one in world.shop.stores if not call.ids or str(one.id) == call.ids[0]]
    if not wanted:
        raise nothing()
    found = Element("Stores")
    for store in wanted:
        one = add(found, "Store")
        for tag, text in (("StoreId", store.id), ("Code", store.code), ("StoreNo", store.number), ("Name", store.name)):
            add(one, tag, text)
        for tag in ("Address1", "Address2", "City", "State", "Postcode", "Country", "Email"):
            add(one, tag)
    return xml(found)


def programs(world: World, call: Call) -> Answer:
    """GET /Rewards/Programs[/{id}]."""
    wanted = [one for one in world.shop.programs.values() if not call.ids or str(one.id) == call.ids[0]]
    if not wanted:
        raise Refused(403, 5162, "there is no such program")
    found = Element("RewardPrograms")
    for program in wanted:
        one = add(found, "Program")
        add(one, "Id", program.id)
        add(one, "Name", program.name)
        add(one, "Currency", "AUD")
        listed = add(one, "Tiers", **LISTED)
        for number, tier in enumerate(program.tiers, start=1):
            entry = add(listed, "Tier")
            for tag, text in (("Id", tier.id), ("Name", tier.name), ("Sequence", number)):
                add(entry, tag, text)
        add(one, "Gifts", **LISTED)
    return xml(found)
