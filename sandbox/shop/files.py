"""Write a shop's CSV files as the export does, row by row, with a few rows that nobody can read."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from sandbox.shop.people import CUSTOMER_COLUMNS, customer
from sandbox.shop.plan import CUSTOMER_DIRT, ORDER_DIRT, Plan, dice
from sandbox.shop.tills import ORDER_COLUMNS, Order, order, rows

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class Format:
    """How a file is written; `encoding` is one of Python's names, such as utf-8, utf-8-sig or windows-1252."""

    encoding: str = "utf-8"
    delimiter: str = ","
    newline: str = "\n"


@dataclass(frozen=True, slots=True)
class Written:
    """One file: its rows without the header, how many of them are dirty, and how many persons or orders they hold.

    Every dirty row makes a reject of itself, and in the orders file of the whole order it belongs to.
    """

    file: Path
    rows: int
    dirty: int
    things: int


Spoiler = Callable[[list[str]], list[str]]


@dataclass(frozen=True, slots=True)
class _Sheet:
    """One kind of file: its columns, the ways to spoil a row of it, and the dice that decide which rows."""

    columns: Sequence[str]
    spoilers: Sequence[Spoiler]
    dirt: int


def write_shop(folder: Path, plan: Plan, form: Format | None = None, at: datetime | None = None) -> list[Written]:
    """Write `customers_TIME.csv` and `orders_TIME.csv`; TIME is `at`, else the evening after the plan's last day."""
    at = at or datetime.combine(plan.last_day + timedelta(days=plan.edition), time(20), UTC)
    folder.mkdir(parents=True, exist_ok=True)
    stamp = f"{at:%Y%m%dT%H%M%SZ}.csv"
    return [
        write_customers(folder / f"customers_{stamp}", plan, form),
        write_orders(folder / f"orders_{stamp}", plan, form),
    ]


def write_customers(file: Path, plan: Plan, form: Format | None = None) -> Written:
    """Write one customers file."""
    things = ([customer(plan, number)] for number in range(plan.customers))
    return _write(file, plan, form or Format(), _CUSTOMERS, things)


def write_orders(file: Path, plan: Plan, form: Format | None = None) -> Written:
    """Write one orders file."""
    things = (list(rows(plan, made)) for made in orders(plan))
    return _write(file, plan, form or Format(), _ORDERS, things)


def orders(plan: Plan) -> Iterator[Order]:
    """Every order of the shop, oldest first."""
    return (order(plan, number) for number in range(plan.orders))


def _write(file: Path, plan: Plan, form: Format, sheet: _Sheet, things: Iterable[list[Row]]) -> Written:
    """Stream to a name that readers ignore, and give the file its own name when it is whole."""
    part = file.with_name(f"{file.name}.part")
    count = dirty = whole = 0
    with part.open("w", encoding=form.encoding, newline="") as stream:
        writer = csv.writer(stream, delimiter=form.delimiter, lineterminator=form.newline)
        writer.writerow(sheet.columns)
        for thing in things:
            for row in thing:
                cells = [row.get(column, "") for column in sheet.columns]
                luck = dice(plan, sheet.dirt, count)
                if luck.random() < plan.dirty:
                    cells = luck.choice(sheet.spoilers)(cells)
                    dirty += 1
                writer.writerow(cells)
                count += 1
            whole += 1
    part.rename(file)
    return Written(file, count, dirty, whole)


def _cell(columns: Sequence[str], name: str, value: str) -> Spoiler:
    place = columns.index(name)
    return lambda cells: [*cells[:place], value, *cells[place + 1 :]]


_CUSTOMERS = _Sheet(
    CUSTOMER_COLUMNS,
    (
        _cell(CUSTOMER_COLUMNS, "EMAIL", "kim@customer"),
        _cell(CUSTOMER_COLUMNS, "LAST_UPDATED", "31/02/2026"),
        _cell(CUSTOMER_COLUMNS, "PRIVACY", "Maybe"),
        lambda cells: cells[:-3],
    ),
    CUSTOMER_DIRT,
)
_ORDERS = _Sheet(
    ORDER_COLUMNS,
    (
        _cell(ORDER_COLUMNS, "LINE_VALUE", "59.95.5"),
        _cell(ORDER_COLUMNS, "QTY", ""),
        _cell(ORDER_COLUMNS, "SALE_DATETIME", "yesterday"),
        lambda cells: [*cells, "one more"],
    ),
    ORDER_DIRT,
)
