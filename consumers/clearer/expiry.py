"""When a tier ends: Clearer does not say, so the merchant's rule does."""

from __future__ import annotations

from datetime import date

from consumers.clearer.settings import TierExpiry


def expiry(rule: TierExpiry, changed: date) -> date | None:
    """The day on which a tier ends that was reached on this day; None: leave alone what is known.

    >>> expiry("next_calendar_year_end", date(2026, 6, 14)), expiry("rolling_12_months", date(2024, 2, 29))
    (datetime.date(2027, 12, 31), datetime.date(2025, 2, 28))
    """
    match rule:
        case "none":
            return None
        case "calendar_year_end":
            return date(changed.year, 12, 31)
        case "next_calendar_year_end":
            return date(changed.year + 1, 12, 31)
        case "rolling_12_months":
            leap_day = (changed.month, changed.day) == (2, 29)
            return changed.replace(year=changed.year + 1, day=28 if leap_day else changed.day)
