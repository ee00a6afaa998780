"""Every call we make to Yotpo Loyalty, by name (API v2; source: loyaltyapi.yotpo.com/reference)."""

from __future__ import annotations

from consumers.engine.wire import Json, Request


def save_customer(_: str, body: Json) -> Request:
    """Create or update one customer, by id and e-mail; a known id with another e-mail changes the address."""
    return Request("POST", "/customers", "customers", body)


def read_customer(email: str, *, history: bool) -> Request:
    """One customer; 404 for nobody. The documentation contradicts itself on what `with_history` is by default."""
    query = (("customer_email", email), ("with_history", "true" if history else "false"))
    return Request("GET", "/customers", "customer-read", query=query)


def recent_customers(cursor: str) -> Request:
    """A page of the customers, the last changed first; the cursor comes from the page before ("": the first page)."""
    further = (("page_info", cursor),) if cursor else ()
    return Request("GET", "/customers/recent", "customers-recent", query=(("per_page", "100"), *further))


def create_order(body: Json) -> Request:
    """One order. What a second one with the same `order_id` does is nowhere said."""
    return Request("POST", "/orders", "orders", body, repeatable=False)


def create_refund(body: Json) -> Request:
    """One refund; its `id` makes a second sending harmless ("Create Refund")."""
    return Request("POST", "/refunds", "refunds", body)


def adjust_points(body: Json) -> Request:
    """Give or take points; there is no key by which a second sending would be known."""
    return Request("POST", "/points/adjust", "points", body, repeatable=False)


def read_tiers() -> Request:
    """The tiers of the account: the cheapest question that needs the right pair of keys."""
    return Request("GET", "/vip_tiers", "tiers")


def erase(email: str) -> Request:
    """Delete and anonymise whoever has this address ("Anonymize User"; its parameter stands in the body)."""
    return Request("DELETE", "/privacy/data", "erase", {"email": email})
