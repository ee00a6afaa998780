"""Write the CSV files of large shops quickly: every row is believable, and none is dirty."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from sandbox.shop.people import CUSTOMER_COLUMNS
from sandbox.shop.tills import ORDER_COLUMNS

_STORES = "4983,DONCASTER,4983,DONCASTER,113,OptIn,20411,Yes,CLUB,Club Member,2027-03-31,Yes,Yes,Yes"
_STORE = "4983,DONCASTER,113,Doncaster,KS01,Kim Staff"
_GOODS = (
    '1,DR2041,"Dress, linen wrap",SAGE,Sage,10,28916,9300000000017,Dresses,1,149.95,15.00,134.95,10,Autumn 10%,,',
    "2,SC0007,Men's silk scarf,NAVY,Navy,-,28990,9300000000024,Accessories,1,59.95,0.00,59.95,10,,,",
)


def customers(file: Path, rows: int, first: int = 0) -> Path:
    """A customers file of so many rows."""
    return _write(file, CUSTOMER_COLUMNS, (_customer(number) for number in range(first, first + rows)))


def orders(file: Path, rows: int, buyers: int) -> Path:
    """An orders file of so many lines, two an order; the buyers are customers of `customers`."""
    return _write(file, ORDER_COLUMNS, (_line(number // 2, number % 2, buyers) for number in range(rows)))


def _customer(n: int) -> str:
    person = f"{n + 1},OCONPR{n % 100:02d},Priya,O'Connor"
    home = f'"Level 2, {n} Bourke St",,Melbourne,VIC,3000,AUSTRALIA'
    reach = f"04{10_000_000 + n % 80_000_000} ,Priya.{n}@customer.example,19{50 + n % 49}-02-14,No,No"
    times = f"2026-03-01T16:{n % 60:02d}:11,2023-11-20T10:12:00"
    return f"{person},{home},{reach},{times},{_STORES}\n"


def _line(order: int, place: int, buyers: int) -> str:
    buyer = order * 7919 % buyers
    sale = f"{900_000 + order},D113{order:08d},,Sale,2026-03-01T{9 + order % 9:02d}:{order % 60:02d}:05"
    return f"{sale},{_STORE},{buyer + 1},Priya.{buyer}@customer.example,AUD,194.90,15.00,17.72,{_GOODS[place]}\n"


def _write(file: Path, header: Iterable[str], lines: Iterable[str]) -> Path:
    """To a name that readers ignore, and under its own once it is whole."""
    part = file.with_name(f"{file.name}.part")
    file.parent.mkdir(parents=True, exist_ok=True)
    rest = iter(lines)
    with part.open("w", encoding="utf-8", newline="") as stream:
        stream.write(f"{','.join(header)}\n")
        while batch := "".join(_some(rest)):
            stream.write(batch)
    return part.rename(file)


def _some(lines: Iterator[str]) -> Iterator[str]:
    return islice(lines, 10_000)
