"""Every call we make to Clearer.io, by name; the paths are in the table of assumed names."""

from __future__ import annotations

from urllib.parse import quote

from consumers.clearer import assumed
from consumers.clearer.assumed import Name
from consumers.engine.wire import Json, Request


def _path(name: Name, identity: str) -> str:
    return name.name.replace("{id}", quote(identity, safe=""))


def save_customer(identity: str, body: Json) -> Request:
    """Create or update one customer; enrols."""
    return Request("PUT", _path(assumed.CUSTOMER, identity), "customer", body)


def read_customer(identity: str) -> Request:
    """One customer, with the points they have."""
    return Request("GET", _path(assumed.CUSTOMER, identity), "customer-read")


def any_customers() -> Request:
    """A page of customers, whoever they are."""
    return Request("GET", assumed.CUSTOMERS.name, "customers")


def changed_customers(since: str, cursor: str) -> Request:
    """A page of the customers changed since a time (ISO 8601; "" for all); a cursor makes everything else void."""
    name, value = (assumed.CURSOR.name, cursor) if cursor else (assumed.CHANGED_SINCE.name, since)
    return Request("GET", assumed.CUSTOMERS.name, "customers", query=((name, value),) if value else ())


def create_order(body: Json) -> Request:
    """One order. Whether a second sending is harmless is nowhere said."""
    return Request("POST", assumed.ORDERS.name, "order-create", body, repeatable=False)


def change_order(docket: str, body: Json) -> Request:
    """Say how an order stands now; a second sending changes nothing more."""
    return Request("PATCH", _path(assumed.ORDER, docket), "order", body)


def read_order(docket: str) -> Request:
    """How an order stands."""
    return Request("GET", _path(assumed.ORDER, docket), "order-read")


def award(identity: str, points: int, reason: str) -> Request:
    """Give points; a second sending gives them twice. When the customer was last seen stays as it is."""
    body = {
        assumed.POINTS_NUMBER.name: points,
        assumed.POINTS_REASON.name: reason,
        assumed.POINTS_KEEP_SEEN.name: False,
    }
    return Request("POST", _path(assumed.POINTS, identity), "points", body, repeatable=False)
