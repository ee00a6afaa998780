"""Dates and times as exports write them: ISO 8601 first, then the formats of the column, never month-first."""

import re
from collections.abc import Callable, Sequence
from datetime import MAXYEAR, UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from tillstream.mapping.unreadable import Unreadable

DEFAULT_FORMATS = ("DD/MM/YYYY", "D/MM/YYYY h:mm:ss AM/PM")
FIRST_YEAR = 1900  # 01/01/1900 and the year 1 are what systems write for "no date"
Patterns = tuple[re.Pattern[str], ...]

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_HOUR, _MINUTE, _SECOND = r"(?P<hour>\d{1,2})", r"(?P<minute>\d{2})", r"(?P<second>\d{2})"
_HALF = r"(?P<half>[ap]\.?m\.?)"
_TOKENS = {
    "YYYY": r"(?P<year>\d{4})", "MMM": r"(?P<month>[a-z]{3})", "MM": r"(?P<month>\d{1,2})", "M": r"(?P<month>\d{1,2})",
    "DD": r"(?P<day>\d{1,2})", "D": r"(?P<day>\d{1,2})", "HH": _HOUR, "H": _HOUR, "hh": _HOUR, "h": _HOUR,
    "mm": _MINUTE, "ss": _SECOND, "AM/PM": _HALF,
}  # fmt: skip
_TOKEN = re.compile("|".join(_TOKENS) + "|.", re.DOTALL)
_TIME = rf"(?:(?:T| +){_HOUR}:{_MINUTE}(?::{_SECOND}(?:[.,](?P<fraction>\d{{1,9}}))?)?(?: *{_HALF})?)?"
_OFFSET = r"(?: *(?P<offset>z|[+-]\d{2}:?\d{2}))?"
_FLAGS = re.ASCII | re.IGNORECASE


def date_format(text: str) -> Patterns | str:
    """What a format such as `D/MM/YYYY h:mm:ss AM/PM` accepts, or a sentence about what is wrong with it.

    A format also accepts the date alone, and a 12- or 24-hour time after it.

    >>> date_format("MM/DD/YYYY")
    '"MM/DD/YYYY" is month-first, which is never read: 4/05 would be guessed'
    """
    tokens = _TOKEN.findall(text)
    names = [token for token in tokens if token in _TOKENS]
    if wrong := "".join(part for part in tokens if part not in _TOKENS and part.isalnum() and part != "T"):
        return f'"{text}" has "{wrong}", which is no part of a format (YYYY MMM MM M DD D HH H hh h mm ss AM/PM)'
    order = [name[0] for name in names if name[0] in "YMD"]
    if sorted(order) != ["D", "M", "Y"]:
        return f'"{text}" needs a four-digit year, a month and a day, once each'
    if order.index("M") < order.index("D") and order[0] != "Y":
        return f'"{text}" is month-first, which is never read: 4/05 would be guessed'
    return _patterns(tokens)


def _patterns(tokens: Sequence[str]) -> Patterns:
    clock = next((n for n, token in enumerate(tokens) if token[0] in "Hh"), len(tokens))
    day = _expression(tokens[:clock] if clock == len(tokens) else _without_gap(tokens[:clock]))
    found = [day + _TIME + _OFFSET]
    if clock < len(tokens):
        found.append(_expression(tokens) + _OFFSET)
    return tuple(re.compile(expression, _FLAGS) for expression in found)


def _without_gap(tokens: Sequence[str]) -> Sequence[str]:
    """The tokens of the date, without what stands between it and the time."""
    while tokens and tokens[-1] not in _TOKENS:
        tokens = tokens[:-1]
    return tokens


def _expression(tokens: Sequence[str]) -> str:
    """The pattern of a format; one digit is enough, except where nothing stands between two numbers."""
    made = "".join(_TOKENS.get(token) or re.escape(token) for token in tokens)
    dense = any(one in _TOKENS and two in _TOKENS and two != "AM/PM" for one, two in pairwise(tokens))
    return made.replace("{1,2}", "{2}") if dense else made


@lru_cache(maxsize=256)
def patterns(formats: tuple[str, ...]) -> Patterns:
    """What a column accepts, in the order of trying; the formats were checked when the table was read."""
    made = [date_format(text) for text in ("YYYY-MM-DD", *(formats or DEFAULT_FORMATS))]
    flat = [pattern for one in made if not isinstance(one, str) for pattern in one]
    return tuple({pattern.pattern: pattern for pattern in flat}.values())


def moment(text: str, accepted: Patterns) -> datetime:
    """The date and time that a text says, with an offset only if it says one; raises `Unreadable("date")`.

    >>> moment("1/04/2025 4:05:11 PM", patterns(()))
    datetime.datetime(2025, 4, 1, 16, 5, 11)
    >>> moment("2025-04-01", patterns(()))
    datetime.datetime(2025, 4, 1, 0, 0)
    """
    if text[4:5] == "-" == text[7:8] and text[10:11] in ("T", " ", ""):
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            found = _by_pattern(text, accepted)
    else:
        found = _by_pattern(text, accepted)
    if found.year < FIRST_YEAR:
        raise Unreadable("date")
    return found


def _by_pattern(text: str, accepted: Patterns) -> datetime:
    for pattern in accepted:
        if match := pattern.fullmatch(text):
            try:
                return _build({name: part or "" for name, part in match.groupdict().items()})
            except ValueError:
                continue
    raise Unreadable("date")


def _build(parts: dict[str, str]) -> datetime:
    """The moment that the parts of a match say; ValueError where there is no such moment."""
    month = parts["month"].lower()
    return datetime(
        int(parts["year"]),
        _MONTHS.index(month) + 1 if month.isalpha() else int(month),
        int(parts["day"]),
        _hour(parts.get("hour") or "0", parts.get("half", "")),
        int(parts.get("minute") or 0),
        int(parts.get("second") or 0),
        int((parts.get("fraction", "") + "000000")[:6]),
        tzinfo=_zone(parts["offset"]),
    )


def _hour(text: str, half: str) -> int:
    hour = int(text)
    if not half:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError(text)
    return hour % 12 + (12 if half[0] in "pP" else 0)


def _zone(offset: str) -> timezone | None:
    if not offset or offset in "zZ":
        return UTC if offset else None
    minutes = int(offset[1:3]) * 60 + int(offset[-2:])
    return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))


def in_utc(local: datetime, zone: ZoneInfo) -> datetime:
    """A moment as UTC: an hour that happens twice is the first, one that is skipped moves on. May raise `Unreadable`:
    the year 9999 stands for "never", and the last hours of it cannot be told in every zone.

    >>> str(in_utc(datetime(2025, 4, 6, 2, 30), ZoneInfo("Australia/Melbourne")))
    '2025-04-05 15:30:00+00:00'
    """
    if local.year == MAXYEAR:
        raise Unreadable("date")
    return (local if local.tzinfo else local.replace(tzinfo=zone)).astimezone(UTC)


@lru_cache(maxsize=256)
def days(formats: tuple[str, ...]) -> Callable[[str], date]:
    """What reads a date, a time after it left out. The same days come again and again, so they are remembered."""
    accepted = patterns(formats)
    return lru_cache(40_000)(lambda text: moment(text, accepted).date())


def birth(born: date, today: Callable[[], date]) -> date | None:
    """A date of birth; 01/01/1900 stands for none, and one that lies ahead raises `Unreadable`."""
    if born > today():
        raise Unreadable("date_of_birth")
    return None if born == date(1900, 1, 1) else born
