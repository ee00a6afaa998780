"""The five platforms of the demo's shop, each simulated on real HTTP, and what the configuration says of them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.apparel21.server import Apparel21Server
from sandbox.clearer.server import ClearerServer
from sandbox.klaviyo.server import KlaviyoServer
from sandbox.shopify.server import ShopifyServer
from sandbox.web.remote import Remote
from sandbox.yotpo.server import YotpoServer

KEY, TOKEN, SECRET = "pk_sandbox", "path-of-the-demo-that-nobody-guesses", "secret-of-the-demo"
JOB_SECONDS = 2.0
POLL_SECONDS = 10
"""Between two questions to Apparel21 who has changed; a minute unless the merchant says otherwise."""

DEFAULT_POLL_SECONDS = 60
COPIES = 2
"""How often each webhook is delivered: platforms do that, and it must change nothing."""

TIER: dict[str, Any] = {"id": 12, "name": "Gold", "rank": 1, "entry": 300_000, "retain": 300_000}
"""The loyalty program's one tier: from $3,000 in a year, which nobody else spends in these files."""

TOPICS = ("swell/tier/earned", "swell/tier/lost", "swell/redemption/created")
"""The webhooks that a merchant switches on at Yotpo."""

FAST = 200
"""Requests a second that the simulated loyalty platforms take, so that the first load is no matter of minutes."""


@dataclass(frozen=True, slots=True)
class Town:
    """The platforms that run."""

    klaviyo: KlaviyoServer
    yotpo: YotpoServer
    shopify: ShopifyServer
    apparel21: Apparel21Server
    clearer: ClearerServer

    def told(self) -> list[tuple[str, str]]:
        """Name, and what is to be known of it."""
        return [
            ("Klaviyo", f"simulated, at {self.klaviyo.url}: the real limits, import jobs take {JOB_SECONDS:.0f} s"),
            ("Yotpo", f"simulated, at {self.yotpo.url}: without its limit of 10 requests a second"),
            ("Shopify", f"simulated, at {self.shopify.url}: the real cost of each request, a search that lags"),
            ("Apparel21", f"simulated, at {self.apparel21.url}: its Retail API, asked every {POLL_SECONDS} s"),
            ("Clearer", f"simulated, at {self.clearer.url}: for the outlet, the shop's second brand"),
        ]

    def servers(self) -> dict[str, Remote]:
        """All of them by name."""
        return {
            "Klaviyo": self.klaviyo,
            "Yotpo": self.yotpo,
            "Shopify": self.shopify,
            "Apparel21": self.apparel21,
            "Clearer": self.clearer,
        }

    def everybody(self) -> dict[str, dict[str, dict[str, int]]]:
        """What each platform was asked, and answered: platform -> endpoint -> status (0: none) -> count."""
        return {name: server.counts()["endpoints"] for name, server in self.servers().items()}


def put_up(hold: ExitStack, webhooks: str) -> Town:
    """Start them all; their webhooks go below the address `webhooks`, each twice."""
    town = Town(
        hold.enter_context(KlaviyoServer(keys=[KEY], job_time=JOB_SECONDS)),
        hold.enter_context(YotpoServer(limits=False, tiers=[TIER])),
        hold.enter_context(ShopifyServer(client_secret=SECRET)),
        hold.enter_context(Apparel21Server()),
        hold.enter_context(ClearerServer()),
    )
    town.yotpo.hooks(url=f"{webhooks}/au/yotpo/{TOKEN}", secret=SECRET, copies=COPIES, topics=TOPICS)
    town.shopify.hooks(url=f"{webhooks}/au/shopify/{TOKEN}", copies=COPIES)
    town.clearer.hooks(url=f"{webhooks}/outlet/clearer/{TOKEN}", copies=COPIES)
    return town


def accounts(town: Town) -> str:
    """The tables of the shop's own accounts, below its connection `au`."""
    return f"""
[connection.au.klaviyo]
url = "{town.klaviyo.url}"
private_key = "{KEY}"
list = "Y6nRLr"

[connection.au.yotpo]
url = "{town.yotpo.api}"
guid = "sandbox"
api_key = "sandbox"
rate = {FAST}
start = "earliest"
webhook_token = "{TOKEN}"
webhook_secret = "{SECRET}"

[connection.au.shopify]
url = "{town.shopify.url}"
access_token = "shpat_sandbox"
client_secret = "{SECRET}"
webhook_token = "{TOKEN}"

[connection.au.apparel21]
url = "{town.apparel21.api}"
username = "tillstream"
password = "sandbox"
poll = "{POLL_SECONDS}s"
gap = "10ms"

[connection.au.apparel21.voucher]
sku = 6321
type = "LOYALTY_EMAIL"
"""


def outlet(town: Town, folder: Path) -> str:
    """The second connection: files in a folder of this machine, members and sales at Clearer.io."""
    return f"""
[connection.outlet]
country = "AU"
currency = "AUD"
timezone = "Australia/Melbourne"

[connection.outlet.folder]
path = "{folder}"
poll = "1s"
still = "0.5s"

[connection.outlet.clearer]
url = "{town.clearer.url}"
api_key = "sandbox"
rate = {FAST}
start = "earliest"
webhook_token = "{TOKEN}"
tier_expiry = "next_calendar_year_end"
"""
