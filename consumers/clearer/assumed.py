"""Every name of the Platform API that our code speaks or reads, in one place, with how sure it is.

The vendor's public pages name all endpoints, but few members of their bodies. What a merchant finds to be otherwise is
corrected here and, for the bodies of customers, orders and refunds, in the tables `clearer.*.toml`, which may write no
name that is not listed in `BODIES`. "doc" = developer.influence.io/reference; "seen" = read in public client code;
"assumed" = nowhere published.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Sure = Literal["doc", "seen", "assumed"]


class Name(NamedTuple):
    """A name, and how sure it is."""

    name: str
    sure: Sure


KEY_HEADER = Name("x-api-key", "doc")

# Paths. The id of a customer and of an order is the merchant's own.
CUSTOMERS = Name("/v1/customers", "doc")
CUSTOMER = Name("/v1/customers/{id}", "doc")
POINTS = Name("/v1/customers/{id}/points", "doc")
ORDERS = Name("/v1/orders", "doc")
ORDER = Name("/v1/orders/{id}", "doc")
"""PATCH is documented, GET is assumed: it is the third of three endpoints for orders, whose page has no address."""

# What is sent beside the tables.
PAID = Name("paid", "seen")
REFUNDED = Name("refunded", "seen")
PARTLY_REFUNDED = Name("partially_refunded", "seen")
STATUS = Name("financialStatus", "seen")
POINTS_NUMBER = Name("points", "assumed")
POINTS_REASON = Name("summary", "assumed")
POINTS_KEEP_SEEN = Name("updateLastSeen", "assumed")

# What a list of customers is asked by.
CHANGED_SINCE = Name("updatedAtMin", "assumed")
CURSOR = Name("cursor", "doc")

# What answers say.
LISTED = Name("customers", "assumed")
NEXT = Name("cursor", "assumed")
IN_CUSTOMER = Name("customer", "assumed")
IN_ORDER = Name("order", "assumed")
TOTAL = Name("total", "assumed")
BALANCE = Name("pointBalance", "doc")
MESSAGE = Name("message", "seen")
NO_CUSTOMER = Name("Customer not found", "doc")
NO_ORDER = Name("Order not found", "doc")

# Webhooks.
TOPIC_HEADER = Name("x-webhook-topic", "doc")
TIER_CHANGED = Name("customers/tier_changed", "doc")
POINTS_REDEEMED = Name("points/redeemed", "doc")
HOOK_CUSTOMER = Name("customer", "doc")
HOOK_ID = Name("id", "doc")
HOOK_EXTERNAL_ID = Name("externalId", "doc")
HOOK_EMAIL = Name("email", "doc")
HOOK_UPDATED = Name("updatedAt", "doc")
HOOK_TIER_NOW = Name("currentLoyaltyTier", "doc")
HOOK_OLD_TIER = Name("oldTier", "doc")
HOOK_NEW_TIER = Name("newTier", "doc")
HOOK_TIER_TITLE = Name("title", "doc")
HOOK_TIER_THRESHOLD = Name("threshold", "doc")
HOOK_TIER_EXPIRY = (Name("expiresAt", "assumed"), Name("tierExpiresAt", "assumed"))
HOOK_POINTS = Name("points", "doc")
HOOK_ACTION = Name("action", "doc")
HOOK_RULE = Name("ruleId", "doc")
HOOK_COUPON = Name("couponCode", "doc")
HOOK_REWARD_TYPE = Name("rewardType", "doc")

BODIES: dict[str, dict[str, Sure]] = {
    "clearer.customer": {
        "email": "doc",
        "firstName": "seen",
        "lastName": "seen",
        "birthdayMonth": "doc",
        "birthdayDay": "doc",
    },
    "clearer.order": {
        "externalId": "assumed",
        "customerId": "assumed",
        "email": "assumed",
        "currency": "assumed",
        "total": "assumed",
        "subtotal": "assumed",
        "financialStatus": "seen",
        "createdAt": "assumed",
        "lineItems": "doc",
        "lineItems.productId": "assumed",
        "lineItems.title": "assumed",
        "lineItems.quantity": "assumed",
        "lineItems.price": "assumed",
    },
    "clearer.refund": {"financialStatus": "seen", "total": "assumed", "subtotal": "assumed"},
}
"""What the shipped tables may write, as dotted names."""
