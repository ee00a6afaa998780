"""What Clearer's mapping tables may read: the fields of our events, and what we know beside them."""

from __future__ import annotations

from schemas.definitions import definition
from tillstream.mapping.shapes import Shape, shape_of

CUSTOMER = shape_of(definition("customers"))

OF_ORDER = Shape("What is known of the sale", {
    "customer_id": "Clearer's name for the buyer: the Shopify id of the customer, else the AP21 person id",
    "total": "What the lines come to, without gift cards",
}, kinds={"customer_id": "text", "total": "amount"})  # fmt: skip

OF_REFUND = Shape("What is known of the refund", {
    "status": "refunded, or partially_refunded",
    "left": "What is left of the sale, without what came back earlier; empty for nothing",
}, kinds={"status": "text", "left": "amount"})  # fmt: skip


_SALE = shape_of(definition("orders"))
_LINE = _SALE.parts["lines"].plus({"price": "What one piece cost, after discount"}, {"price": "amount"})
ORDER, REFUND = (_SALE.plus(lines=_LINE, known=known) for known in (OF_ORDER, OF_REFUND))
