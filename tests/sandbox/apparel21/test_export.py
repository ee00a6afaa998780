"""The export's awkward rows, in each encoding, and that they are read for what they are."""

from __future__ import annotations

from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any

import pytest

from producers.files.layouts import Place, layout
from producers.files.reader import read
from producers.files.values import Row
from sandbox.apparel21.export import FORMATS, PEOPLE, SALES, customers, orders


def rows(kind: str, content: bytes, odd: list[str]) -> dict[str, dict[str, Any]]:
    """What is awkward -> what was read; fails where a row was refused."""
    found = list(read(BytesIO(content), layout(kind, Place()), datetime(2025, 4, 7, tzinfo=UTC)).rows)
    assert not [one for one in found if not isinstance(one, Row)]
    return {what: dict(one.values) for what, one in zip(odd, found, strict=True) if isinstance(one, Row)}


@pytest.mark.parametrize("form", FORMATS)
def test_line_09_every_awkward_customer_is_read_in_every_encoding(form: str) -> None:
    found = rows("customers", customers(FORMATS[form]), list(PEOPLE))
    assert found["letters that Windows-1252 has elsewhere"]["surname"] == "D’Angelo"
    assert found["a new line inside a cell"]["adrs1"].splitlines() == ["7 Smith St", "Rear entrance"]
    assert found["capitals and a blank in the address"]["email"] == "zoe.dangelo@customer.example"
    assert found["a birthday with the day first"]["dob"] == date(1988, 7, 14)
    assert found["a birthday that nobody has"]["dob"] is None
    assert found["a landline where a mobile belongs"]["mobile"] == ""
    assert found["an hour that came twice"]["last_updated"] == datetime(2025, 4, 5, 15, 30, tzinfo=UTC)
    assert found["a surname that looks like nothing"]["surname"] == "Null"


@pytest.mark.parametrize("form", FORMATS)
def test_line_09_every_awkward_sale_is_read_in_every_encoding(form: str) -> None:
    found = rows("orders", orders(FORMATS[form]), list(SALES))
    values = {what: str(one["lines"][0]["line_value"]) for what, one in found.items()}
    assert values["thousands and a currency sign"] == "1234.50"
    assert values["brackets for a return"] == values["the sign at the end"] == "-59.95"
    assert found["a time with the day first"]["sale_datetime"] == datetime(2025, 3, 29, 3, 22, 5, tzinfo=UTC)
