"""How large a shop is, and the dice that make everything in it a function of its number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from random import Random


@dataclass(frozen=True, slots=True)
class Plan:
    """One shop. Every person and order is made from the seed and its number alone, so nothing need be remembered."""

    customers: int
    orders: int
    seed: int = 7
    last_day: date = date(2026, 6, 30)  # orders are spread over the `days` before
    days: int = 365
    dirty: float = 0.005  # share of rows that nobody can read
    edition: int = 0  # of the customers file: in each later one, one in twenty has changed


PERSON, NAME, CHANGE, ORDER, CUSTOMER_DIRT, ORDER_DIRT = range(6)


def dice(plan: Plan, kind: int, number: int, day: int = 0) -> Random:
    """The dice of one thing: always the same for the same thing."""
    return Random((((plan.seed << 16) + day << 8) + kind << 48) + number)
