"""The files that the demo's shop exports: its generator's, with one cell spoiled and one customer written by hand."""

from __future__ import annotations

import csv
import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

from sandbox.shop.files import orders, write_customers, write_orders
from sandbox.shop.people import CUSTOMER_COLUMNS, customer
from sandbox.shop.plan import Plan

CUSTOMERS, ORDERS, FIRST_ORDERS = 600, 1900, 1500
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

Row = dict[str, str]


class Exports(NamedTuple):
    """Three batches of files, as they will land, and the address of somebody who is in the first two of them."""

    first: list[Path]
    second: list[Path]
    third: list[Path]
    regular: str


def make(folder: Path, now: datetime) -> Exports:
    """Write everything below `folder`; the first batch is two days old, the second one, the third is of `now`."""
    before = (now.astimezone(UTC) - timedelta(days=2)).date()
    plan = Plan(customers=CUSTOMERS, orders=ORDERS, dirty=0, last_day=before)
    later = replace(plan, edition=1)
    stamps = [f"{datetime.combine(before + timedelta(days=days), time(20), UTC):%Y%m%dT%H%M%SZ}" for days in (0, 1)]
    first, second, third = (folder / name for name in ("first", "second", "third"))
    for batch in (first, second, third):
        batch.mkdir(parents=True)
    people = [write_customers(first / f"customers_{stamps[0]}.csv", plan).file]
    people.append(write_customers(second / f"customers_{stamps[1]}.csv", later).file)
    sales = _in_two(
        write_orders(folder / "orders.csv", plan).file,
        [b / f"orders_{s}.csv" for b, s in zip((first, second), stamps, strict=True)],
    )
    bought = _bought(plan)
    _spoil(people[0], plan, bought)
    newcomer = third / f"customers_{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.csv"
    stranger = {**customer(plan, CUSTOMERS), **REFUSED, "LAST_UPDATED": f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"}
    _write(newcomer, CUSTOMER_COLUMNS, [stranger])
    return Exports([people[0], sales[0]], [people[1], sales[1]], [newcomer], _regular(plan, later, bought))


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


def _regular(plan: Plan, later: Plan, bought: Mapping[int, list[int]]) -> str:
    """Somebody with a sale in both batches, two or three in all, who changed their mind in between."""
    for number, dockets in sorted(bought.items()):
        row = customer(plan, number)
        plain = row["EMAIL"].islower() and "@" in row["EMAIL"] and row["EMAIL"] == row["EMAIL"].strip()
        if (
            plain
            and len(dockets) in (2, 3)
            and dockets[0] < FIRST_ORDERS <= dockets[-1]
            and row != customer(later, number)
        ):
            return row["EMAIL"]
    raise LookupError("no customer of this shop is in both batches")
