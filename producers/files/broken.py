"""Say what a broken record is and how far it goes: a quote that is never closed must not take whole rows with it."""

import csv
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from producers.files.lines import Lines

CELL_LIMIT = 65_536
"""A cell of more characters is rejected as `too_long`."""
MOST_LINES = 20
"""A row that goes over more lines is not recognised inside a broken record."""


class Broken(NamedTuple):
    """Its cells as far as they can be told (too long ones are cut), what is wrong, and a sentence that says where."""

    cells: list[str]
    rule: str
    detail: str


def broken(lines: Lines, line: int, delimiter: str, width: int, message: str) -> Broken:
    """What the strict parser gave up on with `message`, from `line` on; the lines go on where it ends.

    `width` is the number of the header's cells: lines that make a row of so many are no part of a broken record, though
    the parser ran over them.
    """
    kept = lines.kept[:]
    end = _next_row(kept, delimiter, width, message) if lines.all_kept else None
    cells = _lenient(kept[:end], delimiter)
    opened = _opened(kept[:end], delimiter)
    quote = f"the quote opened in line {line + (opened or 0)}"
    if end is not None:
        lines.go_back(len(kept) - end)
        return Broken(cells, "quote", f"{quote} is not closed; reading goes on in line {lines.number + 1}")
    if message.startswith("unexpected end"):
        return Broken(cells, "quote", f"{quote} is never closed; the file ends in line {lines.number}")
    if not message.startswith("field larger"):
        return Broken(cells, "quote", "text after a closing quote")
    if opened is None or _closed(lines, delimiter, width):
        return Broken(cells, "too_long", f"a cell has more than {CELL_LIMIT} characters")
    return Broken(cells, "quote", f"{quote} is not closed within {CELL_LIMIT} characters, up to line {lines.number}")


def _next_row(kept: Sequence[str], delimiter: str, width: int, message: str) -> int | None:
    """Before which line, behind the first, a row begins: a whole one, or in the last line one that goes on."""
    for place in range(1, len(kept)):
        if _is_row(kept[place : place + MOST_LINES], delimiter, width):
            return place
    seems_closed = len(kept) > 1 and "expected after" in message  # by a quote that may as well open a cell
    return len(kept) - 1 if seems_closed and _opened(kept[-1:], delimiter) is not None else None


def _is_row(lines: Sequence[str], delimiter: str, width: int) -> bool:
    """Do the lines begin with a row as wide as the header? An odd number of quotes tells the tail of a quoted cell."""
    parser = csv.reader(iter(lines), delimiter=delimiter, strict=True)
    try:
        cells = next(parser, [])
    except csv.Error:
        return False
    return len(cells) == width > 0 and "".join(lines[: parser.line_num]).count('"') % 2 == 0


def _opened(kept: Sequence[str], delimiter: str) -> int | None:
    """Behind how many of the lines the quote opens that is still open at their end; None = none is."""
    text, place = "".join(kept), 0
    while place < len(text):
        if text[place] == '"':
            start, place = place, _closing(text, place + 1)
            if place < 0:
                return bisect_right(list(accumulate(map(len, kept))), start)
        comma = text.find(delimiter, place)
        place = comma + 1 if comma >= 0 else len(text)
    return None


def _closing(text: str, place: int) -> int:
    """Behind the quote that closes a cell; -1 where there is none. A quote that stands twice is a letter."""
    while (place := text.find('"', place) + 1) > 0:
        if text[place : place + 1] != '"':
            return place
        place += 1
    return -1


def _closed(lines: Lines, delimiter: str, width: int) -> bool:
    """Pass over the rest of an endless quoted cell, line by line: is it closed before a whole row or the file's end?"""
    for line in lines:
        if _is_row([line], delimiter, width):
            lines.go_back(1)
            return False
        lines.begin()
        if line.count('"') % 2:
            return True
    return False


def _lenient(kept: Sequence[str], delimiter: str) -> list[str]:
    """The cells of a broken record as far as they can be told; a cell that is too long is cut."""
    try:
        return next(csv.reader(iter(kept), delimiter=delimiter), [])
    except csv.Error:
        return [cell[:CELL_LIMIT] for cell in "".join(kept)[: 16 * CELL_LIMIT].split(delimiter)]
