"""The headers that every event carries, so that most decisions need no decoding. Values are ASCII bytes."""

from datetime import UTC, datetime
from functools import lru_cache

Headers = tuple[tuple[str, bytes], ...]

CONTENT = "tillstream.content"
"""Hash of the record without its envelope: 32 hex digits. Equal hash, equal content."""

SOURCE_TIME = "tillstream.source-time"
"""When the source says it became true: ISO 8601 in UTC."""

ORDER = "tillstream.order"
"""What is newest: compare as text. Made by `order`."""

OBJECT = "tillstream.object"
"""The object inside the key: person id, transaction id, account id or voucher number."""

ORIGIN = "tillstream.origin"
"""Where it was learned: as the envelope's field `origin`."""

SHA256 = "tillstream.sha256"
"""What the books count it under: a file by its SHA-256 in hex, polls and webhooks by name and day; empty: none do."""

LINE = "tillstream.line"
"""Physical line of the record's first row."""


def instant(moment: datetime) -> str:
    """An aware time as text of fixed width that sorts as time does.

    >>> instant(datetime(2025, 4, 1, 5, 5, 11, tzinfo=UTC))
    '2025-04-01T05:05:11.000000Z'
    """
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return utc.isoformat("T", "microseconds")[:26] + "Z"  # without +00:00


_of_file = lru_cache(64)(instant)
"""All rows of a file share its time."""


def order(source_time: datetime, file_time: datetime | None, line: int) -> str:
    """Text that is greater the newer a record is: by source time, then the time in the file's name, then the line.

    >>> order(datetime(2025, 4, 1, tzinfo=UTC), None, 12)
    '2025-04-01T00:00:00.000000Z|-|000000012'
    """
    named = "-" if file_time is None else _of_file(file_time)  # sorts before any digit: no file time is the oldest
    return f"{instant(source_time)}|{named}|{line:09d}"


def ascii_only(text: str) -> bytes:
    """Header values are ASCII; other letters of an id are escaped, so that different ids stay different.

    >>> ascii_only("73152"), ascii_only("Zoë")
    (b'73152', b'Zo\\\\xeb')
    """
    return text.encode("ascii", "backslashreplace")


def of_event(content: str, newest: str, subject: str, line: int, origin: str, page: str) -> Headers:
    """All headers of an event: `newest` is its text by `order`, `page` what the books count it under."""
    return (
        (CONTENT, content.encode()),
        (SOURCE_TIME, newest.partition("|")[0].encode()),
        (ORDER, newest.encode()),
        (OBJECT, ascii_only(subject)),
        (LINE, b"%d" % line),
        (ORIGIN, origin.encode()),
        (SHA256, page.encode()),
    )
