"""Persons over the wire: search, changed since, by id, time stamp, create, replace."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from xml.etree.ElementTree import Element

from sandbox.apparel21 import cards, people
from sandbox.apparel21.rewards import open_account
from sandbox.apparel21.wire import Call, Refused, add, created, nothing, said, xml
from sandbox.apparel21.world import Loyalty, Person, World
from sandbox.web.answer import Answer

PHONES = tuple(f"Contacts/Phones/{kind}" for kind in ("Home", "Mobile", "Work"))


def search(world: World, call: Call) -> Answer:
    """GET /Persons: any combination of filters, or what changed since a time; old releases know nothing of that."""
    changed = "updatedafter" in call.query and world.since("2022.1")
    since = world.moment(call.query["updatedafter"]) if changed else 0.0
    found = [one for one in world.seen() if one.updated > since and _fits(one, call.query)]
    if changed:
        return _page(world, call, sorted(found, key=lambda one: one.updated))
    if len(found) > 1 and world.settings.several == "5013":
        raise Refused(400, 5013, "more than one person satisfies the filter")
    return _persons(world, call, found)


def _fits(person: Person, wanted: Mapping[str, str]) -> bool:
    checks: dict[str, Callable[[str], bool]] = {
        "email": lambda text: person.email == text.strip().lower(),
        "code": lambda text: person.code == text,
        "surname": lambda text: person.texts.get("Surname", "").lower() == text.lower(),
        "firstname": lambda text: person.texts.get("Firstname", "").lower() == text.lower(),
        "phone": lambda text: _digits(text) in {_digits(person.texts.get(path, "")) for path in PHONES},
        "loyaltyonly": lambda text: text.lower() != "true" or bool(person.loyalties),
    }
    return all(check(wanted[name]) for name, check in checks.items() if name in wanted)


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _page(world: World, call: Call, found: Sequence[Person]) -> Answer:
    start, rows = call.page(100)
    part = found[start - 1 : start - 1 + rows] if world.settings.pages_persons else found
    return _persons(world, call, part, len(found), start)


def _persons(world: World, call: Call, found: Sequence[Person], total: int = 0, start: int = 1) -> Answer:
    if not found:
        raise nothing()
    root = Element("Persons", {"Type": "Array"})
    if total:
        root.attrib.update(TotalRows=str(total), PageStartRow=str(start), PageRows=str(len(found)))
    root.extend(people.render(world, one, call.version, cards=False) for one in found)
    return xml(root)


def one(world: World, call: Call) -> Answer:
    """GET /Persons/{id}. A till that was told to comes right after."""
    person = _visible(world, call)
    with_cards = call.query.get("customdata", "").lower() == "true"
    answer = xml(people.render(world, person, call.version, cards=with_cards))
    for edit in [edit for edit in world.edits if edit.person == person.id]:
        edit.times -= 1
        if edit.times <= 0:
            world.edits.remove(edit)
        till(world, person, edit.texts, edit.cards)
    return answer


def till(world: World, person: Person, texts: dict[str, str], named: dict[str, dict[str, str]]) -> None:
    """Somebody at a till changes the person."""
    person.texts.update(texts)
    for card, fields in named.items():
        for label, text in fields.items():
            person.cards.setdefault(card, {})[label] = [text]
    world.touch(person)


def _visible(world: World, call: Call) -> Person:
    person = world.visible(call.ids[0])
    if person is None:
        raise nothing()
    return person


def stamp(world: World, call: Call) -> Answer:
    """GET /Persons/{id}/UpdateTimeStamp: another form of the same time."""
    person = _visible(world, call)
    root = Element("PersonUpdateTimeStamp")
    add(root, "PersonId", person.id)
    add(root, "UpdateTimeStamp", world.iso(person.updated))
    return xml(root)


def create(world: World, call: Call) -> Answer:
    """POST /Persons."""
    body = _person(call)
    if said(body, "Code"):
        raise Refused(400, 5003, "a code is given by Apparel21")
    texts = people.texts(body)
    people.alone(world, texts.get("Contacts/Email", ""), 0, loyalty_only=_loyalty_only(call))
    person = Person(world.serial(), _code(world, texts), world.settings.brand, web=True, texts=texts, updated=0.0)
    person.references = people.references(world, body, new=True)
    person.loyalties = people.loyalties(world, body, [])
    if call.version > 1:
        person.cards = cards.merge(world, body, {})
        person.dockets = _docket(world, said(body, "DocketNumber"))
    texts.setdefault("Privacy", "false")
    texts.setdefault("StartDate", f"{world.local(world.now()):%Y-%m-%d}")
    world.touch(person)
    world.persons[person.id] = person
    program = said(body, "RewardProgramId")
    if call.version > 1 and program:
        open_account(world, program, person.id)
    return created(call, f"/Persons/{person.id}")


def _person(call: Call) -> Element:
    if call.xml.tag != "Person":
        raise Refused(403, 5121, "a Person is expected")
    return call.xml


def _loyalty_only(call: Call) -> bool:
    return call.query.get("loyaltyonly", "").lower() == "true"


def _code(world: World, texts: dict[str, str]) -> str:
    """Surname, first name and a counter."""
    letters = [re.sub(r"[^A-Z]", "", texts[path].upper()) for path in ("Surname", "Firstname")]
    stem = letters[0][:4] + letters[1][:2]
    return f"{stem}{sum(one.code.startswith(stem) for one in world.persons.values()):02d}"


def _docket(world: World, number: str) -> list[str]:
    if not number:
        return []
    if not number.upper().startswith("D"):
        raise Refused(403, 5210, "not a docket")
    if any(number in one.dockets for one in world.persons.values()):
        raise Refused(403, 5209, "the docket has a person already")
    return [number]


def replace(world: World, call: Call) -> Answer:
    """PUT /Persons/{id}: what is not sent is cleared, but for custom data and (below 3.0) loyalties."""
    person, body = _visible(world, call), _person(call)
    if said(body, "Id") not in ("", str(person.id)):
        raise Refused(400, 5151, "the id in the body is another")
    if said(body, "Code"):
        raise Refused(400, 5003, "a code is given by Apparel21")
    texts = people.texts(body)
    if "Contacts/Email" not in texts:
        raise Refused(400, 5004, "the e-mail address is missing")
    if not any(path.startswith("Addresses/Billing/") for path in texts):
        raise Refused(400, 5005, "the billing address is missing")
    if said(body, "UpdateTimeStamp") != world.stamp(person.updated):
        raise Refused(400, 5010, f"Person was updated by another user; timestamp is now {world.stamp(person.updated)}")
    people.alone(world, texts["Contacts/Email"], person.id, loyalty_only=_loyalty_only(call))
    references = people.references(world, body, new=False)
    held = cards.merge(world, body, person.cards) if call.version > 1 else person.cards
    person.loyalties = _loyalties(world, call, person, body)
    person.texts, person.references, person.cards = texts, references, held
    world.touch(person)
    return Answer(200)


def _loyalties(world: World, call: Call, person: Person, body: Element) -> list[Loyalty]:
    if body.find("Loyalties") is not None or call.version < 3:
        return people.loyalties(world, body, person.loyalties)
    for own in person.loyalties:
        own.values["StatusId"] = "1232"
    return person.loyalties
