"""Make one record of the rows that share a key: an order of its lines, a rewards account of its open rewards."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any, NamedTuple

from producers.files.records import Raw
from producers.files.values import Note

Json = dict[str, Any]

_CENT = Decimal("0.01")
_NOTHING = Decimal()


class Taken(NamedTuple):
    """One row of a group: what it says of the whole, what it adds to the list (None = nothing), and what was odd."""

    raw: Raw
    head: Json
    item: Json | None
    notes: tuple[Note, ...]


class Assembled(NamedTuple):
    """One record, the rows it was made of in the order of the file, and how many of them said the same again."""

    values: Json
    rows: Sequence[Taken]
    notes: tuple[Note, ...]
    duplicates: int


Assemble = Callable[[Sequence[Taken], bool], Iterator[Assembled]]
"""From the good rows of a group, and whether others of it were rejected, to its records."""


def order(rows: Sequence[Taken], _gaps: bool) -> Iterator[Assembled]:
    """The transaction with its lines: a refund if none of them is positive."""
    values, lines, duplicates = _gather(rows, "lines", "line_seq")
    returned = [line for line in lines if not _positive(line)]
    values["kind"] = "sale" if len(returned) < len(lines) else "refund"
    named = {key: line for line in returned if (key := _original_key(line))}
    values["original"] = _original(*named.values()) if len(named) == 1 else None
    yield Assembled(values, rows, (*_differences(rows), *_totals(values, rows[0].raw.line)), duplicates)


def refund(rows: Sequence[Taken], _gaps: bool) -> Iterator[Assembled]:
    """What one transaction gave back, a record for each sale that goods came back from."""

    def sold_in(row: Taken) -> str:
        return _original_key(row.item or {})

    parts = [list(part) for _, part in groupby(sorted(rows, key=sold_in), key=sold_in)]
    for part in parts:
        values, lines, duplicates = _gather(part, "lines", "line_seq")
        values["kind"] = "refund"
        values["original"] = _original(lines[0]) if sold_in(part[0]) else None
        odd = _totals(values, part[0].raw.line) if len(parts) == 1 else ()
        yield Assembled(values, part, (*_differences(part), *odd), duplicates)


def account(rows: Sequence[Taken], gaps: bool) -> Iterator[Assembled]:
    """The account with its open rewards; not complete when one of its rows or cells could not be read."""
    values, _, duplicates = _gather(rows, "rewards", "reward_id")
    values["complete"] = not gaps and not any(row.notes for row in rows)
    yield Assembled(values, rows, _differences(rows), duplicates)


def _gather(rows: Sequence[Taken], items: str, name: str) -> tuple[Json, list[Json], int]:
    """The first row's head with the items of all rows; of items with the same name the last one in the file counts.

    Items stand in the order of their names, so that the same lines in another order are the same record.
    """
    found = [row.item for row in rows if row.item is not None]
    last = {item[name]: place for place, item in enumerate(found) if item[name]}
    kept = [item for place, item in enumerate(found) if last.get(item[name], place) == place]
    if len(kept) > 1:
        kept.sort(key=lambda item: (len(item[name]), item[name]))
    return {**rows[0].head, items: kept}, kept, len(found) - len(kept)


def _positive(line: Json) -> bool:
    return bool(line["line_value"] > 0 or (line["line_value"] == 0 and line["qty"] > 0))


def _original_key(line: Json) -> str:
    return str(line.get("orig_tran_number") or line.get("orig_tran_idx") or "")


def _original(line: Json) -> Json:
    """The sale as the file names it; where it was published is the producers' memory to add."""
    return {
        "tran_idx": line["orig_tran_idx"],
        "tran_number": line["orig_tran_number"],
        "key": "",
        "loyalty": None,
    }


def _differences(rows: Sequence[Taken]) -> tuple[Note, ...]:
    """Columns that should be the same in all rows of a record and are not; the first row counts."""
    first = rows[0].head
    return tuple(
        Note(row.raw.line, field.upper(), str(value), "differs")
        for row in rows
        if row.head is not first
        for field, value in row.head.items()
        if value != first[field]
    )


def _totals(values: Json, line: int) -> tuple[Note, ...]:
    """The header's totals that the lines do not add up to: they are redundant, the lines decide."""
    lines: list[Json] = values["lines"]
    total = sum([item["line_value"] for item in lines], _NOTHING)
    discount = _sum([item["line_discount"] for item in lines])
    tax = _sum([_tax(item["line_value"], item["tax_percent"]) for item in lines])
    cents = _CENT * (len(lines) + 1)  # each line's tax may have been rounded, and so may their sum
    checks = (
        ("order_total", total, 0),
        ("refund_total", -total, 0),
        ("order_discount", discount, 0),
        ("order_tax", tax, cents),
    )
    found = []
    for field, amount, slack in checks:
        said = values[field]
        if said is not None and amount is not None and said != amount and abs(said - amount) > slack:
            found.append(Note(line, field.upper(), f"{said} is not {amount.quantize(_CENT)}", "total"))
    return tuple(found)


def _sum(amounts: Sequence[Decimal | None]) -> Decimal | None:
    """The sum, if every line says its part of it."""
    said = [amount for amount in amounts if amount is not None]
    return sum(said, _NOTHING) if len(said) == len(amounts) else None


def _tax(value: Decimal, percent: Decimal | None) -> Decimal | None:
    """The tax that a price including it holds; None where the rate is not said."""
    return None if percent is None else value * percent / (100 + percent)
