"""The other side of the sandbox, under `/sandbox`: put persons there, be a till, and read out what really happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any

from sandbox.apparel21 import persons, rewards
from sandbox.apparel21.door import Apparel21
from sandbox.apparel21.shop import Label
from sandbox.apparel21.world import Loyalty, Person, TillEdit
from sandbox.web.answer import Json
from sandbox.web.control import Work

Query = Mapping[str, str]


def _who(server: Apparel21, who: str) -> list[Person]:
    """By id or address, whether the web store sees them or not."""
    return [one for one in server.world.persons.values() if who.lower() in (str(one.id), one.email)]


def _persons(server: Apparel21, query: Query, _: Json) -> Json:
    found = _who(server, query["who"]) if "who" in query else list(server.world.persons.values())
    return {"persons": [_shown(server, one) for one in found]}


def _shown(server: Apparel21, person: Person) -> Json:
    own = server.world.account_of(person.id)
    account = {"id": own.id, "tier": own.tier, "locked": own.locked} if own else None
    cards = {
        name: {label: values[1:] if values[:1] == ["[]"] else values[0] for label, values in fields.items()}
        for name, fields in person.cards.items()
    }
    return {**asdict(person), "cards": cards, "stamp": server.world.stamp(person.updated), "account": account}


def _seed(server: Apparel21, _: Query, body: Json) -> Json:
    """Put a person there as if they had always been."""
    world = server.world
    texts: dict[str, str] = {
        "Firstname": "Priya", "Surname": "O'Connor", "Privacy": "false", "Addresses/Billing/City": "Melbourne",
        **body.get("texts", {}),
    }  # fmt: skip
    number = int(body["id"]) if "id" in body else world.serial()
    code = f"P{number}"
    brand = body.get("brand", world.settings.brand)
    person = Person(number, code, brand, body.get("web", True), texts, 0.0)
    person.references = {int(kind): code for kind, code in body.get("references", {}).items()}
    person.cards = {
        name: {label: ["[]", *text] if isinstance(text, list) else [text] for label, text in fields.items()}
        for name, fields in body.get("cards", {}).items()
    }
    person.loyalties = [_loyalty(world.serial(), dict(one)) for one in body.get("loyalties", [])]
    world.touch(person)
    world.persons[number] = person
    if "tier" in body:
        rewards.seed(world, number, tier=body["tier"], locked=body.get("locked", ""), points=body.get("points", 0))
    return _shown(server, person)


def _loyalty(number: int, told: Json) -> Loyalty:
    kind: int = told.pop("type")
    return Loyalty(number, kind, {"CardNo": f"LM{number:07d}", **told})


def _till(server: Apparel21, _: Query, body: Json) -> Json:
    """A till changes a person: at once, or right after each of the next `reads` readings of the record."""
    (person,) = _who(server, str(body["who"]))
    edit = TillEdit(person.id, body.get("texts", {}), body.get("cards", {}), body.get("reads", 0))
    if edit.times:
        server.world.edits.append(edit)
    else:
        persons.till(server.world, person, edit.texts, edit.cards)
    return _shown(server, person)


def _set(server: Apparel21, _: Query, body: Json) -> Json:
    """Change a person's hidden marks: `web`, `brand`."""
    (person,) = _who(server, str(body["who"]))
    person.web, person.brand = body.get("web", person.web), body.get("brand", person.brand)
    return {}


def _orders(server: Apparel21, _: Query, __: Json) -> Json:
    return {"orders": [_plain(asdict(one)) for one in server.world.orders.values()]}


def _vouchers(server: Apparel21, _: Query, __: Json) -> Json:
    """What was mailed, PINs included: for the test's eyes, so that it can look for them where they must not be."""
    return {"vouchers": [_plain(asdict(one)) for one in server.world.vouchers.values()]}


def _plain(values: Json) -> Json:
    return {name: str(value) if isinstance(value, Decimal) else value for name, value in values.items()}


def _cards(server: Apparel21, _: Query, body: Json) -> Json:
    """Set up a card of custom data: its fields by label, each as the values of `Label`."""
    fields = {label: Label(**{**told, "tags": tuple(told.get("tags", ()))}) for label, told in body["fields"].items()}
    server.world.shop.cards[body["name"]] = fields
    return {}


def _compulsory(server: Apparel21, _: Query, body: Json) -> Json:
    """Make a reference type compulsory for new persons."""
    kind = server.world.shop.references[body["type"]]
    server.world.shop.references[kind.id] = replace(kind, compulsory=True)
    return {}


def _transactions(server: Apparel21, _: Query, body: Json) -> Json:
    """A sale at a till."""
    usual: dict[str, Any] = {"id": server.world.serial(), "order": "", "type": "Sale", "store": "113", "lines": []}
    server.world.transactions.append({**usual, **body})
    return {}


WORKS: dict[tuple[str, str], Work[Apparel21]] = {
    ("GET", "persons"): _persons,
    ("POST", "persons"): _seed,
    ("POST", "till"): _till,
    ("POST", "marks"): _set,
    ("GET", "orders"): _orders,
    ("GET", "vouchers"): _vouchers,
    ("POST", "cards"): _cards,
    ("POST", "compulsory"): _compulsory,
    ("POST", "transactions"): _transactions,
}
