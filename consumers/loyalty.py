"""What the loyalty platforms have in common: which sales and returns count, for how much, and when they may go."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator

from consumers import policies
from consumers.engine.outcome import Deferred, Skipped
from consumers.engine.sink import Account, Item, body_hash
from consumers.policies import Policy, Record
from consumers.polls import Nightly
from tillstream.settings import Block, Connection, Secret, Start

Lines = Sequence[Mapping[str, Any]]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
_DAILY = re.compile(r"daily ([01]\d|2[0-3]):([0-5]\d)")


class Parts(NamedTuple):
    """A transaction's lines that count: what was sold, and what came back."""

    sold: Lines
    back: Lines


def policy(item: Item, connection: Connection, settings: LoyaltySettings) -> Policy:
    """The first policy that leaves this transaction alone."""
    order = item.record
    return (
        policies.origin(order, (policies.FILE,))
        or policies.sale(order, connection, settings.sale_types)
        or policies.no_email(item.key)
        or ("staff" if order["staff"] and not settings.staff else None)
        or ("bulk" if order["bulk"] and not settings.bulk else None)
    )


def parts(order: Record, gift_card_styles: Collection[str]) -> Parts:
    """What was sold and what came back, gift cards left out."""
    counting = [line for line in order["lines"] if line["style_code"] not in gift_card_styles]
    sold = [line for line in counting if not policies.came_back(line)]
    return Parts(sold, [line for line in counting if policies.came_back(line)])


def counting(account: Account, item: Item) -> Parts | Skipped:
    """What is to be told of a transaction, or the policy that leaves it alone."""
    if left_alone := policy(item, account.connection, account.settings):
        return Skipped(left_alone)
    found = parts(item.record, account.connection.gift_card_styles)
    return found if found.sold or found.back else Skipped("gift_card")


def price(line: Record) -> Decimal:
    """What one piece cost, after discount.

    >>> price({"line_value": Decimal("99.90"), "qty": 2})
    Decimal('49.95')
    """
    return Decimal(line["line_value"]) / (abs(line["qty"]) or 1)


def worth(lines: Lines) -> Decimal:
    """What the lines come to.

    >>> worth([{"line_value": Decimal("49.95")}, {"line_value": Decimal("-39.95")}])
    Decimal('10.00')
    """
    return sum((line["line_value"] for line in lines), Decimal(0))


def content(item: Item) -> str:
    """By what a transaction is recognised when it comes again."""
    where = ("file", "line", "sha256", "file_time", "source_time")
    return item.content or body_hash({name: str(said) for name, said in item.record.items() if name not in where})


# -- the merchant's settings ------------------------------------------------------------------------------------------


def _schedule(text: str) -> str:
    if text not in ("now", "hourly") and not _DAILY.fullmatch(text):
        raise ValueError('should be "now", "hourly" or "daily 02:00"')
    return text


Schedule = Annotated[str, AfterValidator(_schedule)]
"""When sales go on: "now", "hourly", or "daily 02:00" (in the connection's time zone)."""


class LoyaltySettings(Block):
    """What a merchant may say about any loyalty account: which sales count and when they go, and what is heard."""

    start: Start = "now"
    orders: Schedule = "now"
    staff: bool = False
    bulk: bool = False
    sale_types: tuple[str, ...] = policies.SALES
    webhook_token: Secret | None = None
    compare: Nightly = "03:30"


def due(schedule: str, seen: datetime, zone: tzinfo) -> datetime:
    """When a sale may go that was first seen then.

    >>> due("hourly", datetime(2025, 3, 29, 3, 22, tzinfo=UTC), UTC)
    datetime.datetime(2025, 3, 29, 4, 0, tzinfo=datetime.timezone.utc)
    >>> due("daily 02:00", datetime(2025, 3, 29, 3, 22, tzinfo=UTC), UTC)
    datetime.datetime(2025, 3, 30, 2, 0, tzinfo=datetime.timezone.utc)
    """
    local = seen.astimezone(zone)
    if schedule == "hourly":
        past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        return seen.astimezone(UTC) - past + HOUR
    if daily := _DAILY.fullmatch(schedule):
        at = time(int(daily[1]), int(daily[2]), tzinfo=zone)
        today = datetime.combine(local.date(), at)
        return (today if today > local else datetime.combine(local.date() + DAY, at)).astimezone(UTC)
    return seen


def not_yet(account: Account, name: str, ledger: Mapping[str, Any]) -> Deferred | None:
    """By the merchant's schedule (`ledger`, remembered under `name`, keeps it): it counts from when we saw the
    transaction first."""
    schedule, now = account.settings.orders, account.now()
    if schedule == "now":
        return None
    said = ledger.get("due")
    when = datetime.fromisoformat(said) if said else due(schedule, now, account.connection.timezone)
    if now >= when:
        return None
    return Deferred("schedule", when, remember={name: {**ledger, "due": when.isoformat()}})
