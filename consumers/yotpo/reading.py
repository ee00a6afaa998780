"""What Yotpo says of a customer: the lines of their history, and the tier they have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from consumers.engine.outcome import Outcome
from consumers.engine.wire import Json, Plan, ask, under
from consumers.refusals import something_else
from consumers.webhooks import text
from consumers.yotpo import requests
from consumers.yotpo.errors import judge, page

_WHOLE = re.compile(r"-?[0-9]{1,12}")


def look_up(email: str, *, history: bool = False) -> Plan[Json | Outcome]:
    """The customer with this address as Yotpo gives them, an empty object for nobody, or why it cannot be read."""
    answer = yield from ask(requests.read_customer(email, history=history))
    if answer.status == 404 and not page(answer):
        return {}
    if not answer.ok:
        return judge(answer)
    return under(answer.json()) or something_else("Yotpo", "a customer")  # no customer, and no word that there is none


def in_history(customer: Mapping[str, Any], reference: str) -> bool:
    """Does a line of the history name this order id, or is it called so?"""
    lines = customer.get("history_items")
    return any(reference in _names(line) for line in (lines if isinstance(lines, list) else ()))


def _names(line: Any) -> Iterator[str]:
    if isinstance(line, dict):
        yield from (str(line.get(name) or "") for name in ("action", "action_name"))
        orders = line.get("order_ids")
        yield from map(str, orders if isinstance(orders, list) else ())


def standing(customer: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a `tiers` record that a customer read from Yotpo gives: the tier, since when and until when."""
    return {
        "email": str(customer.get("email") or "").strip().lower(),
        "person_id": text(customer.get("pos_account_id")),
        "customer_id": third_party_id(customer),
        "tier_name": text(customer.get("vip_tier_name")),
        "tier_join_date": day(customer.get("vip_tier_entry_date")),
        "tier_expiry": day(customer.get("vip_tier_expiration")),
        "points_balance": whole(customer.get("points_balance")),
    }


def third_party_id(customer: Mapping[str, Any]) -> str:
    """The id under which the customer was made: ours, or Shopify's. Older payloads misspell it (Yotpo's reference)."""
    return text(customer.get("third_party_id") or customer.get("thirty_party_id"))


def whole(value: Any) -> int | None:
    """A whole number, also where it comes as text; at most twelve digits.

    >>> whole(820), whole("820"), whole("many"), whole(None), whole(10**12)
    (820, 820, None, None, None)
    """
    said = text(value)
    return int(said) if _WHOLE.fullmatch(said) else None


def day(value: Any) -> date | None:
    """The day of a date, or of a time in UTC as Yotpo writes it (sometimes without a zone).

    >>> day("2027-12-31"), day("2027-12-31T00:00:00.000Z"), day("soon")
    (datetime.date(2027, 12, 31), datetime.date(2027, 12, 31), None)
    """
    try:
        return datetime.fromisoformat(text(value)).date()
    except ValueError:
        return None
