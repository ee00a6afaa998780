"""What a person read from Apparel21 says, as the fields of a `customers` event, and what is remembered of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from consumers.apparel21.people import zone_of
from consumers.apparel21.person import card_value, identity, reference
from consumers.apparel21.settings import ConsentPlace
from consumers.apparel21.xml import Element, children, read
from consumers.engine.sink import Account, body_hash
from consumers.polls import BETWEEN
from tillstream.mapping.cells import Context, Unreadable, bind
from tillstream.mapping.countries import region

PHONES = ("Mobile", "Home", "Work")

Values = Mapping[str, Any]


class Known(NamedTuple):
    """A person as read last: time stamp to the letter, hash of the content, address, the one left last, and the time of
    the last event (ISO 8601)."""

    stamp: str = ""
    content: str = ""
    email: str = ""
    left: str = ""
    at: str = ""

    def dump(self) -> str:
        """As text for the memory."""
        return BETWEEN.join(self)

    def moves_to(self, email: str) -> bool:
        """Is this address another one than before?"""
        return bool(email and self.email and email != self.email)

    def lane(self, email: str) -> str:
        """Under which address the record goes: a changed one is told under the old."""
        return self.email if self.moves_to(email) else email or self.email

    def met(self, stamp: str, at: datetime, values: Values) -> Known:
        """What is known after this reading."""
        email = values["email"]
        left = self.email if self.moves_to(email) else self.left
        return Known(stamp, body_hash(values), email or self.email, left, at.isoformat())


def load_known(text: str) -> Known:
    """What `dump` wrote; nothing known for "".

    >>> load_known(Known("1/04/2025 4:05:11 PM", "ab", "kim@customer.example").dump()).email
    'kim@customer.example'
    """
    return Known(*text.split(BETWEEN)) if text else Known()


def values(account: Account, person: Element) -> dict[str, Any]:
    """The fields that a customers file would have, as far as the API has them.

    Loyalty fields are left out where tiers are kept on the loyalty record: that is our own writing.
    """
    said = Reader(account, person)
    found = {
        "person_id": identity(person),
        "person_code": read(person, "Code"),
        "firstname": read(person, "Firstname"),
        "surname": read(person, "Surname"),
        "adrs1": read(person, "Addresses/Billing/AddressLine1"),
        "adrs2": read(person, "Addresses/Billing/AddressLine2"),
        "city": read(person, "Addresses/Billing/City"),
        "state": read(person, "Addresses/Billing/State"),
        "postcode": read(person, "Addresses/Billing/Postcode"),
        "country": read(person, "Addresses/Billing/Country"),
        "mobile": said.mobile(),
        "email": said("email", "Contacts/Email") or "",
        "dob": said("birthday", "DateOfBirth"),
        "retail_rep": read(person, "IsAgent").lower() == "true",
        "created_date": said("instant", "StartDate"),
    }
    if "loyalty" not in account.settings.tier:
        found |= _loyalty(person, said)
    return {**found, **opinions(account.settings.consent, person)}


class Reader:
    """Reads the texts of one person as the cells of a file are read; what is unreadable is empty."""

    def __init__(self, account: Account, person: Element) -> None:
        connection = account.connection
        country = region(read(person, "Addresses/Billing/Country")) or connection.country
        placeholders = frozenset(text.lower() for text in connection.placeholders)
        self._context = Context(country, str(zone_of(account)), placeholders=placeholders)
        self._person = person

    def __call__(self, via: str, path: str) -> Any:
        """The value of the text under a path."""
        return self.cell(via, read(self._person, path))

    def cell(self, via: str, text: str) -> Any:
        """The value of a text."""
        cell: Callable[[str], Any] = bind(via, self._context, "")
        try:
            return cell(text)
        except Unreadable:
            return None

    def mobile(self) -> str:
        """The first of the numbers that can take an SMS."""
        texts = (read(self._person, f"Contacts/Phones/{kind}") for kind in PHONES)
        return next((number for text in texts if (number := self.cell("mobile", text))), "")


def _loyalty(person: Element, said: Reader) -> dict[str, Any]:
    """The loyalty that was added last."""
    held = sorted(children(person, "Loyalties/Loyalty"), key=lambda one: read(one, "Id").zfill(20))
    if not held:
        return {}
    return {
        "loyalty_name": read(held[-1], "LoyaltyType"),
        "loyalty_expiry": said.cell("date", read(held[-1], "Expiry")),
    }


def opinions(places: Iterable[ConsentPlace], person: Element) -> dict[str, bool | None]:
    """What the person says of marketing, by the merchant's set-up. In doubt less: a set privacy flag is a no wherever
    consent is kept, a flag that is not set is a yes only where the flag is what the merchant goes by."""
    held = list(places)
    flag = read(person, "Privacy").lower()
    by_flag = any(place.privacy for place in held)
    found: dict[str, bool | None] = {"privacy": True if flag == "true" else False if flag and by_flag else None}
    for channel in ("email", "sms"):
        said = {_said(place, person) for place in held if place.channel == channel and not place.privacy}
        found[f"{channel}_opt_in"] = False if False in said else True if True in said else None
    return found


def _said(place: ConsentPlace, person: Element) -> bool | None:
    if place.reference:
        return {place.yes: True, place.no: False}.get(reference(person, place.reference))
    text = card_value(person, place.card, place.field).casefold()
    words = {str(place.yes).casefold(): True, str(place.no).casefold(): False, "true": True, "false": False}
    return words.get(text)
