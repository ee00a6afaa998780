"""Everything one simulated account holds, how it behaves, and its clock."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from dataclasses import dataclass
from typing import Literal

from sandbox.web import post
from sandbox.web.answer import Json
from sandbox.yotpo.people import Customer, People

Term = Literal["calendar_year", "rolling_year", "lifetime"]


@dataclass(frozen=True, slots=True)
class Tier:
    """A VIP tier: `entry` and `retain` are cents spent within the term."""

    id: int
    name: str
    rank: int
    entry: int
    retain: int
    multiplier: float = 1.0


LADDER = (Tier(11, "Silver", 1, 20_000, 20_000), Tier(12, "Gold", 2, 50_000, 50_000, 1.5))

OPTIONS = (
    {"id": 501, "name": "$20 off", "amount": 200, "discount_type": "Custom Reward", "discount_amount_cents": 2000},
    {"id": 502, "name": "10% off", "amount": 100, "discount_type": "percentage", "discount_amount_cents": None},
)


@dataclass(frozen=True, slots=True)
class Settings:
    """How the simulated account behaves. `guid` and `api_key` None: any that is not empty."""

    guid: str | None = None
    api_key: str | None = None
    limits: bool = True
    rate: float = 10.0  # requests a second; also the size of the bucket
    delay: float = 0.0  # seconds between the receipt of an order or refund and its effect
    points_rate: float = 1.0  # points a dollar
    tiers: tuple[Tier, ...] | None = LADDER  # None: tiers are switched off
    term: Term = "calendar_year"
    repeated_order: Literal["accept", "refuse"] = "accept"
    unknown_refund: Literal["refuse", "ignore"] = "refuse"
    lock_rate: float = 0.0  # share of points/adjust calls that meet a locked record
    options: tuple[Json, ...] = OPTIONS
    latency: float = 0.0  # seconds before every answer
    kept_requests: int = 100_000


@dataclass(slots=True)
class Order:
    """An order as it was received; `done`: it has had its effect."""

    body: Json
    email: str
    cents: int
    received: float
    done: bool = False


@dataclass(slots=True)
class Hooks(post.Hooks):
    """What Yotpo adds to every delivery: a secret in a header of the merchant's choice, and an id where it is on."""

    header: str = "X-Api-Secret"
    secret: str = ""
    eventid: bool = True


class World(post.Sender[Settings, Hooks]):
    """One account. Only the server's own thread touches it."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, Hooks())

    def reset(self) -> None:
        """Forget everything but the settings, the hooks and the time."""
        super().reset()
        self.people = People()
        self.orders: dict[str, Order] = {}
        self.refunds: dict[str, Json] = {}
        self.repeats: list[str] = []  # order ids that came again
        self.redemptions: list[Json] = []

    def sizes(self) -> Json:
        """How many customers, orders, refunds, orders that came again, and redemptions there are."""
        counted: dict[str, Sized] = {
            "customers": self.people.everybody, "orders": self.orders, "refunds": self.refunds,
            "repeats": self.repeats, "redemptions": self.redemptions,
        }  # fmt: skip
        return {name: len(things) for name, things in counted.items()}

    def emit(self, topic: str, customer: Customer, snapshot: Json, more: Json) -> None:
        """Something happened that webhooks tell."""
        name = " ".join(word.capitalize() for word in topic.replace("/", " ").replace("_", " ").split())
        body = {"topic": topic, "name": name, "email": customer.email, "customer": snapshot, **more}
        self.outgoing.emitted.append(body)
        event = f"{self.random.getrandbits(128):032x}"
        self.mail(topic, body, lambda: event)

    def dress(self, letter: post.Letter, _: bytes) -> Mapping[str, str]:
        """The secret, and the id of the event, the same on every copy of it."""
        secret = {self.hooks.header: self.hooks.secret}
        return secret | ({"eventid": letter.id} if self.hooks.eventid else {})
