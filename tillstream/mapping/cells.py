"""From the text of a cell to a typed value: the transforms that tables of files name under `via`.

Each maker is given what the file's connection says (`Context`) and the column, and makes a function from a cell's text
to its value: None for an empty cell, `Unreadable` for a text that is not what the column promises.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tillstream.mapping import amounts, dates, emails, phones
from tillstream.mapping.unreadable import Unreadable

__all__ = ["CELLS", "Context", "Unreadable", "bind"]


def _today() -> date:
    """Today's date in the zone furthest ahead: somebody born today is never from the future."""
    return datetime.now(ZoneInfo("Pacific/Kiritimati")).date()


@dataclass(frozen=True, slots=True)
class Context:
    """How the cells of a row are read.

    `country` is an ISO code (of the row, else of the connection), `zone` an IANA name, `formats` the date formats of
    columns that have their own, `placeholders` what stands for no e-mail address (ending in @: a local part).
    """

    country: str
    zone: str
    formats: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    placeholders: frozenset[str] = emails.PLACEHOLDERS
    today: Callable[[], date] = _today


Cell = Callable[[str], Any]
Maker = Callable[[Context, str], Cell]

CELLS: dict[str, Maker] = {}

_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")  # not a spreadsheet's 9.13748E+05
_DASHES = frozenset({"-", "n/a", "null"})
_YES_NO = dict.fromkeys(("yes", "y", "true", "1", "t"), True) | dict.fromkeys(("no", "n", "false", "0", "f"), False)
_ANSWERS = {form: said for word, said in _YES_NO.items() for form in (word, word.upper(), word.title())}


def _cell(maker: Maker) -> Maker:
    CELLS[maker.__name__] = maker
    return maker


def bind(via: str, context: Context, column: str) -> Cell:
    """The function that reads one column's cells; a row without `via` is read as text."""
    return CELLS[via or "text"](context, column)


def _filled(read: Callable[[str], Any]) -> Cell:
    """A cell's function that leaves empty cells alone."""
    return lambda cell: read(bare) if (bare := cell.strip()) else None


@_cell
def text(_context: Context, _column: str) -> Cell:
    """The text, blanks around it removed.

    >>> bind("text", Context("AU", "Australia/Melbourne"), "SURNAME")(" Null ")
    'Null'
    """
    return lambda cell: cell.strip() or None


@_cell
def id(_context: Context, _column: str) -> Cell:  # noqa: A001 - the word that tables use
    """An id: letters, digits, dots, dashes and underscores, at most 64; leading zeros are kept.

    >>> bind("id", Context("AU", "Australia/Melbourne"), "PERIDX")(" 073152 ")
    '073152'
    """
    return _filled(_identifier)


def _identifier(bare: str) -> str:
    if not _ID.fullmatch(bare):
        raise Unreadable("id")
    return bare


@_cell
def dash(_context: Context, _column: str) -> Cell:
    """Text in which a dash, N/A or NULL stands for nothing.

    >>> bind("dash", Context("AU", "Australia/Melbourne"), "SIZE_CODE")("-") is None
    True
    """
    return _filled(lambda bare: None if len(bare) < 5 and bare.lower() in _DASHES else bare)


@_cell
def date_only(context: Context, column: str) -> Cell:
    """A date; a time after it is left out.

    >>> bind("date", Context("AU", "Australia/Melbourne"), "REWARD_EXPIRY")("30/04/2025")
    datetime.date(2025, 4, 30)
    """
    return _filled(dates.days(tuple(context.formats.get(column, ()))))


CELLS["date"] = CELLS.pop("date_only")  # the function cannot have the name of the type it returns


@_cell
def birthday(context: Context, column: str) -> Cell:
    """A date of birth from 1900 to today; 01/01/1900 stands for none.

    >>> bind("birthday", Context("AU", "Australia/Melbourne"), "DOB")("14/07/1988")
    datetime.date(1988, 7, 14)
    """
    day = dates.days(tuple(context.formats.get(column, ())))
    return _filled(lambda bare: dates.birth(day(bare), context.today))


@_cell
def instant(context: Context, column: str) -> Cell:
    """A date and time, local to the store unless it says its own offset; a date alone is its midnight.

    >>> str(bind("instant", Context("AU", "Australia/Melbourne"), "LAST_UPDATED")("1/04/2025 4:05:11 PM"))
    '2025-04-01 05:05:11+00:00'
    """
    accepted, zone = dates.patterns(tuple(context.formats.get(column, ()))), ZoneInfo(context.zone)
    return _filled(lambda bare: dates.in_utc(dates.moment(bare, accepted), zone))


@_cell
def money(_context: Context, _column: str) -> Cell:
    """An amount, rounded half-up to cents; the sign may stand anywhere, or brackets.

    >>> str(bind("money", Context("AU", "Australia/Melbourne"), "LINE_VALUE")("($1,059.95)"))
    '-1059.95'
    """

    return _filled(amounts.money)


@_cell
def whole(_context: Context, _column: str) -> Cell:
    """A whole number of pieces or points.

    >>> bind("whole", Context("AU", "Australia/Melbourne"), "QTY")("-1")
    -1
    """

    return _filled(amounts.whole)


@_cell
def percent(_context: Context, _column: str) -> Cell:
    """A rate in percent, with or without the sign.

    >>> str(bind("percent", Context("AU", "Australia/Melbourne"), "TAX_PERCENT")("10%"))
    '10.00'
    """

    return _filled(amounts.percent)


@_cell
def yes_no(_context: Context, _column: str) -> Cell:
    """Yes, Y, True, 1 and T, or No, N, False, 0 and F; blank says nothing.

    >>> [bind("yes_no", Context("AU", "Australia/Melbourne"), "PRIVACY")(cell) for cell in ("Yes", "f", "")]
    [True, False, None]
    """
    return _answer


@_cell
def yes_or_no(_context: Context, _column: str) -> Cell:
    """Yes or no, where blank means no.

    >>> bind("yes_or_no", Context("AU", "Australia/Melbourne"), "RETAIL_REP")("")
    False
    """
    return lambda cell: bool(_answer(cell))


def _answer(cell: str) -> bool | None:
    said = _ANSWERS.get(cell)
    if said is not None:
        return said
    bare = cell.strip()
    if bare and (said := _YES_NO.get(bare.lower())) is None:
        raise Unreadable("yes_no")
    return said


@_cell
def email(context: Context, _column: str) -> Cell:
    """An e-mail address, lowercased; what people write where there is none is none.

    >>> bind("email", Context("AU", "Australia/Melbourne"), "EMAIL")("ZOE@CUSTOMER.EXAMPLE ")
    'zoe@customer.example'
    """
    placeholders = context.placeholders
    return lambda cell: emails.email(cell, placeholders) if cell else None


@_cell
def mobile(context: Context, _column: str) -> Cell:
    """A number that can take an SMS, as E.164, by the country of the row.

    >>> bind("mobile", Context("AU", "Australia/Melbourne"), "MOBILE")("0491 570 006")
    '+61491570006'
    """
    return _filled(lambda bare: phones.mobile(bare, context.country))
