"""What a person's orders add up to, kept per person so that it can move with them: sales less refunds."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from consumers.engine.wire import Json

MOST_STORES = 10
MOST_PERSONS = 10
OTHERS = "*"


class Total(NamedTuple):
    """Cents, number of sales, time of the last one (ISO 8601 with the store's offset), and both of these by store."""

    cents: int = 0
    sales: int = 0
    last: str = ""
    stores: Mapping[str, tuple[int, str]] = {}


Lines = Sequence[Mapping[str, Any]]
Totals = Mapping[str, Json]
"""As remembered: person id -> [cents, count, last, stores]."""


def load(entry: Json) -> Total:
    """What `dump` made."""
    return (
        Total(entry[0], entry[1], entry[2], {code: (count, last) for code, (count, last) in entry[3].items()})
        if entry
        else Total()
    )


def dump(total: Total) -> Json:
    """As it is remembered: of many stores those with most orders."""
    best = sorted(total.stores.items(), key=lambda store: _rank(store[1]), reverse=True)[:MOST_STORES]
    return [total.cents, total.sales, total.last, {code: list(entry) for code, entry in best}]


def _rank(store: tuple[int, str]) -> tuple[int, float]:
    return store[0], instant(store[1])


def instant(text: str) -> float:
    """Seconds since 1970 of a time with offset; 0 for none."""
    return datetime.fromisoformat(text).timestamp() if text else 0.0


def add(one: Total, other: Total) -> Total:
    """Both together."""
    stores = dict(one.stores)
    for code, (count, last) in other.stores.items():
        before, at = stores.get(code, (0, ""))
        stores[code] = (before + count, max(at, last, key=instant))
    return Total(one.cents + other.cents, one.sales + other.sales, max(one.last, other.last, key=instant), stores)


def of_order(order: Mapping[str, Any], lines: Lines, gift_cards: Collection[str], zone: str) -> Total:
    """What the lines of one transaction add: gift cards nothing, returns less than nothing."""
    goods = [line for line in lines if line["style_code"] not in gift_cards]
    cents = int(sum((line["line_value"] for line in goods), Decimal(0)) * 100)
    if not any(sold(line) for line in goods):
        return Total(cents)
    rung_up = order["sale_datetime"].astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")
    return Total(cents, 1, rung_up, {order["store_code"]: (1, rung_up)} if order["store_code"] else {})


def sold(line: Mapping[str, Any]) -> bool:
    """Was the line sold? By the sign of its value, at 0 by that of its pieces."""
    return bool(line["line_value"] > 0 or (line["line_value"] == 0 and line["qty"] > 0))


def added(totals: Totals, person: str, more: Total) -> dict[str, Json]:
    """The totals of an address after one more transaction of a person."""
    known = {**totals, person: dump(add(load(totals.get(person)), more))}
    while len(known) > MOST_PERSONS:
        oldest = min((one for one in known if one != OTHERS), key=lambda one: instant(known[one][2]))
        known[OTHERS] = dump(add(load(known.get(OTHERS)), load(known.pop(oldest))))
    return known


def merged(totals: Totals, more: Totals) -> dict[str, Json]:
    """The totals of an address after somebody moved to it."""
    result = dict(totals)
    for person, entry in more.items():
        result = added(result, person, load(entry))
    return result


def computed(totals: Totals) -> dict[str, Json]:
    """The sources `state.*` of the profile table, for all persons of an address together."""
    whole = Total()
    for entry in totals.values():
        whole = add(whole, load(entry))
    found: dict[str, Json] = {"order_value": Decimal(whole.cents) / 100, "order_count": whole.sales}
    if whole.last:
        found["last_order_date"] = whole.last
    if whole.stores:
        found["primary_store"] = max(whole.stores, key=lambda code: _rank(whole.stores[code]))
    return found
