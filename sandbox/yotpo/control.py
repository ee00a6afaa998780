"""The other side of the sandbox, under `/sandbox`: seed people, move time, steer webhooks, read out what happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from sandbox.web import control as web
from sandbox.web.answer import Json
from sandbox.web.wire import App
from sandbox.yotpo import customers, tiers
from sandbox.yotpo.app import Yotpo
from sandbox.yotpo.world import Settings, Tier


def control(yotpo: Yotpo) -> App:
    """The control application of one simulated account."""
    return web.control(yotpo, _WORKS, changed)


def changed(settings: Settings, body: Json) -> Settings:
    """Settings with some values from JSON in place of the old ones."""
    values = dict(body)
    if values.get("tiers") is not None:
        values["tiers"] = tuple(Tier(**one) for one in values["tiers"])
    if "options" in values:
        values["options"] = tuple(values["options"])
    return replace(settings, **values)


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


def _counts(yotpo: Yotpo, _: Mapping[str, str], __: Json) -> Json:
    world = yotpo.world
    sizes = {"customers": len(world.people.everybody), "orders": len(world.orders), "refunds": len(world.refunds)}
    return {**web.counts(yotpo), **sizes, "repeats": len(world.repeats), "redemptions": len(world.redemptions)}


def _year_end(yotpo: Yotpo, _: Mapping[str, str], __: Json) -> Json:
    """Move the clock to the first moments of next year; tiers whose time is over are kept or lost."""
    world = yotpo.world
    year = datetime.fromtimestamp(world.now(), UTC).year
    return web.advance(yotpo, {}, {"seconds": datetime(year + 1, 1, 1, 0, 1, tzinfo=UTC).timestamp() - world.now()})


_WORKS: Mapping[tuple[str, str], web.Work[Yotpo]] = {
    ("GET", "customers"): _customers,
    ("POST", "customers"): _seed,
    ("GET", "orders"): _orders,
    ("GET", "refunds"): _refunds,
    ("GET", "redemptions"): _redemptions,
    ("GET", "counts"): _counts,
    ("POST", "year-end"): _year_end,
}
