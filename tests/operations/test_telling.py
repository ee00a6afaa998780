"""What people are shown: a table where there is room for one, a list where there is not."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest
from rich.console import Console

from operations import telling

COLUMNS = ("group", "connection", "file", "delivered", "skipped")
ROWS = (
    ("klaviyo", "au", "customers_20250401T060000Z.csv", 12_000, "no_email 48, origin 6"),
    ("yotpo", "au", "customers_20250401T060000Z.csv", 0, ""),
)


def shown(width: int, rows: Sequence[Sequence[object]] = ROWS) -> str:
    out = io.StringIO()
    telling.table(Console(file=out, width=width), "Groups", COLUMNS, rows)
    return out.getvalue()


@pytest.mark.parametrize("width", [40, 60, 80, 120, 180])
def test_no_word_is_broken_and_no_line_is_too_long_however_narrow_the_terminal(width: int) -> None:
    told = shown(width)
    for word in ("klaviyo", "connection", "customers_20250401T060000Z.csv", "12,000", "no_email"):
        assert word in told
    assert max(map(len, told.splitlines())) <= width


def test_a_narrow_terminal_is_told_only_what_there_is() -> None:
    assert "yotpo; connection: au; file:\n    customers_20250401T060000Z.csv\n" in shown(40)


def test_nothing_is_a_table_too() -> None:
    assert "delivered" in shown(80, ())
