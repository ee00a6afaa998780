"""The other side of the sandbox, under `/sandbox`: seed people, move time, steer webhooks, read out what happened."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sandbox.web import control as web
from sandbox.web.answer import Json
from sandbox.yotpo import customers, tiers
from sandbox.yotpo.door import Yotpo
from sandbox.yotpo.world import Settings, Tier


def changed(settings: Settings, body: Json) -> Settings:
    """Settings with some values from JSON in place of the old ones."""
    ladder = {} if body.get("tiers") is None else {"tiers": [Tier(**one) for one in body["tiers"]]}
    made: Settings = web.replaced(settings, {**body, **ladder})
    return made


def _customers(yotpo: Yotpo, query: Mapping[str, str], _: Json) -> Json:
    """Every customer, or the one with this e-mail (`who`), with what POST /customers said of them."""
    world = yotpo.world
    found = [one for one in world.people.everybody if query.get("who") in (None, one.email)]
    return {"customers": [{**customers.shown(world, one, history=True), "details": one.details} for one in found]}


def _seed(yotpo: Yotpo, _: Mapping[str, str], body: Json) -> Json:
    """Put a customer there: email, details, balance, tier (id)."""
    world = yotpo.world
    email = str(body["email"])
    customer = world.people.by_email(email) or world.people.add(email, world.now())
    customer.details |= body.get("details", {})
    customer.balance = customer.earned = body.get("balance", customer.balance)
    if "tier" in body:
        tiers.enter(world, customer, next((t for t in world.settings.tiers or () if t.id == body["tier"]), None))
    return {"id": customer.number}


def _orders(yotpo: Yotpo, _: Mapping[str, str], __: Json) -> Json:
    """Orders as they were received, in the order of arrival, and the ids that came again."""
    world = yotpo.world
    return {"orders": [{**order.body, "done": order.done} for order in world.orders.values()], "repeats": world.repeats}


def _refunds(yotpo: Yotpo, _: Mapping[str, str], __: Json) -> Json:
    return {"refunds": [{**body, "id": identity} for identity, body in yotpo.world.refunds.items()]}


def _redemptions(yotpo: Yotpo, _: Mapping[str, str], __: Json) -> Json:
    return {"redemptions": yotpo.world.redemptions}


def _year_end(yotpo: Yotpo, _: Mapping[str, str], __: Json) -> Json:
    """Move the clock to the first moments of next year; tiers whose time is over are kept or lost."""
    world = yotpo.world
    year = datetime.fromtimestamp(world.now(), UTC).year
    return web.advance(yotpo, {}, {"seconds": datetime(year + 1, 1, 1, 0, 1, tzinfo=UTC).timestamp() - world.now()})


WORKS: Mapping[tuple[str, str], web.Work[Yotpo]] = {
    ("GET", "customers"): _customers,
    ("POST", "customers"): _seed,
    ("GET", "orders"): _orders,
    ("GET", "refunds"): _refunds,
    ("GET", "redemptions"): _redemptions,
    ("POST", "year-end"): _year_end,
}
