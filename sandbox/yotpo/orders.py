"""Orders and refunds: received at once, and of effect a little later."""

from __future__ import annotations

import math
import re

from sandbox.web.answer import Answer, Json
from sandbox.web.world import moment, stamp
from sandbox.yotpo import tiers
from sandbox.yotpo.answers import Request, ok, refused, whole
from sandbox.yotpo.people import Customer
from sandbox.yotpo.world import Order, World

REQUIRED = ("customer_email", "total_amount_cents", "currency_code", "order_id")


def create(world: World, request: Request) -> Answer:
    """POST /orders: checked, received, and processed after a while."""
    body = request.body
    problem = _problem(body)
    if problem:
        return refused(422, problem)
    name = str(body["order_id"])
    if name in world.orders:
        world.repeats.append(name)
        return refused(422, "Order has already been created") if world.settings.repeated_order == "refuse" else ok({})
    cents = whole(body["total_amount_cents"]) or 0
    order = world.orders[name] = Order(body, str(body["customer_email"]).lower(), cents, world.now())
    world.later(world.settings.delay, lambda: _apply(world, order))
    return ok({})


def _problem(body: Json) -> str:
    for name in REQUIRED:
        if body.get(name) in (None, ""):
            return f"{name} is required"
    if body.get("ignore_ip_ua") is not True:
        for name in ("ip_address", "user_agent"):
            if not body.get(name):
                return f"{name} is required"
    cents = whole(body["total_amount_cents"])
    if cents is None or cents < 0:
        return "total_amount_cents must be an integer, not below zero"
    if not re.fullmatch("[A-Z]{3}", str(body["currency_code"])):
        return "currency_code must be an ISO 4217 code"
    if body.get("created_at") is not None and moment(body["created_at"]) is None:
        return "created_at is not a date"
    for item in body.get("items") or ():
        if any(item.get(name) is not None and whole(item[name]) is None for name in ("quantity", "price_cents")):
            return "items: quantity and price_cents must be integers"
    return ""


def _apply(world: World, order: Order) -> None:
    """Points, spend and tier; the customer is made if nobody has the address."""
    customer = world.people.by_email(order.email) or world.people.add(order.email, world.now())
    tier = tiers.tier_of(world, customer)
    multiplier = tier.multiplier if tier else 1.0
    points = math.floor(order.cents / 100 * world.settings.points_rate * multiplier)
    order.done = True
    customer.spent.append((moment(order.body.get("created_at")) or order.received, order.cents))
    customer.purchases, customer.last_purchase, customer.updated = customer.purchases + 1, order.received, world.now()
    award(world, customer, points, "Made a Purchase", [str(order.body["order_id"])])
    tiers.tell(world, "swell/points/earned", customer, {"points": points})
    tiers.rise(world, customer)


def award(world: World, customer: Customer, points: int, title: str, orders: list[str]) -> None:
    """Points on the account, with a line in its history."""
    customer.balance += points
    customer.earned += max(points, 0) if orders else 0
    at = stamp(world.now())
    line = {"created_at": at, "date": at, "completed_at": at, "action": title, "action_name": title}
    customer.history.append({**line, "points": points, "status": "Approved", "order_ids": orders})


def refund(world: World, request: Request) -> Answer:
    """POST /refunds: against an order that was received; a second one with the same id changes nothing."""
    body = request.body
    cents, name = whole(body.get("total_amount_cents")), str(body.get("order_id") or "")
    items = body.get("items") or ()
    if not name or cents is None or cents < 0 or any(whole(one.get("quantity")) is None for one in items):
        return refused(422, "order_id, total_amount_cents and the quantity of an item are required")
    order = world.orders.get(name)
    if order is None:
        return ok({}) if world.settings.unknown_refund == "ignore" else refused(422, "Could not find order")
    currency = body.get("currency")
    if currency and currency != order.body["currency_code"]:
        return refused(422, "Currency does not match the order's currency")
    identity = str(body.get("id") or f"generated-{world.serial()}")
    if identity not in world.refunds:
        world.refunds[identity] = body
        world.later(world.settings.delay, lambda: _take_back(world, order, cents))
    return ok({})


def _take_back(world: World, order: Order, cents: int) -> None:
    customer = world.people.by_email(order.email)
    if customer is None:
        return
    points = math.floor(cents / 100 * world.settings.points_rate)
    customer.spent.append((moment(order.body.get("created_at")) or order.received, -cents))
    customer.updated = world.now()
    award(world, customer, -points, "Refunded Purchase", [])
