"""Everything one simulated account holds, how it behaves, and its clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from sandbox.web import post
from sandbox.web.answer import Json


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
class Hooks(post.Hooks):
    """What may be different about Clearer's deliveries."""

    without_new_tier: bool = False  # newTier is left out
    unique_ids: bool = False  # X-Webhook-Id tells deliveries apart, not only subscriptions


class World(post.Sender[Settings, Hooks]):
    """One account. Only the server's own thread touches it."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, Hooks())

    def reset(self) -> None:
        """Forget everything but the settings, the hooks and the time."""
        super().reset()
        self.customers: dict[str, Customer] = {}
        self.orders: dict[str, Order] = {}
        self.unknown: list[Json] = []  # members of bodies that the API does not know

    def sizes(self) -> Json:
        """How many members and orders there are."""
        return {"customers": len(self.customers), "orders": len(self.orders)}

    def emit(self, topic: str, body: Json) -> None:
        """Something happened that webhooks tell."""
        if topic == "customers/tier_changed" and self.hooks.without_new_tier:
            body = {name: value for name, value in body.items() if name != "newTier"}
        self.outgoing.emitted.append({"topic": topic, **body})
        self.mail(topic, body, self._webhook_id)

    def dress(self, letter: post.Letter, _: bytes) -> Mapping[str, str]:
        """Topic and id; nothing is signed."""
        return {"X-Webhook-Topic": letter.topic, "X-Webhook-Id": letter.id}

    def _webhook_id(self) -> str:
        return f"whk_{self.random.getrandbits(64):016x}" if self.hooks.unique_ids else "whk_subscription"
