"""What a person may be: checks of a POST and a PUT, and how one is written out.

Source of lengths and codes: Apparel21 Retail API guide, "Persons".
"""

from __future__ import annotations

import re
from datetime import date
from xml.etree.ElementTree import Element

from sandbox.apparel21.shop import LOYALTY_TYPES
from sandbox.apparel21.wire import LISTED, Refused, add, said
from sandbox.apparel21.world import Loyalty, Person, World

ADDRESS = {"ContactName": 50, "CompanyName": 50, "AddressLine1": 50, "AddressLine2": 50, "City": 50, "State": 50,
           "Postcode": 10, "Country": 20}  # fmt: skip
TEXTS: dict[str, int] = {
    "Title": 10, "Initials": 6, "Firstname": 20, "Surname": 20, "Sex": 2, "DateOfBirth": 10, "StartDate": 10,
    "JobTitle": 20, "Privacy": 50, "IsAgent": 50,
    **{f"Addresses/{kind}/{tag}": most for kind in ("Billing", "Delivery") for tag, most in ADDRESS.items()},
    "Contacts/Email": 250, "Contacts/Phones/Home": 250, "Contacts/Phones/Mobile": 250, "Contacts/Phones/Work": 250,
}  # fmt: skip
"""Path of a text -> its greatest length."""
LOYALTY_TEXTS = {"CardNo": 250, "Expiry": 10, "Balance": 12, "CreditStatus": 20, "Message": 250, "JoinDate": 10,
                 "StatusId": 12}  # fmt: skip
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def texts(body: Element) -> dict[str, str]:
    """The plain texts of a body, checked; names in small letters are nobody's."""
    found = {path: said(body, path) for path in TEXTS if said(body, path)}
    if "Surname" not in found:
        raise Refused(400, 5000, "Surname is missing")
    if "Firstname" not in found:
        raise Refused(400, 5001, "Firstname is missing")
    for path, text in found.items():
        if len(text) > TEXTS[path]:
            raise Refused(403, 5014, f"{path} is too long")
    for path in ("DateOfBirth", "StartDate"):
        if path in found and not is_date(found[path]):
            raise Refused(400, 5099, f"{path} is not a date")
    if found.get("Privacy", "false").lower() not in ("true", "false"):
        raise Refused(400, 5111, "Privacy is neither true nor false")
    return found


def is_date(text: str) -> bool:
    """Is it year-month-day, and such a day?"""
    try:
        return bool(_DATE.fullmatch(text)) and bool(date.fromisoformat(text))
    except ValueError:
        return False


def dated(text: str) -> str:
    """A date or nothing, as it came; 403/5144 for anything else."""
    if text and not is_date(text):
        raise Refused(403, 5144, "not a date")
    return text


def alone(world: World, email: str, besides: int, *, loyalty_only: bool) -> None:
    """An address belongs to one person of the brand, whether the web store sees them or not."""
    for one in world.persons.values():
        counts = one.loyalties or not loyalty_only
        if email and one.id != besides and one.brand == world.settings.brand and one.email == email.lower() and counts:
            raise Refused(400, 5006, "the e-mail address belongs to another person")


def references(world: World, body: Element, *, new: bool) -> dict[int, int]:
    """The reference codes of a body, checked."""
    found: dict[int, int] = {}
    for one in body.iterfind("References/Reference"):
        kind, code = said(one, "ReferenceTypeId"), said(one, "Id")
        if not code:
            continue
        known = world.shop.references.get(int(kind)) if kind.isdigit() else None
        everywhere = {known.id for others in world.shop.references.values() for known in others.codes}
        if not code.isdigit() or int(code) not in everywhere:
            raise Refused(400, 5089, "the reference id is not valid")
        if known is None or int(code) not in {one.id for one in known.codes}:
            raise Refused(400, 5090, "the reference id is not of that type")
        found[known.id] = int(code)
    for required in world.shop.references.values():
        if new and required.compulsory and required.id not in found:
            raise Refused(400, 5091, "a reference of this type is required")
    return found


def loyalties(world: World, body: Element, held: list[Loyalty]) -> list[Loyalty]:
    """The loyalty records after a body that names some: given ids are changed, others are added, the rest stays."""
    made = [Loyalty(one.id, one.type, dict(one.values)) for one in held]
    for one in body.iterfind("Loyalties/Loyalty"):
        identity, kind = said(one, "Id"), said(one, "LoyaltyTypeId")
        known = next((own for own in made if str(own.id) == identity), None)
        if not kind and known is None:
            raise Refused(400, 5101, "the loyalty type is empty")
        if kind and int(kind) not in {code.id for code in world.shop.references[LOYALTY_TYPES].codes}:
            raise Refused(400, 5106, "the loyalty type is not valid")
        if kind and any(own.type == int(kind) and own is not known for own in made):
            raise Refused(400, 5103, "the person holds this loyalty type already")
        if known is None:
            known = Loyalty(world.serial(), int(kind))
            made.append(known)
        known.type = int(kind) if kind else known.type
        _loyalty_values(world, known, one)
    return made


def _loyalty_values(world: World, known: Loyalty, told: Element) -> None:
    for tag, most in LOYALTY_TEXTS.items():
        if told.find(tag) is not None:
            text = said(told, tag)
            if len(text) > most:
                raise Refused(403, 5014, f"{tag} is too long")
            known.values[tag] = text
    for tag in ("Expiry", "JoinDate"):
        dated(known.values.get(tag, ""))
    for tag in ("Balance", "StatusId"):
        if known.values.get(tag, "") and not re.fullmatch(r"-?\d+", known.values[tag]):
            raise Refused(400, 5109, f"{tag} is not numeric")
    card = known.values.setdefault("CardNo", f"L{known.id}")
    if not card:
        raise Refused(400, 5105, "the card number is empty")
    if not card.startswith(("LM", "L1", f"L{known.id}")):
        raise Refused(400, 5104, "a card number begins with LM")
    taken = (own for one in world.persons.values() for own in one.loyalties if own.id != known.id)
    if any(own.values.get("CardNo") == card for own in taken):
        raise Refused(400, 5102, "the card number is in use elsewhere")


# -- written out ----------------------------------------------------------------------------------------------------


def render(world: World, person: Person, version: int, *, cards: bool) -> Element:
    """The person as a GET shows them."""
    root = Element("Person")
    add(root, "Id", person.id)
    add(root, "Code", person.code)
    for path in ("Title", "Initials", "Firstname", "Surname", "Sex", "DateOfBirth", "StartDate", "JobTitle"):
        add(root, path, person.texts.get(path))
    add(root, "Privacy", "True" if person.texts.get("Privacy", "").lower() == "true" else "False")
    add(root, "UpdateTimeStamp", world.stamp(person.updated))
    _references(world, person, root)
    if cards and version > 1:
        _cards(person, root)
    add(root, "IsAgent", person.texts.get("IsAgent", "false"))
    _addresses(person, root)
    contacts = add(root, "Contacts")
    add(contacts, "Email", person.texts.get("Contacts/Email"))
    phones = add(contacts, "Phones")
    for tag in ("Home", "Mobile", "Work"):
        add(phones, tag, person.texts.get(f"Contacts/Phones/{tag}"))
    money = add(root, "Currency")
    add(money, "Code", "AUD")
    add(money, "Format", "#,##0.00 'Aud'")
    _loyalties(world, person, root)
    _account(world, person, root)
    return root


def _references(world: World, person: Person, root: Element) -> None:
    listed = add(root, "References", **LISTED)
    for kind in world.shop.references.values():
        if kind.person:
            one = add(listed, "Reference")
            add(one, "ReferenceTypeId", kind.id)
            add(one, "Id", person.references.get(kind.id))


def _cards(person: Person, root: Element) -> None:
    cards = add(add(root, "CustomData"), "Cards", **LISTED)
    for name, fields in person.cards.items():
        listed = add(add(cards, "Card", Name=name), "Fields", **LISTED)
        for label, values in fields.items():
            field = add(listed, "Field", values[0] if len(values) == 1 else "", Name=label)
            if values[:1] == ["[]"]:
                field.text = None
                values_of = add(field, "ListValues", **LISTED)
                for value in values[1:]:
                    add(values_of, "Value", value)


def _addresses(person: Person, root: Element) -> None:
    addresses = add(root, "Addresses")
    for kind in ("Billing", "Delivery"):
        if kind == "Billing" or any(path.startswith(f"Addresses/{kind}/") for path in person.texts):
            one = add(addresses, kind)
            for tag in ADDRESS:
                add(one, tag, person.texts.get(f"Addresses/{kind}/{tag}"))


def _loyalties(world: World, person: Person, root: Element) -> None:
    listed = add(root, "Loyalties", **LISTED)
    names = {code.id: code.name for code in world.shop.references[LOYALTY_TYPES].codes}
    for own in person.loyalties:
        one = add(listed, "Loyalty")
        add(one, "Id", own.id)
        add(one, "LoyaltyTypeId", own.type)
        add(one, "LoyaltyType", names.get(own.type))
        for tag in LOYALTY_TEXTS:
            add(one, tag, own.values.get(tag))


def _account(world: World, person: Person, root: Element) -> None:
    accounts = add(root, "RewardsAccounts")
    own = world.account_of(person.id)
    if own is not None:
        program = world.shop.programs[own.program]
        one = add(accounts, "Account")
        add(one, "Id", own.id)
        add(one, "ProgramId", program.id)
        add(one, "ProgramName", program.name)
        add(one, "TierId", own.tier)
        add(one, "TierName", next((tier.name for tier in program.tiers if tier.id == own.tier), ""))
