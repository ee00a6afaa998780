"""What a merchant may say about their Apparel21 Retail API (`[connection.NAME.apparel21]`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr

from tillstream.settings import Block, Duration, Refusal, Secret, Start, Text, Url, Zone

Place = Literal["custom_data", "reference", "loyalty", "rewards_account"]
Amount = Annotated[Decimal, Field(gt=0, max_digits=10, decimal_places=2)]


class CustomData(Block):
    """A card of a person's custom data, and which of its fields hold what; an empty label: that is not kept."""

    card: Text = "Loyalty"
    tier: Text = "Tier"
    expiry: str = "Tier expiry"
    points: str = "Points"


class Reference(Block):
    """A person reference type, and the id of its code for each tier (under "" the code for no tier)."""

    type: int
    codes: dict[str, int]


class Loyalty(Block):
    """A person's loyalty record: one loyalty type for each tier, or a message on the record of one type.

    `type` names the type that carries the message, and that is added where a person has none; 0: the only one there is.
    """

    types: dict[str, int] = Field(default={})
    message: bool = False
    type: int = 0

    @classmethod
    def refuse(cls, table: Mapping[str, Any]) -> Iterator[Refusal]:
        """Refuse a record that would hold a tier twice, or not at all."""
        if bool(table.get("types")) == bool(table.get("message")):
            yield Refusal("", "needs one of types and message")


class RewardsAccount(Block):
    """The tier of the Rewards module for each tier; `program`: who has no account is enrolled in it (0: nobody is)."""

    tiers: dict[str, int]
    program: int = 0


class Voucher(Block):
    """The gift voucher that a redemption becomes: an order for one `sku`. Without this, redemptions are skipped."""

    sku: int
    type: Text = "LOYALTY_EMAIL"
    amounts: dict[str, Amount] = Field(default={})
    subject: Text = "Your reward voucher"
    message: str = ""
    sender: str = ""
    origin: Text = "CreditCard"
    card_type: Text = "LOYALTY"
    merchant_id: Text = "loyalty"


class ConsentPlace(Block):
    """Where a channel's yes and no are kept: the privacy flag, a field on a card, or a code of a reference type."""

    channel: Literal["email", "sms"]
    privacy: bool = False
    card: str = ""
    field: str = ""
    reference: int = 0
    yes: int | str = "Yes"
    no: int | str = "No"

    @classmethod
    def refuse(cls, table: Mapping[str, Any]) -> Iterator[Refusal]:
        """Refuse a place that is two places or none."""
        if sum(map(bool, (table.get("privacy"), table.get("card"), table.get("reference")))) != 1:
            yield Refusal("", "needs one of privacy = true, card and reference")
        if bool(table.get("card")) != bool(table.get("field")):
            yield Refusal("field", "a card goes with a field")
        if table.get("reference") and not (isinstance(table.get("yes"), int) and isinstance(table.get("no"), int)):
            yield Refusal("reference", "needs yes and no: the ids of its codes")


class Apparel21Settings(Block):
    """One Retail API, as one web store and country sees it."""

    url: Url
    username: Text
    password: Secret
    country_code: Text = "AU"
    timezone: Zone | None = None
    poll: Duration = timedelta(seconds=60)
    gap: Duration = timedelta(milliseconds=500)
    start: Start = "earliest"
    person_wait: Duration = timedelta(hours=24)
    tier: tuple[Place, ...] = ("custom_data",)
    custom_data: CustomData = CustomData()
    reference: Reference | None = None
    loyalty: Loyalty | None = None
    rewards_account: RewardsAccount | None = None
    voucher: Voucher | None = None
    consent: tuple[ConsentPlace, ...] = (ConsentPlace(channel="email", privacy=True),)
    references: dict[int, int] = Field(default={})

    _forms: dict[str, Any] = PrivateAttr(default_factory=dict)  # templates that were read, by card: see templates.py

    @classmethod
    def refuse(cls, table: Mapping[str, Any]) -> Iterator[Refusal]:
        """Refuse a place of tiers about which nothing is said."""
        places = table.get("tier", ())
        for place in ("reference", "loyalty", "rewards_account"):
            if isinstance(places, list | tuple) and place in places and not table.get(place):
                yield Refusal(place, "is missing, but tier names it")
