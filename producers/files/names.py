"""Tell from a file's name what is in it, when it was made, and which waiting file goes first."""

import re
from datetime import UTC, datetime
from typing import NamedTuple

KINDS = ("tiers", "customers", "rewards", "orders", "refunds", "giftcards")
"""The kinds of file, in the order in which waiting ones are taken: people before what they did."""

PATTERN = "TYPE_YYYYMMDDTHHMMSSZ.csv"
"""What a name of ours looks like, for people."""

_RANK = {kind: rank for rank, kind in enumerate(KINDS)}
_NAME = re.compile(rf"({'|'.join(KINDS)})_([0-9]{{8}}T[0-9]{{6}}Z)\.csv", re.IGNORECASE)
_UPLOADING = (".part", ".tmp", ".filepart")


class FileName(NamedTuple):
    """A name that is ours: `customers_20250401T060000Z.csv` is kind `customers`, made at 06:00 UTC."""

    kind: str
    time: datetime
    name: str


def parse_name(name: str) -> FileName | None:
    """Read kind and time from a name without folders; None = not a name of ours.

    `{type}_{datetime}.csv` with a basic ISO 8601 time in UTC is what the export agreement says (DotApparel, data export
    approaches).

    >>> parse_name("Orders_20230101T120101Z.CSV")[:2]
    ('orders', datetime.datetime(2023, 1, 1, 12, 1, 1, tzinfo=datetime.timezone.utc))
    >>> parse_name("../orders_20230101T120101Z.csv") is parse_name("orders_20231301T120101Z.csv") is None
    True
    """
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    try:
        time = datetime.strptime(found[2].upper(), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
    return FileName(found[1].lower(), time, name)


def uploading(name: str) -> bool:
    """Whether the name says that somebody is still writing the file.

    >>> uploading("orders_20230101T120101Z.csv.filepart")
    True
    """
    return name.lower().endswith(_UPLOADING)


def turn(file: FileName) -> tuple[int, datetime, str]:
    """Sort key of waiting files: by kind, then by the time in the name, then by name."""
    return _RANK[file.kind], file.time, file.name
