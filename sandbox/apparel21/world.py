"""Everything one simulated Apparel21 holds, its clock, and what tills do to it meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from sandbox.apparel21.shop import Shop, wattle
from sandbox.apparel21.wire import Refused
from sandbox.web import world
from sandbox.web.answer import Json


@dataclass(frozen=True, slots=True)
class Settings:
    """How the simulated server behaves."""

    username: str = "tillstream"
    password: str = "sandbox"
    countries: tuple[str, ...] = ("AU", "NZ", "AU-GA-IO")
    brand: str = "wattle"  # of the web store: others' persons are not seen
    versions: int = 4  # the highest version served
    release: str = "2025.1"
    zone: str = "Australia/Melbourne"
    licensed: bool = True  # RewardsSimple and VouchersSimple
    several: str = "list"  # what an ambiguous search gives: list, or 5013
    pages_persons: bool = True
    duplicate_code: int = 5052
    pin: str = ""  # of every voucher, so that a test may look for it; empty: four digits as they come
    latency: float = 0.0
    kept_requests: int = 100_000


@dataclass(slots=True)
class Loyalty:
    """A loyalty record; `values` by tag, without Id and LoyaltyTypeId."""

    id: int
    type: int
    values: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Person:
    """One person: `texts` by path (`Contacts/Email`), references by type, cards by name and label."""

    id: int
    code: str
    brand: str
    web: bool
    texts: dict[str, str]
    updated: float
    references: dict[int, int] = field(default_factory=dict)
    cards: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    loyalties: list[Loyalty] = field(default_factory=list)
    dockets: list[str] = field(default_factory=list)

    @property
    def email(self) -> str:
        """In small letters."""
        return self.texts.get("Contacts/Email", "").lower()


@dataclass(slots=True)
class Balance:
    """Points, money or a gift of a rewards account."""

    id: int
    kind: str  # points, rewards, gifts
    total: Decimal
    redeemed: Decimal
    description: str
    expiry: str
    created: float


@dataclass(slots=True)
class Account:
    """A rewards account."""

    id: int
    program: int
    tier: int
    person: int
    joined: float
    locked: str = ""
    active: bool = True
    balances: list[Balance] = field(default_factory=list)
    history: list[dict[str, str]] = field(default_factory=list)

    def left(self, kind: str) -> Decimal:
        """What can be redeemed."""
        return sum((one.total - one.redeemed for one in self.balances if one.kind == kind), Decimal(0))


@dataclass(slots=True)
class Redemption:
    """What a RequestId did: taken amounts by balance, and whether that is final."""

    account: int
    taken: list[tuple[int, Decimal]]
    confirmed: bool
    at: float


@dataclass(slots=True)
class Order:
    """A web order."""

    id: int
    number: str
    person: int
    amount: Decimal
    at: float
    voucher: str = ""


@dataclass(slots=True)
class Voucher:
    """A gift voucher that was mailed."""

    number: str
    pin: str
    amount: Decimal
    email: str
    order: int
    used: Decimal = Decimal(0)
    expiry: str = ""
    validation: str = ""
    locked: float = 0.0


@dataclass(slots=True)
class TillEdit:
    """A till changes a person right after each of the next `times` readings of the record."""

    person: int
    texts: dict[str, str]
    cards: dict[str, dict[str, str]]
    times: int


class World(world.World[Settings]):
    """One server. Only its own thread touches it."""

    def reset(self) -> None:
        """Forget everything but the settings and the time."""
        super().reset()
        self.shop: Shop = wattle()
        self.persons: dict[int, Person] = {}
        self.accounts: dict[int, Account] = {}
        self.requests: dict[str, Redemption | None] = {}
        self.orders: dict[int, Order] = {}
        self.vouchers: dict[str, Voucher] = {}
        self.transactions: list[dict[str, object]] = []
        self.edits: list[TillEdit] = []
        self._serial = 73_000
        self._stamp = 0.0

    def sizes(self) -> Json:
        """How many persons, orders and vouchers there are."""
        return {"persons": len(self.persons), "orders": len(self.orders), "vouchers": len(self.vouchers)}

    def touch(self, person: Person) -> None:
        """The person is changed now: the stamp has whole seconds, and no two changes the same."""
        self._stamp = max(float(int(self.now())), self._stamp + 1)
        person.updated = self._stamp

    def seen(self) -> Iterator[Person]:
        """The persons that the web store can see."""
        return (one for one in self.persons.values() if one.web and one.brand == self.settings.brand)

    def visible(self, identity: str) -> Person | None:
        """A person by id, if the web store can see them."""
        found = self.persons.get(int(identity)) if identity.isdigit() else None
        return found if found is not None and found.web and found.brand == self.settings.brand else None

    def account_of(self, person: int) -> Account | None:
        """The person's active rewards account."""
        return next((one for one in self.accounts.values() if one.person == person and one.active), None)

    def local(self, seconds: float) -> datetime:
        """A moment as the server's clock showed it."""
        return datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(self.settings.zone)).replace(tzinfo=None)

    def iso(self, seconds: float) -> str:
        """A moment in the form of most date-times."""
        return self.local(seconds).isoformat(timespec="seconds")

    def stamp(self, seconds: float) -> str:
        """A moment in the form of a person's own time stamp: `6/05/2024 4:32:15 PM`."""
        at = self.local(seconds)
        return f"{at.day}/{at:%m/%Y} {at.hour % 12 or 12}:{at:%M:%S %p}"

    def moment(self, text: str) -> float:
        """Unix seconds of a local time that is asked for, to the day, minute or second; 403/5144 for anything else."""
        try:
            read = datetime.fromisoformat(text) if _MOMENT.fullmatch(text) else None
        except ValueError:
            read = None
        if read is None:
            raise Refused(403, 5144, "not a date")
        return read.replace(tzinfo=ZoneInfo(self.settings.zone)).timestamp()

    def since(self, release: str) -> bool:
        """Whether the server is of this release or a later one."""
        return _numbers(self.settings.release) >= _numbers(release)


_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?)?")


def _numbers(release: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", release)]
