"""What the text of a cell means."""

from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tillstream.mapping.cells import Context, Unreadable, bind

MELBOURNE = ZoneInfo("Australia/Melbourne")
FIRST, LAST = datetime.fromisoformat("1971-01-01"), datetime.fromisoformat("2030-12-31")
AU = Context(
    "AU",
    "Australia/Melbourne",
    {"NOTED": ("D-MMM-YYYY HH:mm",), "PACKED": ("YYYYMMDD HHmmss",)},
    today=lambda: date(2025, 4, 10),
)


def read(via: str, text: str, column: str = "X") -> Any:
    return bind(via, AU, column)(text)


def refused(via: str, text: str, column: str = "X") -> str:
    with pytest.raises(Unreadable) as raised:
        read(via, text, column)
    return raised.value.rule


@pytest.mark.parametrize("via", ["text", "id", "dash", "date", "birthday", "instant", "money", "whole", "percent"])
def test_a_blank_cell_says_nothing(via: str) -> None:
    assert (read(via, ""), read(via, "  ")) == (None, None)


def test_words_for_nothing_count_only_where_a_column_has_them() -> None:
    assert [read("dash", text) for text in ("-", "N/A", "null", "M", "NULLA")] == [None, None, None, "M", "NULLA"]
    assert [read("text", text) for text in ("Null", "N/A", " - ")] == ["Null", "N/A", "-"]


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2025-04-01T16:05:11", "2025-04-01T05:05:11"),
        ("2025-04-01 16:05", "2025-04-01T05:05:00"),
        ("2025-04-01", "2025-03-31T13:00:00"),
        ("2025-04-01T16:05:11Z", "2025-04-01T16:05:11"),
        ("2025-04-01T16:05:11+08:00", "2025-04-01T08:05:11"),
        ("2025-04-01 16:05:11 +0800", "2025-04-01T08:05:11"),
        ("2025-04-01T16:05:11.250", "2025-04-01T05:05:11.250000"),
        ("1/04/2025 4:05:11 PM", "2025-04-01T05:05:11"),
        ("1/04/2025 4:05:11 p.m.", "2025-04-01T05:05:11"),
        ("01/04/2025 16:05:11", "2025-04-01T05:05:11"),
        ("1/4/2025 16:05", "2025-04-01T05:05:00"),
        ("01/04/2025", "2025-03-31T13:00:00"),
        ("1/04/2025 12:00:00 AM", "2025-03-31T13:00:00"),
        ("1/04/2025 12:30:00 PM", "2025-04-01T01:30:00"),
        ("2025-04-06T02:30:00", "2025-04-05T15:30:00"),  # happens twice: the first
        ("2025-10-05T02:30:00", "2025-10-04T16:30:00"),  # is skipped: 03:30 on the new clock
    ],
)
def test_a_time_is_read_in_the_zone_of_the_store(text: str, utc: str) -> None:
    assert read("instant", text) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "04/31/2025",
        "13/13/2025",
        "1/04/25",
        "25-04-01",
        "2025-02-30",
        "0001-01-01T00:00:00",
        "1/04/2025 13:00 PM",
        "1/04/2025 0:30 AM",
        "1/04/2025 24:00",
        "20250401",
        "2025-W14-2",
        "yesterday",
        "1-04-2025",
        "2025-04-01T16:05:11 Melbourne",
        "٠١/٠٤/٢٠٢٥",
        "9999-12-31T23:59:59Z",
    ],
)
def test_what_is_no_date_is_refused(text: str) -> None:
    assert refused("instant", text) == "date"


def test_a_column_with_formats_of_its_own_takes_those_and_iso() -> None:
    assert read("date", "1-Apr-2025 16:05", "NOTED") == date(2025, 4, 1)
    assert read("date", "1-APR-2025", "NOTED") == date(2025, 4, 1)
    assert read("date", "2025-04-01", "NOTED") == date(2025, 4, 1)
    assert read("instant", "20250401 160511", "PACKED") == datetime(2025, 4, 1, 5, 5, 11, tzinfo=UTC)
    assert refused("date", "01/04/2025", "NOTED") == "date"
    assert refused("date", "1-Avr-2025", "NOTED") == "date"
    assert refused("date", "2025112", "PACKED") == "date"


@given(st.datetimes(FIRST, LAST).map(lambda moment: moment.replace(microsecond=0)))
def test_every_way_to_write_a_time_means_the_same(moment: datetime) -> None:
    hour = moment.hour % 12 or 12
    half = "AM" if moment.hour < 12 else "PM"
    ways = (
        moment.isoformat(),
        moment.isoformat(" "),
        f"{moment.day}/{moment:%m/%Y} {hour}:{moment:%M:%S} {half}",
        f"{moment:%d/%m/%Y %H:%M:%S}",
    )
    assert {read("instant", way) for way in ways} == {moment.replace(tzinfo=MELBOURNE).astimezone(UTC)}


@given(st.datetimes(FIRST, LAST, timezones=st.just(MELBOURNE)))
def test_an_offset_in_the_value_wins(moment: datetime) -> None:
    elsewhere = Context("AU", "Pacific/Auckland")
    sure = moment.astimezone(UTC).astimezone(MELBOURNE)
    assert bind("instant", elsewhere, "X")(sure.isoformat()) == sure.astimezone(UTC)


def test_a_birthday_lies_between_1900_and_today() -> None:
    assert read("birthday", "14/07/1988") == date(1988, 7, 14)
    assert read("birthday", "2025-04-10") == date(2025, 4, 10)
    assert read("birthday", "01/01/1900") is None
    assert (refused("birthday", "2025-04-11"), refused("birthday", "31/12/1899")) == ("date_of_birth", "date")


def test_by_itself_today_is_the_day_of_the_latest_clock() -> None:
    assert abs(Context("AU", "UTC").today() - datetime.now(UTC).date()) <= timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("59.95", "59.95"), ("1,234.50", "1234.50"), ("$59.95", "59.95"), ("(59.95)", "-59.95"), ("-59.95", "-59.95"),
        ("59.95-", "-59.95"), ("$-59.95", "-59.95"), ("-$59.95", "-59.95"), ("($1,059.95)", "-1059.95"), ("5", "5.00"),
        ("+5.5", "5.50"), (".5", "0.50"), ("0.005", "0.01"), ("-0.005", "-0.01"), ("0.00499", "0.00"),
        ("-0.00", "0.00"),
        ("(0)", "0.00"), ("9999999999.99", "9999999999.99"),
    ],
)  # fmt: skip
def test_an_amount_is_exact_to_the_cent(text: str, amount: str) -> None:
    assert str(read("money", text)) == amount


@pytest.mark.parametrize(
    "text",
    ["AUD 5", "5,00", "1 234.50", "1,23.00", "12,34", "-5-", "(-5)", "--5", "5.", "1e3", "$", "-", "NaN", "Infinity",
     "10000000000", "9999999999.995", "A$5", "٥", "9" * 60],
)  # fmt: skip
def test_what_is_no_amount_is_refused(text: str) -> None:
    assert refused("money", text) == "money"


@given(st.decimals(Decimal(-(10**9)), Decimal(10**9), allow_nan=False, places=4))
def test_every_way_to_write_an_amount_means_the_same(amount: Decimal) -> None:
    bare = f"{abs(amount):,.4f}"
    ways = (bare, f"${bare}") if amount >= 0 else (f"-{bare}", f"{bare}-", f"(${bare})", f"-${bare}", f"$-{bare}")
    assert {read("money", way) for way in ways} == {amount.quantize(Decimal("0.01"), ROUND_HALF_UP)}


def test_an_id_keeps_its_zeros_and_is_no_number_of_a_spreadsheet() -> None:
    assert [read("id", text) for text in ("73152", "0800 ", "W00012345", "A-1.b")] == [
        "73152",
        "0800",
        "W00012345",
        "A-1.b",
    ]
    assert {refused("id", text) for text in ("9.13748E+05", "B!", "1 2", ".5", "é", "7" * 65)} == {"id"}


def test_pieces_are_whole() -> None:
    assert [read("whole", text) for text in ("1", "-1", "1-", "1,200", "2.00", "(3)")] == [1, -1, -1, 1200, 2, -3]
    assert {refused("whole", text) for text in ("1.5", "$1", "one", "²", "9" * 15)} == {"whole"}


def test_a_rate_may_have_its_sign() -> None:
    assert [str(read("percent", text)) for text in ("10", "10%", "12.5 %")] == ["10.00", "10.00", "12.50"]
    assert {refused("percent", text) for text in ("$10", "ten", "%", "10%%", "-100", "(5%)")} == {"percent"}


def test_yes_and_no_have_many_forms_and_blank_is_neither() -> None:
    assert {read("yes_no", text) for text in ("Yes", "y", "TRUE", "1", "T", " yes ")} == {True}
    assert {read("yes_no", text) for text in ("No", "n", "False", "0", "F", "nO")} == {False}
    assert (read("yes_no", ""), read("yes_no", " ")) == (None, None)
    assert {refused("yes_no", text) for text in ("maybe", "2", "-")} == {"yes_no"}


def test_where_blank_says_no_it_says_no() -> None:
    assert [read("yes_or_no", text) for text in ("", " ", "Yes", "no")] == [False, False, True, False]
    assert refused("yes_or_no", "perhaps") == "yes_no"
