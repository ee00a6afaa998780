"""What the loyalty platforms share: which lines count, and when sales go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from consumers import loyalty

MELBOURNE = ZoneInfo("Australia/Melbourne")
SCHEDULES = ("now", "hourly", "daily 02:00", "daily 23:59")


def line(value: str, qty: int, style: str = "DR2041") -> dict[str, Any]:
    return {"line_value": Decimal(value), "qty": qty, "style_code": style}


def test_lines_are_sold_or_back_by_the_sign_of_their_value_and_gift_cards_are_neither() -> None:
    sold = [line("10.00", 1), line("0.00", 1), line("-5.00", 1), line("10.00", -1)]
    back = [line("-10.00", -1), line("0.00", -1), line("-5.00", 0)]
    cards = [line("50.00", 1, "GIFTCARD"), line("-50.00", -1, "GIFTCARD")]
    assert loyalty.parts({"lines": [*sold, *cards, *back]}, ("GIFTCARD",)) == (sold, back)


@pytest.mark.parametrize("text", SCHEDULES)
def test_a_schedule_that_is_one(text: str) -> None:
    assert TypeAdapter(loyalty.Schedule).validate_python(text) == text


@pytest.mark.parametrize("text", ["", "later", "daily", "daily 2:00", "daily 24:00", "daily 02:60", "hourly 5"])
def test_a_schedule_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="daily 02:00"):
        TypeAdapter(loyalty.Schedule).validate_python(text)


def test_a_day_has_its_hour_also_when_the_clocks_change() -> None:
    before = datetime(2025, 4, 5, 14, tzinfo=UTC)  # one o'clock at night; at three it is two again
    assert loyalty.due("daily 04:00", before, MELBOURNE) == datetime(2025, 4, 5, 18, tzinfo=UTC)
    assert loyalty.due("daily 04:00", before - timedelta(days=1), MELBOURNE) == datetime(2025, 4, 4, 17, tzinfo=UTC)


@given(
    st.sampled_from(SCHEDULES),
    st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # the zone is beside
    st.sampled_from([UTC, MELBOURNE, ZoneInfo("Australia/Adelaide")]),
)
def test_what_is_due_is_never_in_the_past_and_never_far_away(schedule: str, seen: datetime, zone: ZoneInfo) -> None:
    wait = loyalty.due(schedule, seen, zone) - seen
    longest = {"now": timedelta(0), "hourly": timedelta(hours=1)}.get(schedule, timedelta(hours=25))
    assert timedelta(0) <= wait <= longest


@given(
    st.sampled_from(SCHEDULES),
    st.lists(st.datetimes(datetime(2025, 4, 5), datetime(2025, 4, 7), timezones=st.just(UTC)), min_size=2),  # noqa: DTZ001
)
def test_what_is_seen_later_is_never_due_earlier(schedule: str, seen: list[datetime]) -> None:
    times = [loyalty.due(schedule, one, MELBOURNE) for one in sorted(seen)]
    assert times == sorted(times)
