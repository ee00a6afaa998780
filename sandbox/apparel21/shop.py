"""What head office has set up in the simulated Apparel21: reference types, custom data cards, programs, stores."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Code(NamedTuple):
    """A reference code."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class References:
    """A reference type with its codes; `person`: listed on every person; `compulsory`: a new person needs one."""

    id: int
    code: str
    name: str
    codes: tuple[Code, ...]
    person: bool = True
    compulsory: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """A field of a card. `type` is Text, Memo, Date, Number, Checkbox or TagList."""

    type: str
    length: int = 0
    least: int | None = None
    most: int | None = None
    tags: tuple[str, ...] = ()
    several: bool = False
    adhoc: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """A rewards program: tier ids with their names, lowest first."""

    id: int
    name: str
    tiers: tuple[Code, ...]


@dataclass(frozen=True, slots=True)
class Store:
    """A store, without its address."""

    id: int
    code: str
    number: str
    name: str


@dataclass(slots=True)
class Shop:
    """The whole set-up; a test may change any of it."""

    references: dict[int, References] = field(default_factory=dict)
    cards: dict[str, dict[str, Label]] = field(default_factory=dict)
    programs: dict[int, Program] = field(default_factory=dict)
    stores: tuple[Store, ...] = ()
    voucher_skus: tuple[int, ...] = (6321,)
    voucher_types: tuple[str, ...] = ("LOYALTY_EMAIL",)
    merchants: tuple[str, ...] = ("loyalty",)


LOYALTY_TYPES, STATUSES = 366, 437


def wattle() -> Shop:
    """The set-up of a made-up retailer."""
    references = (
        References(1321, "OptIn", "Email opt in", (Code(20411, "Yes"), Code(20412, "No"))),
        References(1361, "Tier", "Loyalty tier", (Code(20501, "Silver"), Code(20502, "Gold"))),
        References(
            LOYALTY_TYPES,
            "Loyalty",
            "Loyalty type",
            (Code(30861, "Club Member"), Code(30871, "Silver"), Code(30872, "Gold")),
            person=False,
        ),
        References(STATUSES, "Status", "Loyalty status", (Code(1231, "Active"), Code(1232, "Inactive")), person=False),
    )
    card = {
        "Tier": Label("TagList", tags=("Silver", "Gold"), adhoc=True),
        "Tier expiry": Label("Date"),
        "Points": Label("Number", least=0, most=1_000_000),
        "Email opt in": Label("Checkbox"),
        "SMS opt in": Label("Checkbox"),
        "Note": Label("Text", length=40),
    }
    return Shop(
        references={one.id: one for one in references},
        cards={"Loyalty": card},
        programs={1: Program(1, "Wattle Club", (Code(2, "Silver"), Code(3, "Gold")))},
        stores=(Store(4983, "DONCASTER", "113", "Doncaster"), Store(5129, "RUNDLE", "114", "Rundle St")),
    )
