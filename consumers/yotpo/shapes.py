"""What Yotpo's mapping tables may read: the fields of our events, and what we know beside them."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.definitions import definition
from tillstream.mapping.shapes import Shape, shape_of

OF_CUSTOMER = Shape("What is known of the account", {
    "id": "The customer's id in Shopify where the connection has a shop, else the AP21 person id",
    "person": "The AP21 person whose account it is: the first at this address",
}, kinds={"id": "text", "person": "text"})  # fmt: skip

OF_ORDER = Shape("What is known of the sale", {
    "customer_id": "The id of the buyer's account",
    "total": "What the lines come to, without gift cards",
    "discount": "What was taken off the lines",
    "tags": "pos, and the store as store-NUMBER",
}, kinds={"customer_id": "text", "total": "amount", "discount": "amount", "tags": "text"})  # fmt: skip

OF_REFUND = Shape("What is known of the refund", {
    "id": "The id by which Yotpo recognises a second sending",
    "order_id": "The docket on which the goods were bought",
    "total": "What was given back, a positive amount",
}, kinds={"id": "text", "order_id": "text", "total": "amount"})  # fmt: skip

OF_POINTS = Shape("What is known of the adjustment", {
    "customer_id": "The id of the account, where there is no e-mail address",
    "points": "How many points to give, or to take (below zero)",
    "lifetime": "Whether they count in the points ever earned",
    "title": "What the customer reads in their history; it names the docket or the redemption",
}, kinds={"customer_id": "text", "points": "number", "lifetime": "yes_no", "title": "text"})  # fmt: skip

OF_LINE: Mapping[str, str] = {
    "price": "What one piece cost, after discount (LINE_VALUE / QTY)",
    "item": "Barcode, else AP21's SKU id; in a refund as it was in the order",
}


def _with(topic: str, known: Shape) -> Shape:
    shape = shape_of(definition(topic))
    parts = {**shape.parts, "known": known}
    if line := shape.parts.get("lines"):
        kinds = {**line.kinds, "price": "amount", "item": "text"}
        parts["lines"] = line._replace(fields={**line.fields, **OF_LINE}, kinds=kinds)
    return shape._replace(fields={**shape.fields, "known": known.name}, parts=parts)


CUSTOMER = _with("customers", OF_CUSTOMER)
ORDER, REFUND = _with("orders", OF_ORDER), _with("orders", OF_REFUND)
POINTS = Shape("Points adjustment", {"email": "The customer's address", "known": OF_POINTS.name}, {"known": OF_POINTS},
               kinds={"email": "text"})  # fmt: skip
