"""Cut lines into records of cells, and decide per record what its letters are written in."""

import csv
from collections.abc import Callable, Iterator
from typing import NamedTuple

from producers.files.broken import CELL_LIMIT, broken
from producers.files.lines import Lines


class Raw(NamedTuple):
    """One record as it stands in the file.

    `line` and `last_line` are the physical lines it covers, `cells` its cells before decoding. `encoding` is what they
    are written in, "" where that does not matter because all is ASCII. `rule` says what makes the record unreadable (""
    = nothing), `detail` where exactly.
    """

    line: int
    last_line: int
    cells: list[str]
    encoding: str = ""
    rule: str = ""
    detail: str = ""


def records(lines: Lines, delimiter: str, forced: str | None) -> Iterator[Raw]:
    """Every record that is not a blank line, broken ones included; `forced` is the only encoding tried, if given.

    Strict means: text after a closing quote and a quote that is never closed are errors, a quote inside a bare cell is
    text. After an error parsing goes on with the next physical line, or before it where a row as wide as the first
    record (the header) begins among the lines of the broken one.
    """
    csv.field_size_limit(CELL_LIMIT)
    parser, width = csv.reader(iter(lines), delimiter=delimiter, strict=True), 0
    while True:
        lines.begin()
        before = lines.number
        try:
            cells = next(parser)
        except StopIteration:
            return
        except csv.Error as error:
            found = broken(lines, before + 1, delimiter, width, str(error))
            yield Raw(before + 1, lines.number, found.cells, "utf-16" if lines.wide else "", found.rule, found.detail)
            parser = csv.reader(iter(lines), delimiter=delimiter, strict=True)
            continue
        width = width or len(cells)
        if not lines.plain:
            yield Raw(before + 1, lines.number, cells, *_judge(lines, forced))
        elif len(cells) > 1 or (cells and not cells[0].isspace()):
            yield Raw(before + 1, lines.number, cells)


def letters(raw: Raw) -> list[str]:
    """The cells of a record without a rule against it, decoded."""
    if raw.encoding in {"", "utf-16"}:
        return raw.cells
    return [cell if cell.isascii() else cell.encode("latin-1").decode(raw.encoding) for cell in raw.cells]


def original(raw: Raw) -> tuple[str, ...]:
    """The cells as text that `encode("utf-8", "surrogateescape")` turns into the bytes of the file.

    Those of a UTF-16 file become UTF-8.
    """
    if raw.encoding == "utf-16" or not (raw.encoding or raw.rule):
        return tuple(raw.cells)
    return tuple([c if c.isascii() else c.encode("latin-1").decode("utf-8", "surrogateescape") for c in raw.cells])


def culprit(raw: Raw) -> int | None:
    """The place of the cell that makes a record unreadable; None where it is not the fault of one cell."""
    guilty = _GUILTY.get(raw.rule)
    return next((place for place, cell in enumerate(raw.cells) if guilty(cell)), None) if guilty else None


def _means_nothing(cell: str) -> bool:
    """Is this neither UTF-8 nor Windows-1252? (In a UTF-16 file: is half a letter missing?)"""
    octets = cell.encode("latin-1", "replace")
    return "�" in cell or not any(_decodes(octets, encoding) for encoding in ("utf-8", "windows-1252"))


def _decodes(octets: bytes, encoding: str) -> bool:
    try:
        octets.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


_GUILTY: dict[str, Callable[[str], bool]] = {
    "nul": lambda cell: "\0" in cell,
    "encoding": _means_nothing,
    "too_long": lambda cell: len(cell) >= CELL_LIMIT,
}


def _judge(lines: Lines, forced: str | None) -> tuple[str, str, str]:
    """Encoding, rule and detail of a record with more than ASCII in it.

    UTF-8, else Windows-1252, for the whole record: one stray byte must not garble the file around it.
    """
    text, start = "".join(lines.kept), lines.began
    wide = "utf-16" if lines.wide else ""
    if "\0" in text:
        return wide, "nul", _place(lines, start + text.index("\0"))
    if lines.wide:
        bad = text.find("�")  # what the decoder puts where half a letter is missing
        return wide, "encoding" if bad >= 0 else "", _place(lines, start + bad) if bad >= 0 else ""
    octets, bad = text.encode("latin-1"), 0
    for encoding in (forced,) if forced else ("utf-8", "windows-1252"):
        try:
            octets.decode(encoding)
        except UnicodeDecodeError as error:
            bad = error.start
        else:
            return encoding, "", ""
    return "", "encoding", f"0x{octets[bad]:02X}, " + _place(lines, start + bad)


def _place(lines: Lines, characters: int) -> str:
    return f"byte {lines.byte_offset(characters)} of the file, counted from 0"
