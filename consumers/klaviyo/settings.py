"""What a merchant may say about their Klaviyo account (`[connection.NAME.klaviyo]`)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from tillstream.settings import Block, Duration, Secret, Share, Start, Text, Url

LIMITS: dict[str, tuple[tuple[float, int], ...]] = {
    "profile-import": ((1, 75), (60, 750)),
    "profile": ((1, 75), (60, 750)),
    "profiles": ((1, 75), (60, 750)),
    "import-job-create": ((1, 10), (60, 150)),
    "import-job": ((1, 10), (60, 150)),
    "import-jobs": ((1, 10), (60, 150)),
    "import-errors": ((1, 10), (60, 150)),
    "list": ((1, 75), (60, 750)),
    "list-members": ((1, 10), (60, 150)),
    "list-members-delete": ((1, 10), (60, 150)),
    "subscribe": ((1, 75), (60, 750)),
    "unsubscribe": ((1, 75), (60, 750)),
    "event": ((1, 350), (60, 3500)),
    "event-bulk": ((1, 10), (60, 150)),
    "accounts": ((1, 1), (60, 15)),
    "metrics": ((1, 10), (60, 150)),
    "erase": ((1, 3), (60, 60)),
}
"""Windows (seconds, requests) an account allows on each endpoint. Source: Klaviyo's OpenAPI document of 2026-07-15,
`x-klaviyo-ratelimit` of each operation."""


def _known(limits: dict[str, list[tuple[float, int]]]) -> dict[str, list[tuple[float, int]]]:
    unknown = sorted(limits.keys() - LIMITS.keys())
    if unknown:
        raise ValueError(f"unknown endpoint {', '.join(unknown)}; there are {', '.join(LIMITS)}")
    return limits


Limits = Annotated[dict[str, list[tuple[float, int]]], AfterValidator(_known)]


class ConsentColumn(Block):
    """A column of the merchant's own that says yes or no to a channel, and the list that it speaks of.

    Columns of one channel and list are one statement, a no in any wins. Several lists of a channel (brands) are several
    statements; a column without a list then says yes to the usual list, and no to the channel as a whole.
    """

    column: Text
    yes: tuple[str, ...] = ("Yes",)
    no: tuple[str, ...] = ("No",)
    channel: Literal["email", "sms"]
    list: str = ""


class Metrics(Block):
    """What our events are called at Klaviyo."""

    order: Text = "In-Store Order"
    refund: Text = "In-Store Refund"
    reward_issued: Text = "Reward Issued"
    reward_redeemed: Text = "Reward Redeemed"
    reward_expired: Text = "Reward Expired"
    rewards_tier: Text = "Rewards Tier Changed"
    loyalty_tier: Text = "Loyalty Tier Changed"
    redemption: Text = "Loyalty Points Redeemed"


class KlaviyoSettings(Block):
    """One Klaviyo account."""

    url: Url = "https://a.klaviyo.com"
    private_key: Secret
    revision: Text = "2026-07-15"
    list: str = ""
    lists: dict[str, str] = Field(default={})
    start: Start = "earliest"
    quota_share: Share = 1.0
    subscribe_gap: Duration = timedelta(minutes=30)
    historical_after: Duration = timedelta(hours=48)
    backfill_after: Duration = timedelta(days=7)
    email_change: Literal["rename", "leave"] = "rename"
    consent: tuple[ConsentColumn, ...] = ()
    custom_source: Text = "Apparel21 POS"
    metrics: Metrics = Metrics()
    polled: bool = False
    sale_types: tuple[str, ...] = ("Sale",)
    limits: Limits = Field(default={})

    def list_of(self, store: str) -> str:
        """The list for people who joined in this store (JOINED_STORE_CODE); empty: none."""
        return self.lists.get(store, self.list)

    @cached_property
    def voices(self) -> dict[str, str]:
        """What can be said yes or no to, and the list it means: a channel ("email" -> "" or its only list), or where
        its columns name several, each by itself ("email/L1" -> "L1")."""
        lists: dict[str, dict[str, None]] = {"email": {}, "sms": {}}
        for column in self.consent:
            lists[column.channel][self.list_meant(column)] = None
        return {
            (channel if len(some) == 1 else f"{channel}/{one}"): one
            for channel, named in lists.items()
            for some in [named or {"": None}]
            for one in some
        }

    def list_meant(self, column: ConsentColumn) -> str:
        """The list a column speaks of; without one the usual list, where that is the same for all stores."""
        return column.list or ("" if self.lists else self.list)

    def lists_meant(self, voice: str) -> Iterable[str]:
        """The lists whose mail follows from a yes to this voice."""
        named = self.voices.get(voice, "")
        return (named,) if named else self.usual

    @cached_property
    def usual(self) -> frozenset[str]:
        """The lists that new profiles join."""
        return frozenset(filter(None, (self.list, *self.lists.values())))

    @cached_property
    def of_brands(self) -> frozenset[str]:
        """Lists that only a yes leads to: named by a consent column, and nowhere else."""
        return frozenset(filter(None, self.voices.values())) - self.usual

    @property
    def every_list(self) -> tuple[str, ...]:
        """All lists that are named anywhere in these settings."""
        named = [self.list, *self.lists.values(), *(column.list for column in self.consent)]
        return tuple(dict.fromkeys(filter(None, named)))
