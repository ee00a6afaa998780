"""Which records a sink leaves alone, and the name of the policy that says so; the same for every platform."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from tillstream.settings import Connection

Record = Mapping[str, Any]
Policy = str | None
"""The name of the policy that skips a record, or None: it goes on."""

FILE, POLL = "apparel21-file", "apparel21-poll"
"""Where what the tills say was learned."""
LOYALTY = ("yotpo", "clearer")

SALES = ("Sale",)
"""The transaction types that are sales unless a merchant says otherwise; laybys and special orders are not."""


def web(order: Record, connection: Connection) -> Policy:
    """Rung up by the web shop, which tells the platforms itself: docket or order begin with W, or the store is one."""
    numbers = (order["tran_number"], order["order_number"])
    from_web = any(number[:1] in ("W", "w") for number in numbers) or order["store_code"] in connection.web_stores
    return "web" if from_web else None


def anonymous(order: Record) -> Policy:
    """Nobody is known to have bought it."""
    return None if order["person_id"] or order["email"] else "anonymous"


def not_a_sale(order: Record, types: Collection[str] = SALES) -> Policy:
    """A layby, a special order, or a type nobody told us about; a blank type is a sale."""
    known = {name.casefold() for name in types}
    said = order["tran_type"].strip().casefold()
    return None if not said or said in known else "not_a_sale"


def too_early(order: Record, connection: Connection) -> Policy:
    """Older than what the merchant wants to have (`orders_since`, a day in the time zone of the store)."""
    since = connection.orders_since
    sold = order["sale_datetime"]
    if since is None or not isinstance(sold, datetime):
        return None
    zone = ZoneInfo(order["zone"]) if order["zone"] else connection.timezone
    return "too_early" if sold.astimezone(zone).date() < since else None


def origin(record: Record, accepted: Collection[str]) -> Policy:
    """It was learned somewhere this sink takes nothing from."""
    return None if record["origin"] in accepted else "origin"


def no_email(key: str) -> Policy:
    """The person has no e-mail address, and the platform knows people by it."""
    return None if address(key) else "no_email"


def sale(order: Record, connection: Connection, types: Collection[str] = SALES) -> Policy:
    """The first policy that leaves this sale alone."""
    return anonymous(order) or web(order, connection) or not_a_sale(order, types) or too_early(order, connection)


def came_back(line: Record) -> bool:
    """Is this line of a transaction a return? By the sign of the value, at 0 by the pieces. A negative value with
    pieces that went out reduces the sale."""
    value, pieces = line["line_value"], line["qty"]
    return bool(value <= 0 and (pieces < 0 or (value < 0 and pieces == 0)))


def former(record: Record) -> str:
    """The address before, as a customer's record says it; "" for none."""
    return (record["previous_email"] or "").strip().lower()


def leaves(record: Record, key: str) -> bool:
    """Does a customer's record say that somebody has left the address of its key for another?"""
    here = address(key)
    return bool(here) and record["email"] not in ("", here) and former(record) == here


def address(key: str) -> str:
    """The e-mail address in a record's key, "" where there is none.

    >>> address("au/priya@customer.example"), address("au/person:73171")
    ('priya@customer.example', '')
    """
    name = key.partition("/")[2]
    return name if "@" in name else ""
