"""Decide under which address a person's records go. No Kafka and no memory in here: what is known is passed in."""

from __future__ import annotations

from typing import NamedTuple

MOST_ADDRESSES = 20
BETWEEN = "\0"
"""Parts what is kept as text: the reader lets no cell with a NUL pass."""


class Person(NamedTuple):
    """What the producers know of one AP21 person.

    `order` is that of the newest row seen (see `schemas.headers.order`), "" when nothing is known and "-" when only
    orders spoke of the person so far, and wait; `email` the last address ("" = none ever), `left` the addresses moved
    away from, the latest at the end.
    """

    order: str = ""
    email: str = ""
    staff: bool = False
    left: tuple[str, ...] = ()

    @property
    def seen(self) -> bool:
        """Did a row of the person ever arrive?"""
        return self.order not in ("", "-")

    def dump(self) -> bytes:
        """As bytes for the memory."""
        return BETWEEN.join((self.order, "staff" if self.staff else "", self.email, *self.left)).encode()


UNSEEN = Person()
SPOKEN_OF = Person("-")


def load_person(raw: bytes) -> Person:
    """What `dump` wrote.

    >>> load_person(Person("2025", "kim@customer.example", True, ("k@customer.example",)).dump()).left
    ('k@customer.example',)
    """
    order, staff, email, *left = raw.decode().split(BETWEEN)
    return Person(order, email, bool(staff), tuple(left))


class Place(NamedTuple):
    """Where a person's row goes: the address of its lane ("" = none known), what it moved from, what is known now."""

    address: str
    previous: str | None
    person: Person


def place(known: Person, email: str, order: str, *, staff: bool) -> Place:
    """Where a row of `customers` goes, and what is known of the person after it.

    A changed address goes under the old one and says so; from then on rows go under the new one and say it too. A row
    older than the newest changes nothing. A row without an address goes where the person was last.

    >>> kim = Person("2025", "old@customer.example")
    >>> moved = place(kim, "new@customer.example", "2026", staff=False)
    >>> moved.address, moved.previous, moved.person.email
    ('old@customer.example', 'old@customer.example', 'new@customer.example')
    >>> place(moved.person, "new@customer.example", "2027", staff=False)[:2]
    ('new@customer.example', 'old@customer.example')
    """
    if order < known.order:
        return _late(known, email)
    if email and known.email and email != known.email:
        left = (*(address for address in known.left if address != email), known.email)[-MOST_ADDRESSES:]
        return Place(known.email, known.email, Person(order, email, staff, left))
    address = email or known.email
    return Place(address, _previous(known), Person(order, address, staff, known.left))


def _late(known: Person, email: str) -> Place:
    """An old row goes to the lane that knows the person as it was then, where it will be found out of date."""
    if email in known.left:
        return Place(email, None, known)
    return Place(known.email or email, _previous(known), known)


def _previous(known: Person) -> str | None:
    return known.left[-1] if known.left else None


def address_for(person: Person, email: str) -> str | None:
    """Where an order or an account goes that names a person and perhaps an address; None: the person was not seen yet.

    The address of the row counts, unless the person has moved away from it.

    >>> address_for(Person("2025", "new@customer.example", left=("old@customer.example",)), "old@customer.example")
    'new@customer.example'
    >>> address_for(UNSEEN, "") is None, address_for(Person("2025"), "")
    (True, '')
    """
    if email and email not in person.left:
        return email
    return person.email if person.seen else None
