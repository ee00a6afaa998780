"""The other side of the sandbox, under `/sandbox`: seed members, redeem, steer webhooks, read out what happened."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from sandbox.clearer import members, orders, tiers
from sandbox.clearer.door import Clearer
from sandbox.clearer.world import Customer, Settings, Tier
from sandbox.web import control as web
from sandbox.web.answer import Json


def changed(settings: Settings, body: Json) -> Settings:
    """Settings with some values from JSON in place of the old ones."""
    values = dict(body)
    if "tiers" in values:
        values["tiers"] = tuple(
            Tier(one["id"], one["title"], Decimal(one["threshold"])) for one in values["tiers"] or ()
        )
    if "points_rate" in values:
        values["points_rate"] = Decimal(str(values["points_rate"]))
    made: Settings = web.replaced(settings, values)
    return made


def _customers(clearer: Clearer, query: Mapping[str, str], _: Json) -> Json:
    """Every member, or those with this external id or e-mail (`who`), as the API gives them."""
    world, who = clearer.world, query.get("who")
    found = [one for one in world.customers.values() if who in (None, one.external, one.email)]
    return {"customers": [_told(clearer, one) for one in found]}


def _told(clearer: Clearer, customer: Customer) -> Json:
    sums = {"earned": str(customer.earned), "spent": str(customer.spent)}
    return {**tiers.shown(clearer.world, customer), **sums}


def _seed(clearer: Clearer, _: Mapping[str, str], body: Json) -> Json:
    """Put a member there: external, details {...}, balance (all of it earned), tier (id)."""
    world, external = clearer.world, str(body["external"])
    customer = world.customers.get(external)
    if customer is None:
        customer = Customer(f"cus_{len(world.customers) + 1}", external, world.now(), world.now())
        world.customers[external] = customer
    customer.details |= body.get("details", {})
    if "balance" in body:
        customer.balance, customer.earned = body["balance"], Decimal(body["balance"])
    customer.tier = body.get("tier", customer.tier)
    return _told(clearer, customer)


def _redeem(clearer: Clearer, _: Mapping[str, str], body: Json) -> Json:
    """A member spends points on the loyalty page: external, points, kind, title."""
    customer = members.find(clearer.world, body["external"])
    return members.redeem(clearer.world, customer, body["points"], body.get("kind", "custom"), body.get("title", ""))


def _orders(clearer: Clearer, _: Mapping[str, str], __: Json) -> Json:
    """Orders as they stand in the order of arrival, with the points they hold and how often they were posted."""
    found = clearer.world.orders.values()
    return {"orders": [{**orders.shown(one), "points": one.points, "posted": one.posted} for one in found]}


def _unknown(clearer: Clearer, _: Mapping[str, str], __: Json) -> Json:
    """Members of bodies that the API does not know: at (customer, order, line, points) and name."""
    return {"unknown": clearer.world.unknown}


WORKS: Mapping[tuple[str, str], web.Work[Clearer]] = {
    ("GET", "customers"): _customers,
    ("POST", "customers"): _seed,
    ("POST", "redemptions"): _redeem,
    ("GET", "orders"): _orders,
    ("GET", "unknown"): _unknown,
}
