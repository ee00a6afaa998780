"""What the engine is told of Shopify: topics, plans, the table, the bucket of points, address and key.

No customer mutation takes a key of idempotency. A repeated creation is refused as "taken", since an address is unique
in a shop, and whoever was created is found: so nobody goes who has no address.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from consumers.engine.sink import ERASE, EVERY, Quota, Route, Sink, TableSpec, text_hash
from consumers.shopify import words  # noqa: F401  # its transforms are entered into the registry
from consumers.shopify.check import check, pretend
from consumers.shopify.customers import MOVED, customers, moved
from consumers.shopify.erasure import erasures
from consumers.shopify.errors import limits, plainly, remaining
from consumers.shopify.settings import ShopifySettings
from consumers.shopify.shapes import CUSTOMER
from consumers.shopify.speak import HEADER

HERE = Path(__file__).parent
UNTOLD = ((20.0, 1000),)
"""The bucket until an answer says how large it is: 50 points a second, the least that Shopify ever gave. A bucket of B
points into which R flow each second is never overdrawn by whoever takes at most B in any B/R seconds."""


def quotas(_: ShopifySettings) -> tuple[Quota, ...]:
    """One bucket of points for all that our app asks of a shop (shopify.dev, "Rate limits"); a token costs none."""
    return (Quota(EVERY, UNTOLD), Quota("token", ((1.0, 2),)))


def headers(settings: ShopifySettings) -> Mapping[str, str]:
    """Raises `SecretError` where a key's file cannot be read. A fetched token stands on each request."""
    common = {"Content-Type": "application/json", "Accept": "application/json"}
    if settings.access_token is not None:
        return {**common, HEADER: settings.access_token.read()}
    if settings.client_secret is not None:
        settings.client_secret.read()
    return common


def account_id(settings: ShopifySettings) -> str:
    """One for all connections with the same shop and key."""
    key = settings.client_id or (settings.access_token.read() if settings.access_token else "")
    shop = (urlsplit(settings.url).netloc or settings.url).lower()
    return text_hash(f"{shop} {key}")


SINK = Sink(
    name="shopify",
    settings=ShopifySettings,
    routes=(
        Route("customers", customers, "state"),
        Route("customers", moved, "fact", part=MOVED),
        Route("customers", erasures, "fact", part=ERASE),
    ),
    tables=(TableSpec("shopify.customer", CUSTOMER, HERE / "shopify.customer.toml"),),
    quotas=quotas,
    headers=headers,
    account_id=account_id,
    pretend=pretend,
    check=check,
    remaining=remaining,
    limits=limits,
    plainly=plainly,
)
