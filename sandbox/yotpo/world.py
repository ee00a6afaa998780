"""Everything one simulated account holds, how it behaves, and its clock."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from sandbox.web.answer import Json
from sandbox.web.clockwork import Clockwork
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
class Hooks:
    """Where webhooks go and what becomes of them on the way."""

    url: str = ""
    header: str = "X-Api-Secret"
    secret: str = ""
    eventid: bool = True
    copies: int = 1  # how often each is delivered
    shuffled: bool = False  # what is due together goes in another order
    delay: float = 0.0  # seconds
    drop: float = 0.0  # share that is lost
    retries: int = 5  # after an answer that is no 2xx, or none
    pause: float = 0.2  # seconds before the first retry, doubled each time
    topics: tuple[str, ...] = ()  # none: all


@dataclass(slots=True)
class Letter:
    """A webhook on its way."""

    topic: str
    body: Json
    due: float
    event: str
    attempt: int = 0


@dataclass(slots=True)
class Delivery:
    """One webhook request that was made; status 0: no answer."""

    topic: str
    event: str
    attempt: int
    status: int


@dataclass(slots=True)
class Outgoing:
    """What waits to be sent, and what was sent."""

    letters: list[Letter] = field(default_factory=list)
    sent: list[Delivery] = field(default_factory=list)
    emitted: list[Json] = field(default_factory=list)
    dropped: int = 0


class World(Clockwork):
    """One account. Only the server's own thread touches it."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.hooks = Hooks()
        self.reset()

    def reset(self) -> None:
        """Forget everything but the settings, the hooks and the time."""
        self.empty()
        self.people = People()
        self.orders: dict[str, Order] = {}
        self.refunds: dict[str, Json] = {}
        self.repeats: list[str] = []  # order ids that came again
        self.redemptions: list[Json] = []
        self.outgoing = Outgoing()
        self.random = random.Random(7)

    def emit(self, topic: str, customer: Customer, snapshot: Json, more: Json) -> None:
        """Something happened that webhooks tell."""
        name = " ".join(word.capitalize() for word in topic.replace("/", " ").replace("_", " ").split())
        body = {"topic": topic, "name": name, "email": customer.email, "customer": snapshot, **more}
        self.outgoing.emitted.append(body)
        if not self.hooks.url or (self.hooks.topics and topic not in self.hooks.topics):
            return
        if self.random.random() < self.hooks.drop:
            self.outgoing.dropped += 1
            return
        event = f"{self.random.getrandbits(128):032x}"
        letters = [Letter(topic, body, self.now() + self.hooks.delay, event) for _ in range(self.hooks.copies)]
        self.outgoing.letters += letters


def stamp(seconds: float | None) -> str | None:
    """A moment as Yotpo writes it.

    >>> stamp(1755138660.0)
    '2025-08-14T02:31:00.000Z'
    """
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: object) -> float | None:
    """Unix seconds of an ISO 8601 text (or one with a blank for the T), without an offset read as UTC.

    >>> moment("2019-05-25 20:59:53"), moment("soon")
    (1558817993.0, None)
    """
    try:
        read = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
