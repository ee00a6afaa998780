"""Everything one simulated account holds, how it behaves, and its clock."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from sandbox.web.answer import Json
from sandbox.web.clockwork import Clockwork


@dataclass(frozen=True, slots=True)
class Tier:
    """A loyalty tier; `threshold` is points earned or money spent in a lifetime."""

    id: str
    title: str
    threshold: Decimal


LADDER = (Tier("tier_1", "Silver", Decimal(0)), Tier("tier_2", "Gold", Decimal(500)))


@dataclass(frozen=True, slots=True)
class Settings:
    """How the simulated account behaves. `api_key` None: any that is not empty."""

    api_key: str | None = None
    throttle: bool = False  # every request is answered 429
    rate: float | None = None  # requests a second before a 429; None: any number
    retry_after: str | None = "1"  # the header of a 429; None: it has none
    points_rate: Decimal = Decimal(1)  # points for each unit of money of a paid order
    tiers: tuple[Tier, ...] = LADDER  # none: tiers are switched off
    basis: Literal["points", "spend"] = "points"  # what thresholds are compared with
    repeated_order: Literal["accept", "refuse"] = "accept"
    latency: float = 0.0  # seconds before every answer
    kept_requests: int = 100_000


@dataclass(slots=True)
class Customer:
    """A member: `external` is the merchant's own id of them, the names are those of the API."""

    id: str
    external: str
    created: float
    updated: float
    details: Json = field(default_factory=dict)
    balance: int = 0
    earned: Decimal = Decimal(0)
    spent: Decimal = Decimal(0)
    tier: str = ""

    @property
    def email(self) -> str:
        """In small letters."""
        return str(self.details.get("email", "")).lower()


@dataclass(slots=True)
class Order:
    """An order as it stands, what it has earned, and how often it was posted."""

    body: Json
    customer: str
    status: str
    total: Decimal
    points: int = 0
    counted: Decimal = Decimal(0)
    awarded: bool = False
    posted: int = 1


@dataclass(slots=True)
class Hooks:
    """Where webhooks go and what becomes of them on the way."""

    url: str = ""
    copies: int = 1  # how often each is delivered
    shuffled: bool = False  # what is due together goes in another order
    without_new_tier: bool = False  # newTier is left out
    unique_ids: bool = False  # X-Webhook-Id tells deliveries apart, not only subscriptions
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
    id: str
    attempt: int = 0


@dataclass(slots=True)
class Delivery:
    """One webhook request that was made; status 0: no answer."""

    topic: str
    id: str
    attempt: int
    status: int


@dataclass(slots=True)
class Outgoing:
    """What happened, what waits to be sent, and what was sent."""

    emitted: list[Json] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    sent: list[Delivery] = field(default_factory=list)
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
        self.customers: dict[str, Customer] = {}
        self.orders: dict[str, Order] = {}
        self.used: list[str] = []  # coupons
        self.unknown: list[Json] = []  # members of bodies that the API does not know
        self.outgoing = Outgoing()
        self.random = random.Random(7)

    def emit(self, topic: str, body: Json) -> None:
        """Something happened that webhooks tell."""
        if topic == "customers/tier_changed" and self.hooks.without_new_tier:
            body = {name: value for name, value in body.items() if name != "newTier"}
        out, hooks = self.outgoing, self.hooks
        out.emitted.append({"topic": topic, **body})
        if not hooks.url or (hooks.topics and topic not in hooks.topics):
            return
        if self.random.random() < hooks.drop:
            out.dropped += 1
            return
        out.letters += [Letter(topic, body, self.now() + hooks.delay, self._webhook_id()) for _ in range(hooks.copies)]

    def _webhook_id(self) -> str:
        return f"whk_{self.random.getrandbits(64):016x}" if self.hooks.unique_ids else "whk_subscription"


def stamp(seconds: float) -> str:
    """A moment as the API writes it.

    >>> stamp(1755138660.0)
    '2025-08-14T02:31:00.000Z'
    """
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: object) -> float | None:
    """Unix seconds of an ISO 8601 text; None for anything else.

    >>> moment("2025-08-14T02:31:00Z"), moment("soon")
    (1755138660.0, None)
    """
    try:
        read = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
