"""Orders over HTTP: points are awarded once, and taken back once."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from typing import Any

from sandbox.clearer.answers import Refused, Request, money, ok
from sandbox.clearer.members import find, give
from sandbox.clearer.world import Order, World
from sandbox.web.answer import Answer, Json
from sandbox.web.world import moment

STATUSES = frozenset(
    {"authorized", "pending", "paid", "partially_paid", "refunded", "partially_refunded", "voided", "expired"}
)
FIELDS = frozenset({
    "externalId", "customerId", "email", "currency", "total", "subtotal", "financialStatus", "createdAt", "lineItems",
    "discountCodes",
})  # fmt: skip
LINE = frozenset({"productId", "variantId", "title", "quantity", "price"})


def create(world: World, request: Request) -> Answer:
    """POST /v1/orders. An external id that is known changes nothing but the count of its postings."""
    body, identity = request.body, str(request.body.get("externalId") or "")
    if not identity:
        raise Refused(400, "externalId is required")
    customer = find(world, body.get("customerId"))
    order = Order(body, customer.external, _status(body), money(body.get("total"), "total"))
    _check(body)
    if identity in world.orders:
        world.orders[identity].posted += 1
        if world.settings.repeated_order == "refuse":
            raise Refused(409, "Order already exists")
        return ok({"order": shown(world.orders[identity])})
    world.orders[identity] = order
    _note_unknown(world, request)
    _weigh(world, order)
    return ok({"order": shown(order)})


def change(world: World, request: Request) -> Answer:
    """PATCH /v1/orders/{orderId}: what is given replaces what was there."""
    order, body = _find(world, request.ids[0]), request.body
    status = _status(body) if "financialStatus" in body else order.status
    total = money(body["total"], "total") if "total" in body else order.total
    _check(body)
    _note_unknown(world, request)
    order.status, order.total, order.body = status, total, {**order.body, **body}
    _weigh(world, order)
    return ok({"order": shown(order)})


def read(world: World, request: Request) -> Answer:
    """GET /v1/orders/{orderId}."""
    return ok({"order": shown(_find(world, request.ids[0]))})


def _find(world: World, identity: str) -> Order:
    order = world.orders.get(identity)
    if order is None:
        raise Refused(404, "Order not found")
    return order


def _status(body: Json) -> str:
    status = body.get("financialStatus")
    if status not in STATUSES:
        raise Refused(400, f"financialStatus must be one of {', '.join(sorted(STATUSES))}")
    return str(status)


def _check(body: Json) -> None:
    for name in ("lineItems", "discountCodes"):
        told: Any = body.get(name, [])
        if not isinstance(told, list) or not all(isinstance(one, dict) for one in told):
            raise Refused(400, f"{name} must be a list of objects")
    for line in body.get("lineItems", []):
        money(line.get("price"), "lineItems.price")
        if not isinstance(line.get("quantity"), int):
            raise Refused(400, "lineItems.quantity must be an integer")
    if "subtotal" in body:
        money(body["subtotal"], "subtotal")
    if "createdAt" in body and moment(body["createdAt"]) is None:
        raise Refused(400, "createdAt must be an ISO 8601 time")


def _note_unknown(world: World, request: Request) -> None:
    world.unknown += [{"at": "order", "name": name} for name in request.beyond(FIELDS)]
    for line in request.body.get("lineItems", []):
        world.unknown += [{"at": "line", "name": name} for name in sorted(line.keys() - LINE)]


def _weigh(world: World, order: Order) -> None:
    """Award the points of a paid order, once; after that an update only takes points back.

    Source: developer.influence.io/reference, "Update an order".
    """
    if order.status in ("authorized", "pending", "partially_paid"):
        return
    counts = order.total if order.status in ("paid", "partially_refunded") else Decimal(0)
    points = int((counts * world.settings.points_rate).to_integral_value(ROUND_DOWN))
    if order.awarded:
        counts, points = min(counts, order.counted), min(points, order.points)
    by, spent = points - order.points, counts - order.counted
    order.points, order.counted, order.awarded = points, counts, True
    if by or spent:
        give(world, world.customers[order.customer], by, action="order", spent=spent)


def shown(order: Order) -> Json:
    """An order as answers give it."""
    return {**order.body, "financialStatus": order.status, "total": str(order.total)}
