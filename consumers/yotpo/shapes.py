"""What Yotpo's mapping tables may read: the fields of our events, and what we know beside them."""

from __future__ import annotations

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

CUSTOMER = shape_of(definition("customers")).plus(known=OF_CUSTOMER)
_SALE = shape_of(definition("orders"))
_LINE = _SALE.parts["lines"].plus({
    "price": "What one piece cost, after discount (LINE_VALUE / QTY)",
    "item": "Barcode, else AP21's SKU id; in a refund as it was in the order",
}, {"price": "amount", "item": "text"})  # fmt: skip
ORDER, REFUND = (_SALE.plus(lines=_LINE, known=known) for known in (OF_ORDER, OF_REFUND))
POINTS = Shape("Points adjustment", {"email": "The customer's address"}, kinds={"email": "text"}).plus(known=OF_POINTS)
