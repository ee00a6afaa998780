"""Everything one simulated store holds, how it behaves, its clock, and who is told what happens."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from sandbox.web import post
from sandbox.web.answer import Json

VERSIONS = ("2026-01", "2026-04", "2026-07", "2026-10")


@dataclass(frozen=True, slots=True)
class Settings:
    """How the simulated store behaves."""

    shop: str = "wattle"  # {shop}.myshopify.com
    token: str = "shpat_sandbox"  # the fixed one of an old custom app
    client_id: str = "tillstream"
    client_secret: str = "shhh"
    signing_secret: str | None = None  # of webhooks, while a new client secret is not yet in force; None: the same
    token_life: int = 86_399  # seconds
    scopes: tuple[str, ...] = (
        "read_customers", "write_customers", "read_customer_merge", "write_customer_data_erasure",
    )  # fmt: skip
    versions: tuple[str, ...] = VERSIONS
    limits: bool = True
    restore_rate: float = 100.0  # points a second; the bucket holds twenty times as many
    costs: bool = True  # False: answers lack `extensions`
    search_lag: float = 2.0  # seconds until a change is seen by customers(query:)
    bulk_time: float = 0.5  # seconds a bulk operation takes
    country: str = "AU"
    latency: float = 0.0  # seconds before every answer
    kept_requests: int = 100_000


@dataclass(slots=True)
class Consent:
    """Whether an address or number may be used for marketing; `updated` is Unix seconds."""

    state: str = "NOT_SUBSCRIBED"
    level: str | None = None
    updated: float | None = None


@dataclass(slots=True)
class Metafield:
    """A value of the app's own."""

    id: int
    namespace: str
    key: str
    type: str
    value: str
    updated: float

    @property
    def digest(self) -> str:
        """What `compareDigest` is compared with."""
        return hashlib.sha256(self.value.encode()).hexdigest()


@dataclass(slots=True)
class Customer:
    """A customer of the store; `details` by the names of CustomerInput."""

    id: int
    created: float
    updated: float
    email: str | None = None
    phone: str | None = None
    details: dict[str, str | None] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    addresses: list[Json] = field(default_factory=list)
    metafields: dict[tuple[str, str], Metafield] = field(default_factory=dict)
    email_consent: Consent = field(default_factory=Consent)
    sms_consent: Consent = field(default_factory=Consent)
    erasing: bool = False  # ordered; it is done after days that nobody waits for here

    @property
    def gid(self) -> str:
        """Its id in GraphQL."""
        return f"gid://shopify/Customer/{self.id}"


@dataclass(frozen=True, slots=True)
class Indexed:
    """What the search knows of a customer: how they were a moment ago."""

    email: str
    phone: str
    name: str
    tags: tuple[str, ...]
    created: float
    updated: float


@dataclass(slots=True)
class Subscription:
    """Somebody who wants to be told; deleted after eight failures in a row."""

    id: int
    topic: str  # as in the header of a delivery
    enum: str
    uri: str
    created: float
    failures: int = 0

    @property
    def gid(self) -> str:
        """Its id in GraphQL."""
        return f"gid://shopify/WebhookSubscription/{self.id}"


@dataclass(slots=True)
class Upload:
    """A place for a file: the form fields that must come before it, in this order, and what came."""

    fields: dict[str, str]
    lines: bytes = b""


@dataclass(slots=True)
class Bulk:
    """A bulk operation, and the lines of its result."""

    id: int
    created: float
    status: str = "CREATED"
    completed: float | None = None
    error: str | None = None
    objects: int = 0
    result: bytes = b""

    @property
    def gid(self) -> str:
        """Its id in GraphQL."""
        return f"gid://shopify/BulkOperation/{self.id}"


@dataclass(slots=True)
class Hooks(post.Hooks):
    """Retries end after the eighth; the true pauses add up to four hours, these to far less."""

    retries: int = 8
    pause: float = 0.05


class World(post.Sender[Settings, Hooks]):
    """One store. Only the server's own thread touches it."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, Hooks())

    def reset(self) -> None:
        """Forget everything but the settings, the hooks and the time."""
        super().reset()
        self._serial = 7_712_340_000_000
        self.customers: dict[int, Customer] = {}
        self.index: dict[int, Indexed] = {}
        self.subscriptions: dict[int, Subscription] = {}
        self.tokens: dict[str, float] = {}  # issued ones, and when each ends
        self.uploads: dict[str, Upload] = {}
        self.bulks: dict[int, Bulk] = {}
        self.throttled = 0  # requests that found the bucket too empty

    def sizes(self) -> Json:
        """How many customers, subscriptions and issued tokens there are, and requests that were too dear."""
        sizes = {"customers": len(self.customers), "subscriptions": len(self.subscriptions), "tokens": len(self.tokens)}
        return {**sizes, "throttled": self.throttled}

    def find(self, gid: str) -> Customer | None:
        """A customer by the id of GraphQL."""
        kind, _, number = gid.rpartition("/")
        return self.customers.get(int(number)) if kind == "gid://shopify/Customer" and number.isdigit() else None

    def add(self) -> Customer:
        """A customer with nothing but an id."""
        customer = Customer(self.serial(), self.now(), self.now())
        self.customers[customer.id] = customer
        return customer

    def touch(self, customer: Customer) -> None:
        """The customer is changed now; the search will know it after a while."""
        customer.updated = self.now()
        names = (customer.details.get("firstName"), customer.details.get("lastName"))
        seen = Indexed(
            email=customer.email or "",
            phone=customer.phone or "",
            name=" ".join(name for name in names if name),
            tags=tuple(tag.lower() for tag in customer.tags),
            created=customer.created,
            updated=customer.updated,
        )
        self.later(self.settings.search_lag, lambda: self._known(customer.id, seen))

    def _known(self, number: int, seen: Indexed) -> None:
        if number in self.customers:
            self.index[number] = seen

    def emit(self, topic: str, body: Json) -> None:
        """Something happened: every subscription to the topic gets a delivery, all with one event id."""
        event = self._uuid()
        self.outgoing.emitted.append({"topic": topic, **body})
        targets = [(one.uri, str(one.id)) for one in self.subscriptions.values() if one.topic == topic]
        for uri, place in [*targets, *([(self.hooks.url, "")] if self.hooks.url else [])]:
            self.mail(topic, body, partial(str, self._uuid()), url=uri, place=place, event=event)

    def dress(self, letter: post.Letter, payload: bytes) -> Mapping[str, str]:
        """The headers of a delivery, the signature over the very bytes among them.

        Source: shopify.dev, "Verify webhook deliveries" and "Webhook delivery structure".
        """
        secret = self.settings.signing_secret or self.settings.client_secret
        signature = base64.b64encode(hmac.new(secret.encode(), payload, hashlib.sha256).digest()).decode()
        return {
            "X-Shopify-Topic": letter.topic,
            "X-Shopify-Hmac-Sha256": signature,
            "X-Shopify-Shop-Domain": f"{self.settings.shop}.myshopify.com",
            "X-Shopify-API-Version": self.settings.versions[-1],
            "X-Shopify-Webhook-Id": letter.id,
            "X-Shopify-Event-Id": letter.event,
            "X-Shopify-Triggered-At": iso(letter.made),
        }

    def answered(self, letter: post.Letter, delivery: post.Delivery) -> None:
        """Eight failures in a row, and the subscription is gone with all that waited for it."""
        subscription = self.subscriptions.get(int(letter.place)) if letter.place else None
        if subscription is not None:
            subscription.failures = 0 if delivery.arrived else subscription.failures + 1
            if subscription.failures >= FAILURES:
                del self.subscriptions[subscription.id]
                self.outgoing.letters = [one for one in self.outgoing.letters if one.place != letter.place]
                return
        elif letter.place:
            return
        super().answered(letter, delivery)

    def _uuid(self) -> str:
        digits = f"{self.random.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


FAILURES = 8
"""In a row, and a subscription made through the API is deleted."""


def iso(seconds: float) -> str:
    """A moment as GraphQL and webhooks write it, in whole seconds.

    >>> iso(1755138660.0)
    '2025-08-14T02:31:00Z'
    """
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")
