"""The named transforms between an event's field and a request: small functions that a merchant can read about.

The first line of each docstring is shown to merchants. A transform that names a second parameter `values` is given the
whole record. None leaves the target out. What the first parameter takes is checked against the field when a table is
read.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from tillstream.mapping import countries
from tillstream.mapping.rows import CLEARED, Cleared

T = TypeVar("T", bound=Callable[..., Any])
Values = Mapping[str, Any]

TRANSFORMS: dict[str, Callable[..., Any]] = {}

_zone = lru_cache(maxsize=None)(ZoneInfo)


def transform(function: T) -> T:
    """Enter a function into the registry under its own name."""
    TRANSFORMS[function.__name__] = function
    return function


@transform
def lowercase(text: str) -> str:
    """Spaces trimmed, letters lowercased.

    >>> lowercase(" Kim@Customer.example ")
    'kim@customer.example'
    """
    return text.strip().lower()


@transform
def uppercase(text: str) -> str:
    """Spaces trimmed, letters in capitals.

    >>> uppercase("vic ")
    'VIC'
    """
    return text.strip().upper()


@transform
def titlecase(text: str) -> str:
    """Words in capitals or small letters get a capital each; mixed ones stay as they are.

    >>> titlecase("JOHN"), titlecase("o'connor-smith"), titlecase("McLeod"), titlecase("D’ANGELO")
    ('John', "O'Connor-Smith", 'McLeod', 'D’Angelo')
    """
    return " ".join(_titled(word) if word.isupper() or word.islower() else word for word in text.split())


def _titled(word: str) -> str:
    """A capital after every mark, except for the s of a possessive."""
    made = word.title()
    return made[:-1] + made[-1].lower() if made[-2:] in ("'S", "’S") else made


@transform
def trim(text: str) -> str:
    """Spaces around the text removed.

    >>> trim(" Kim ")
    'Kim'
    """
    return text.strip()


@transform
def whole(text: str) -> int | None:
    """An id of digits as a number; anything else is left out.

    >>> whole("73152"), whole("W0012") is None
    (73152, True)
    """
    return int(text) if text.isascii() and text.isdigit() else None


@transform
def country_name(text: str) -> str:
    """The country's English name, where we know it; else the text as it is.

    >>> country_name("AUSTRALIA"), country_name("NZ"), country_name("Oz")
    ('Australia', 'New Zealand', 'Oz')
    """
    return countries.NAMES.get(countries.region(text) or "", text)


@transform
def country_code(text: str) -> str | None:
    """The country's two letters; left out where we do not know them.

    >>> country_code("New Zealand")
    'NZ'
    """
    return countries.region(text)


@transform
def yes_no_text(answer: bool) -> str:
    """The word Yes or No.

    >>> yes_no_text(True), yes_no_text(False)
    ('Yes', 'No')
    """
    return "Yes" if answer else "No"


@transform
def negated(answer: bool) -> bool:
    """Yes becomes no, and no yes.

    >>> negated(True)
    False
    """
    return not answer


@transform
def cleared(there: bool) -> Cleared | None:
    """Nothing, said aloud: what stood there before is emptied.

    >>> cleared(True), cleared(False)
    (nothing: what stood there is cleared, None)
    """
    return CLEARED if there else None


@transform
def number(amount: Decimal | int) -> float | int:
    """An amount as a plain number, without needless decimals.

    >>> number(Decimal("59.95")), number(Decimal("60.00"))
    (59.95, 60)
    """
    return int(amount) if amount == int(amount) else float(amount)


@transform
def positive(amount: Decimal | int) -> float | int:
    """An amount or a number of pieces without its minus sign.

    >>> positive(Decimal("-59.95")), positive(-1)
    (59.95, 1)
    """
    return number(-amount if amount < 0 else amount)


@transform
def opposite(amount: Decimal | int) -> float | int:
    """An amount with its sign turned round.

    >>> opposite(Decimal("-59.95")), opposite(2)
    (59.95, -2)
    """
    return number(-amount)


@transform
def cents(amount: Decimal) -> int:
    """An amount in cents.

    >>> cents(Decimal("189.90"))
    18990
    """
    return int((amount * 100).to_integral_value(ROUND_HALF_UP))


@transform
def positive_cents(amount: Decimal) -> int:
    """An amount in cents, without its minus sign.

    >>> positive_cents(Decimal("-99.90"))
    9990
    """
    return cents(abs(amount))


@transform
def amount_text(amount: Decimal) -> str:
    """An amount as text with two decimals.

    >>> amount_text(Decimal("20"))
    '20.00'
    """
    return f"{amount:.2f}"


@transform
def local_time(instant: datetime, values: Values) -> str:
    """A time as the store's clock showed it, with the offset from UTC.

    >>> local_time(datetime(2025, 3, 29, 3, 22, 5, tzinfo=UTC), {"zone": "Australia/Melbourne"})
    '2025-03-29T14:22:05+11:00'
    """
    return instant.astimezone(_zone(values.get("zone") or "UTC")).isoformat(timespec="seconds")


@transform
def local_date(instant: datetime, values: Values) -> str:
    """The day on which it was in the store.

    >>> local_date(datetime(2025, 3, 29, 20, 0, tzinfo=UTC), {"zone": "Australia/Melbourne"})
    '2025-03-30'
    """
    return instant.astimezone(_zone(values.get("zone") or "UTC")).date().isoformat()


@transform
def utc_time(instant: datetime) -> str:
    """A time in UTC, to the second.

    >>> utc_time(datetime(2025, 3, 29, 3, 22, 5, tzinfo=UTC))
    '2025-03-29T03:22:05Z'
    """
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


@transform
def date_text(day: date) -> str:
    """A day as year-month-day.

    >>> date_text(date(2026, 3, 31))
    '2026-03-31'
    """
    return day.isoformat()


@transform
def birthday(day: date) -> str:
    """A birthday at noon, so that no time zone moves it to another day.

    >>> birthday(date(1990, 2, 14))
    '1990-02-14T12:00:00'
    """
    return f"{day.isoformat()}T12:00:00"


@transform
def day_of_month(day: date) -> int:
    """The day of the month, 1 to 31.

    >>> day_of_month(date(1990, 2, 14))
    14
    """
    return day.day


@transform
def month(day: date) -> int:
    """The month, 1 to 12.

    >>> month(date(1990, 2, 14))
    2
    """
    return day.month


@transform
def year(day: date) -> int:
    """The year.

    >>> year(date(1990, 2, 14))
    1990
    """
    return day.year


@transform
def item_names(lines: list[Any]) -> list[str]:
    """The names of the styles, each once, in the order of the docket.

    >>> item_names([{"style_name": "Silk scarf"}, {"style_name": ""}, {"style_name": "Silk scarf"}])
    ['Silk scarf']
    """
    return _each_once(line["style_name"] for line in lines)


@transform
def categories(lines: list[Any]) -> list[str]:
    """The categories (the merchant's product reference), each once.

    >>> categories([{"product_ref": "Dresses"}, {"product_ref": "Accessories"}, {"product_ref": "Dresses"}])
    ['Dresses', 'Accessories']
    """
    return _each_once(line["product_ref"] for line in lines)


def _each_once(names: Iterable[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name]


@transform
def pieces(lines: list[Any]) -> int:
    """How many pieces, bought or brought back.

    >>> pieces([{"qty": 2}, {"qty": 1}])
    3
    """
    return sum(abs(line["qty"]) for line in lines)


@transform
def lines_total(lines: list[Any]) -> float | int:
    """What the lines cost together, tax included.

    >>> lines_total([{"line_value": Decimal("134.95")}, {"line_value": Decimal("59.95")}])
    194.9
    """
    return number(sum((line["line_value"] for line in lines), Decimal(0)))


@transform
def lines_refunded(lines: list[Any]) -> float | int:
    """What was given back for the lines together, as a positive number.

    >>> lines_refunded([{"line_value": Decimal("-59.95")}])
    59.95
    """
    return opposite(sum((line["line_value"] for line in lines), Decimal(0)))


@transform
def lines_discount(lines: list[Any]) -> float | int:
    """The discounts of the lines together.

    >>> lines_discount([{"line_discount": Decimal("15.00")}, {"line_discount": None}])
    15
    """
    return number(sum((abs(line["line_discount"] or Decimal(0)) for line in lines), Decimal(0)))


@transform
def lines_tax(lines: list[Any]) -> float | int:
    """The tax that is contained in the lines together, as a positive number.

    >>> lines_tax([{"line_value": Decimal(value), "tax_percent": Decimal(10)} for value in ("134.95", "59.95")])
    17.72
    """
    contained = sum((_tax(line["line_value"], line["tax_percent"] or Decimal(0)) for line in lines), Decimal(0))
    return number(abs(contained).quantize(Decimal("0.01"), ROUND_HALF_UP))


def _tax(value: Decimal, rate: Decimal) -> Decimal:
    return value * rate / (100 + rate)


@transform
def each_price(value: Decimal, values: Values) -> float | int | None:
    """What one piece of the line cost, after discount.

    >>> each_price(Decimal("100.00"), {"qty": 3})
    33.33
    """
    return number(_each(value, values["qty"])) if values["qty"] else None


@transform
def each_cents(value: Decimal, values: Values) -> int | None:
    """What one piece of the line cost, after discount, in cents.

    >>> each_cents(Decimal("-100.00"), {"qty": -3})
    3333
    """
    return cents(_each(value, values["qty"])) if values["qty"] else None


def _each(value: Decimal, pieces: int) -> Decimal:
    return (value / pieces).quantize(Decimal("0.01"), ROUND_HALF_UP)
