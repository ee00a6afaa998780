"""Named transforms that only Apparel21's tables need: its columns are short, and its messages are read at the till."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from tillstream.mapping.transforms import transform


@transform
def first_10(text: str) -> str:
    """The first 10 characters.

    >>> first_10("SW1A 2AA 0001")
    'SW1A 2AA 0'
    """
    return text[:10].strip()


@transform
def first_20(text: str) -> str:
    """The first 20 characters.

    >>> first_20("Wolfeschlegelsteinhausen")
    'Wolfeschlegelsteinha'
    """
    return text[:20].strip()


@transform
def first_50(text: str) -> str:
    """The first 50 characters.

    >>> len(first_50("long street " * 9))
    50
    """
    return text[:50].strip()


@transform
def local_mobile(number: str) -> str:
    """A mobile number as shop staff of Australia and New Zealand dial it; another country's stays as it is.

    >>> local_mobile("+61491570006"), local_mobile("+64211234567"), local_mobile("+447700900123")
    ('0491570006', '0211234567', '+447700900123')
    """
    return f"0{number[3:]}" if number.startswith(("+61", "+64")) else number


@transform
def tier_message(tier: str, values: Mapping[str, Any]) -> str:
    """The tier, and until when it holds, as it is shown at the till.

    >>> tier_message("Gold", {"tier_expiry": date(2026, 4, 2)}), tier_message("Gold", {})
    ('Gold until 2 Apr 2026', 'Gold')
    """
    expiry = values.get("tier_expiry")
    return f"{tier} until {expiry.day} {expiry:%b %Y}" if isinstance(expiry, date) else tier
