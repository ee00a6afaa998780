"""Read a file's first line: what separates the cells, which columns are ours, and why a file is refused."""

import csv
import re
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from producers.files.values import Refused

DELIMITERS = ",;\t|"
ORIGIN_COLUMNS = ("REJECT_FILE", "REJECT_LINE", "REJECT_COLUMN", "REJECT_RULE")
"""Columns that our own files of rejected rows carry; they are no data of the merchant's."""

_BLANKS = re.compile(r"\s+")
_PIN = re.compile(r"(^|[^A-Z])PIN([^A-Z]|$)|PIN$|^PIN(NO|NUM|NUMBER|CODE)")


class Header(NamedTuple):
    """What each place of a row holds.

    `names` are the columns as written; `places` our column name -> index; `ignored` the columns nobody asked for;
    `dropped` those that look like a PIN and are never read.
    """

    names: tuple[str, ...]
    places: Mapping[str, int]
    ignored: tuple[str, ...]
    dropped: tuple[str, ...]


class Wanted(NamedTuple):
    """What a kind of file may hold: our columns, the groups of which one must be there, and the merchant's names."""

    columns: Collection[str]
    mandatory: Sequence[tuple[str, ...]]
    aliases: Mapping[str, str]


def delimiter_of(line: str, wanted: Wanted) -> str:
    """The separator under which the first line names most of our columns; comma when none does better.

    >>> delimiter_of("PERIDX;EMAIL,X;PRIVACY", Wanted(("PERIDX", "EMAIL", "PRIVACY"), (), {}))
    ';'
    """

    def named(delimiter: str) -> int:
        cells = next(csv.reader([line], delimiter=delimiter), [])
        return sum(_ours(cell, wanted) is not None for cell in cells)

    return max(DELIMITERS, key=named)


def read_header(cells: Sequence[str], wanted: Wanted) -> Header:
    """Find our columns in the first line.

    Raises Refused, with every problem at once, for a name that stands there twice and for a missing mandatory column.
    """
    names = tuple(cell.strip() for cell in cells)
    places: dict[str, int] = {}
    problems: list[str] = []
    ignored: list[str] = []
    dropped: list[str] = []
    unknown: set[str] = set()
    for place, name in enumerate(names):
        ours = _ours(name, wanted)
        plain = ours or fold(name)
        if not plain:
            continue
        if plain in places or plain in unknown:
            problems.append(f"the column {name} is there twice")
        elif is_pin(name):
            dropped.append(name)
            unknown.add(plain)
        elif ours is None:
            ignored.append(name)
            unknown.add(plain)
        else:
            places[ours] = place
    if len(names) == 1 and not places:
        raise Refused(("the first line is one cell: commas, semicolons, tabs or pipes go between the columns",))
    problems += _missing(places, names, wanted)
    if problems:
        raise Refused(tuple(problems))
    return Header(names, places, tuple(ignored), tuple(dropped))


def is_pin(name: str) -> bool:
    """Whether a column is named like the PIN of a voucher, which must never be read.

    >>> [is_pin(name) for name in ("PIN", "Voucher Pin", "CARD_PIN_CODE", "SHIPPING", "PINK")]
    [True, True, True, False, False]
    """
    return _PIN.search(name.strip().upper()) is not None


def fold(name: str) -> str:
    """A column name without what does not matter: case and blanks around it; a blank inside is an underscore.

    >>> fold(" Last updated ")
    'LAST_UPDATED'
    """
    return _BLANKS.sub("_", name.strip().upper())


def _ours(name: str, wanted: Wanted) -> str | None:
    """Our name of a column: the merchant's own naming first, then ours; `Sur name` is SURNAME, too; None = unknown."""
    folded = fold(name)
    for candidate in (folded, folded.replace("_", "")) if _BLANKS.search(name.strip()) else (folded,):
        if candidate in wanted.aliases:
            return wanted.aliases[candidate]
        if candidate in wanted.columns or candidate in ORIGIN_COLUMNS:
            return candidate
    return None


def _missing(places: Mapping[str, int], names: Sequence[str], wanted: Wanted) -> list[str]:
    spare = {fold(name): name for name in names if _ours(name, wanted) is None}
    problems = []
    for choice in wanted.mandatory:
        if not any(column in places for column in choice):
            near = [spare[n] for column in choice for n in get_close_matches(column, spare, n=1, cutoff=0.6)]
            hint = f"; the nearest name in the file is {near[0]}" if near else ""
            problems.append(f"the column {' or '.join(choice)} is missing{hint}")
    return problems
