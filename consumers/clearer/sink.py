"""What the engine is told of Clearer.io: topics, plans, tables, limits, address and key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from consumers.clearer import assumed
from consumers.clearer.check import check, pretend
from consumers.clearer.customers import customers, moved
from consumers.clearer.orders import orders
from consumers.clearer.points import points_back
from consumers.clearer.settings import ClearerSettings
from consumers.clearer.shapes import CUSTOMER, ORDER, REFUND
from consumers.engine.sink import EVERY, After, Quota, Route, Sink, TableSpec, text_hash
from consumers.members import MOVED

HERE = Path(__file__).parent


def quotas(settings: ClearerSettings) -> tuple[Quota, ...]:
    """The account's rate, whatever is asked; the vendor publishes none."""
    return (Quota(EVERY, ((1.0, settings.rate),)),)


def headers(settings: ClearerSettings) -> Mapping[str, str]:
    """Raises `SecretError` where the key's file cannot be read."""
    return {assumed.KEY_HEADER.name: settings.api_key.read(), "Content-Type": "application/json"}


def account_id(settings: ClearerSettings) -> str:
    """One for all connections with the same key at the same address; the key does not show."""
    return text_hash(f"{settings.url} {settings.api_key.read()}")


SINK = Sink(
    name="clearer",
    settings=ClearerSettings,
    routes=(
        Route("customers", customers, "state"),
        Route("customers", moved, "fact", part=MOVED),
        Route("orders", orders, "fact", memory="order", after=After("customers")),
        Route("rewards", points_back, "fact"),
    ),
    tables=(
        TableSpec("clearer.customer", CUSTOMER, HERE / "clearer.customer.toml"),
        TableSpec("clearer.order", ORDER, HERE / "clearer.order.toml"),
        TableSpec("clearer.refund", REFUND, HERE / "clearer.refund.toml"),
    ),
    quotas=quotas,
    headers=headers,
    account_id=account_id,
    pretend=pretend,
    check=check,
    by_hand="Clearer.io documents no call for it: ask its support to delete the member with this address",
)
