"""The files that the demo's shop exports: its generator's, with one cell spoiled and two customers written by hand."""

from __future__ import annotations

import csv
import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sandbox.shop.files import orders, write_customers, write_orders
from sandbox.shop.people import CUSTOMER_COLUMNS, customer
from sandbox.shop.plan import Plan

CUSTOMERS, ORDERS, FIRST_ORDERS = 300, 900, 700
OUTLET_CUSTOMERS, OUTLET_ORDERS = 50, 90
ZONE = ZoneInfo("Australia/Melbourne")
SPOILED = "LAST_UPDATED", "31/02/2026"
"""A column, and what stands there in one row of the first customers file: a day that is on no calendar."""

REFUSED = {
    "FIRSTNAME": "Zoë",
    "SURNAME": "Müller",
    "EMAIL": "zoë.müller@customer.example",
    "PRIVACY": "No",
    "EMAIL_OPT_IN": "Yes",
    "SMS_OPT_IN": "",
}
"""A customer whose address is one by RFC 6531, so that the till takes it, and none to Klaviyo."""

NEWCOMER = {
    "PERIDX": "90001",
    "PERSON_CODE": "NGUYENAV01",
    "FIRSTNAME": "Ava",
    "SURNAME": "Nguyen",
    "EMAIL": "ava.nguyen@customer.example",
    "MOBILE": "0491 570 156",
    "PRIVACY": "No",
    "EMAIL_OPT_IN": "Yes",
    "SMS_OPT_IN": "",
}
"""Who signs up at a till while the demo runs, as Apparel21 exports her the next night."""

COATS, COAT_CENTS = 3, 129_000
"""What she buys: enough for the tier of the loyalty program."""

Row = dict[str, str]


class Exports(NamedTuple):
    """The files of the shop and of its outlet, in the batches in which they land."""

    people: list[Path]
    history: list[Path]
    second: list[Path]
    purchase: list[Path]
    stranger: list[Path]
    outlet: list[Path]


def make(folder: Path, now: datetime) -> Exports:
    """Write everything below `folder`; the first batch is two days old, the second one, the others are of `now`."""
    before = (now.astimezone(UTC) - timedelta(days=2)).date()
    plan = Plan(customers=CUSTOMERS, orders=ORDERS, dirty=0, last_day=before)
    later = replace(plan, edition=1)
    stamps = [f"{datetime.combine(before + timedelta(days=days), time(20), UTC):%Y%m%dT%H%M%SZ}" for days in (0, 1)]
    first, second, last, outlet = (folder / name for name in ("first", "second", "last", "outlet"))
    for batch in (first, second, last, outlet):
        batch.mkdir(parents=True)
    people = [write_customers(first / f"customers_{stamps[0]}.csv", plan).file]
    people.append(write_customers(second / f"customers_{stamps[1]}.csv", later).file)
    sales = _in_two(
        write_orders(folder / "orders.csv", plan).file,
        [b / f"orders_{s}.csv" for b, s in zip((first, second), stamps, strict=True)],
    )
    bought = _bought(plan)
    _spoil(people[0], plan, bought)
    return Exports(
        [people[0]],
        [sales[0]],
        [people[1], sales[1]],
        _purchase(last, plan, now, rows(sales[0])[0]),
        [_customers(last, plan, now + timedelta(seconds=1), CUSTOMERS + 1, REFUSED)],
        _outlet(outlet, before, stamps[0]),
    )


def _customers(folder: Path, plan: Plan, now: datetime, number: int, person: Mapping[str, str]) -> Path:
    """A file of one customer, changed just now."""
    row = {**customer(plan, number), **person, "LAST_UPDATED": f"{now.astimezone(ZONE):%Y-%m-%dT%H:%M:%S}"}
    return _write(folder / f"customers_{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.csv", CUSTOMER_COLUMNS, [row])


def _purchase(folder: Path, plan: Plan, now: datetime, like: Row) -> list[Path]:
    """The newcomer and her sale; `like` is the row of any other sale."""
    total, tax = COATS * COAT_CENTS, COATS * COAT_CENTS // 11
    sale = {
        **like,
        "TRAN_IDX": "990001",
        "TRAN_NUMBER": "D11399000001",
        "ORDER_NUMBER": "",
        "TRAN_TYPE": "Sale",
        "SALE_DATETIME": f"{now.astimezone(ZONE):%Y-%m-%dT%H:%M:%S}",
        "PERIDX": NEWCOMER["PERIDX"],
        "EMAIL": NEWCOMER["EMAIL"],
        "ORDER_TOTAL": f"{total / 100:.2f}",
        "ORDER_DISCOUNT": "0.00",
        "ORDER_TAX": f"{tax / 100:.2f}",
        "LINE_SEQ": "1",
        "STYLE_CODE": "CO9100",
        "STYLE_NAME": "Shearling coat",
        "COLOUR_CODE": "CAM",
        "COLOUR_NAME": "Camel",
        "SIZE_CODE": "12",
        "SKUIDX": "31400",
        "BARCODE": "9300000031400",
        "PRODUCT_REF": "Coats",
        "QTY": str(COATS),
        "UNIT_PRICE": f"{COAT_CENTS / 100:.2f}",
        "LINE_DISCOUNT": "0.00",
        "DISCOUNT_REASON": "",
        "LINE_VALUE": f"{total / 100:.2f}",
    }
    sales = _write(folder / f"orders_{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.csv", like, [sale])
    return [_customers(folder, plan, now, CUSTOMERS, NEWCOMER), sales]


def _outlet(folder: Path, before: date, stamp: str) -> list[Path]:
    """The files of the shop's other brand, which has customers of its own."""
    plan = Plan(customers=OUTLET_CUSTOMERS, orders=OUTLET_ORDERS, dirty=0, last_day=before, seed=2)
    people = write_customers(folder / f"customers_{stamp}.csv", plan).file
    return [people, write_orders(folder / f"orders_{stamp}.csv", plan).file]


def land(files: Iterable[Path], folder: Path) -> None:
    """Let files arrive as an uploader should: under a name that nobody reads, then under their own."""
    for file in files:
        part = folder / f"{file.name}.part"
        shutil.copyfile(file, part)
        part.rename(folder / file.name)


def rows(file: Path) -> list[Row]:
    """The rows of a file by column."""
    with file.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def _write(file: Path, columns: Iterable[str], lines: Iterable[Row]) -> Path:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    return file


def _in_two(whole: Path, halves: list[Path]) -> list[Path]:
    """The oldest orders in one file, the others in another."""
    lines = rows(whole)
    cut = sorted({int(line["TRAN_IDX"]) for line in lines})[FIRST_ORDERS]
    older = [line for line in lines if int(line["TRAN_IDX"]) < cut]
    return [_write(halves[0], lines[0], older), _write(halves[1], lines[0], lines[len(older) :])]


def _bought(plan: Plan) -> Mapping[int, list[int]]:
    """Which orders each customer made, by their numbers."""
    found: defaultdict[int, list[int]] = defaultdict(list)
    for made in orders(plan):
        if made.buyer is not None:
            found[made.buyer].append(made.number)
    return found


def _spoil(file: Path, plan: Plan, bought: Mapping[int, list[int]]) -> None:
    """Spoil the row of somebody in the middle who never bought and refused nothing: nothing else hangs on it."""
    column, value = SPOILED
    lines = rows(file)
    lines[
        next(number for number in range(CUSTOMERS // 2, CUSTOMERS) if number not in bought and _willing(plan, number))
    ][column] = value
    _write(file, lines[0], lines)


def _willing(plan: Plan, number: int) -> bool:
    row = customer(plan, number)
    return row["EMAIL_OPT_IN"] == "Yes" and row["PRIVACY"] == "No"
