"""What the engine is told of Yotpo Loyalty: topics, plans, tables, the rate, address and keys.

An order has no documented idempotency: what a second `POST /orders` with the same `order_id` does, nobody says. State
makes a repeat impossible but where an answer never came: then the customer's history is read before the order goes
again. An order that the history does not show in time (its processing is slow, or it earns nothing) may count twice.
The same holds for `POST /points/adjust`. Refunds carry an id of ours, customers are saved by theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from consumers.engine.sink import ERASE, EVERY, After, Quota, Route, Sink, TableSpec, text_hash
from consumers.engine.wire import Response
from consumers.members import MOVED
from consumers.yotpo.check import check, pretend
from consumers.yotpo.customers import customers, moved
from consumers.yotpo.erasure import erasures
from consumers.yotpo.orders import orders
from consumers.yotpo.points import points_back
from consumers.yotpo.settings import YotpoSettings
from consumers.yotpo.shapes import CUSTOMER, ORDER, POINTS, REFUND

HERE = Path(__file__).parent


def quotas(settings: YotpoSettings) -> tuple[Quota, ...]:
    """One limit for all endpoints of an account (loyaltyapi.yotpo.com, "Guidelines and conventions": 10 a second; an
    older page says 5)."""
    return (Quota(EVERY, ((1.0, settings.rate),)),)


def headers(settings: YotpoSettings) -> Mapping[str, str]:
    """Raises `SecretError` where the key's file cannot be read."""
    return {
        "X-GUID": settings.guid,
        "X-API-KEY": settings.api_key.read(),
        "Content-Type": "application/json",
        "Accept": "application/json",
    }


def account_id(settings: YotpoSettings) -> str:
    """One for all connections with the same account at the same address."""
    return text_hash(f"{settings.url} {settings.guid}")


def remaining(response: Response) -> int | None:
    """What is left of the second, by the header of every answer."""
    said = response.headers.get("ratelimit-remaining") or ""
    return int(said) if said.isdecimal() else None


SINK = Sink(
    name="yotpo",
    settings=YotpoSettings,
    routes=(
        Route("customers", customers, "state"),
        Route("customers", moved, "fact", part=MOVED),
        Route("orders", orders, "fact", memory="order", after=After("customers")),
        Route("rewards", points_back, "fact", memory="points"),
        Route("customers", erasures, "fact", part=ERASE),
    ),
    tables=(
        TableSpec("yotpo.customer", CUSTOMER, HERE / "yotpo.customer.toml"),
        TableSpec("yotpo.order", ORDER, HERE / "yotpo.order.toml"),
        TableSpec("yotpo.refund", REFUND, HERE / "yotpo.refund.toml"),
        TableSpec("yotpo.points", POINTS, HERE / "yotpo.points.toml"),
    ),
    quotas=quotas,
    headers=headers,
    account_id=account_id,
    pretend=pretend,
    check=check,
    remaining=remaining,
)
