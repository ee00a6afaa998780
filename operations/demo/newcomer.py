"""Somebody who signs up at a till, buys, rises and redeems: where she is by now, asked of the platforms themselves."""

from __future__ import annotations

import time

import httpx

from operations.demo.exports import NEWCOMER
from operations.demo.town import Town

EMAIL, NAME = NEWCOMER["EMAIL"], f"{NEWCOMER['FIRSTNAME']} {NEWCOMER['SURNAME']}"
PERSON = NEWCOMER["PERIDX"]
TIER = "Gold"
REWARD, POINTS = 501, 200
"""The reward that she takes, $20 off, and what it costs."""

PERSON_TEXTS = {
    "Firstname": NEWCOMER["FIRSTNAME"],
    "Surname": NEWCOMER["SURNAME"],
    "Contacts/Phones/Mobile": NEWCOMER["MOBILE"],
    "Privacy": "false",
}


class Newcomer:
    """What has reached which platform, and after how many seconds."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._begun = 0.0
        self.seconds: dict[str, float] = {}

    def sign_up(self) -> None:
        """She joins at a till: Apparel21 has a person more."""
        self._town.apparel21.seed(EMAIL, id=int(PERSON), texts=PERSON_TEXTS)
        self._start()

    def look_for_her(self) -> None:
        """Note where she has arrived since the last look."""
        self._note("Shopify", bool(self._town.shopify.customers(EMAIL)))
        self._note("Yotpo", bool(self._town.yotpo.customers(EMAIL)))

    def buy(self) -> None:
        """Her sale is about to land: from now on her tier is waited for."""
        self._start()

    def look_for_her_tier(self) -> None:
        """Note where her tier has arrived since the last look."""
        card = self._town.apparel21.person(PERSON)["cards"].get("Loyalty", {})
        profiles = self._town.klaviyo.profiles(EMAIL)
        told = self._town.klaviyo.events("Loyalty Tier Changed", EMAIL)
        self._note("Yotpo", any(one["vip_tier_name"] == TIER for one in self._town.yotpo.customers(EMAIL)))
        self._note("Apparel21", card.get("Tier") == [TIER])
        self._note("Klaviyo", bool(told) and any(one["properties"].get("Loyalty Tier") == TIER for one in profiles))

    def redeem(self) -> None:
        """She takes a reward on the loyalty page. Raises httpx.HTTPError."""
        self._start()
        body = {"customer_email": EMAIL, "redemption_option_id": REWARD}
        keys = {"X-GUID": "sandbox", "X-API-KEY": "sandbox"}
        httpx.post(f"{self._town.yotpo.api}/redemptions", json=body, headers=keys, trust_env=False).raise_for_status()

    def look_for_her_voucher(self) -> None:
        """Note whether a voucher was mailed."""
        self._note("Apparel21", bool(self.vouchers()))

    def vouchers(self) -> list[str]:
        """The amounts of the vouchers that were mailed to her."""
        return [one["amount"] for one in self._town.apparel21.vouchers() if one["email"] == EMAIL]

    def tier_events(self) -> int:
        """How often Klaviyo was told that her tier changed."""
        return len(self._town.klaviyo.events("Loyalty Tier Changed", EMAIL))

    def _start(self) -> None:
        self._begun, self.seconds = time.monotonic(), {}

    def _note(self, where: str, there: bool) -> None:
        if there:
            self.seconds.setdefault(where, time.monotonic() - self._begun)
