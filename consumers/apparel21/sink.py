"""What the engine is told of Apparel21: topics, plans, tables, the pace of its host, address and user."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from consumers.apparel21 import words  # noqa: F401  # its transforms are entered into the registry
from consumers.apparel21.check import check, pretend
from consumers.apparel21.customers import customers
from consumers.apparel21.requests import QUOTA
from consumers.apparel21.settings import Apparel21Settings
from consumers.apparel21.shapes import CUSTOMER, TIER, VOUCHER
from consumers.apparel21.tiers import tiers
from consumers.apparel21.vouchers import redemptions
from consumers.engine.sink import Quota, Route, Sink, TableSpec, text_hash

HERE = Path(__file__).parent


def quotas(settings: Apparel21Settings) -> tuple[Quota, ...]:
    """One request at a time, and a pause after each: a request counts until `gap` after its answer.

    Apparel21 documents no limits; this is what its other clients keep to.
    """
    seconds = settings.gap.total_seconds()
    return (Quota(QUOTA, ((seconds, 1),)),) if seconds else ()


def headers(settings: Apparel21Settings) -> Mapping[str, str]:
    """Raises `SecretError` where the password's file cannot be read. The version stands on each request."""
    known = base64.b64encode(f"{settings.username}:{settings.password.read()}".encode()).decode("ascii")
    return {"Authorization": f"Basic {known}", "Content-Type": "text/xml"}


def account_id(settings: Apparel21Settings) -> str:
    """One for all connections at the same host, whatever their user: it is the host that must not be pressed."""
    return text_hash((urlsplit(settings.url).netloc or settings.url).lower())


SINK = Sink(
    name="apparel21",
    settings=Apparel21Settings,
    routes=(
        Route("customers", customers, "state"),
        Route("tiers", tiers, "state", memory="tier"),
        Route("rewards", redemptions, "fact"),
    ),
    tables=(
        TableSpec("apparel21.person", CUSTOMER, HERE / "apparel21.person.toml"),
        TableSpec("apparel21.tier", TIER, HERE / "apparel21.tier.toml"),
        TableSpec("apparel21.voucher", VOUCHER, HERE / "apparel21.voucher.toml"),
    ),
    quotas=quotas,
    headers=headers,
    account_id=account_id,
    pretend=pretend,
    check=check,
    by_hand="the Retail API has no delete: erase or anonymise the person in Apparel21 itself, before the next export",
)
