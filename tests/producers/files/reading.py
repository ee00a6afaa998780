"""What the tests of this folder share: reading bytes or a file of the contract with as few words as possible."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from producers.files.layouts import Place, layout
from producers.files.reader import Reading, read
from producers.files.values import Reject, Row

FILES = Path(__file__).parents[2] / "files"
MADE = datetime(2025, 4, 1, 6, tzinfo=UTC)
MELBOURNE = Place()

PERSON = "PERIDX,EMAIL,PRIVACY,EMAIL_OPT_IN,SMS_OPT_IN,LAST_UPDATED\n"
SALE = "TRAN_IDX,TRAN_NUMBER,SALE_DATETIME,PERIDX,QTY,LINE_VALUE,LINE_SEQ,ORIG_TRAN_NUMBER\n"


def reading(kind: str, content: bytes | str, *, place: Place = MELBOURNE, table: str | None = None) -> Reading:
    """A reading of some bytes as a kind of file made at 06:00 UTC on 1 April 2025."""
    octets = content.encode() if isinstance(content, str) else content
    return read(io.BytesIO(octets), layout(kind, place, table), MADE)


def outcome(
    kind: str, content: bytes | str, *, place: Place = MELBOURNE, table: str | None = None
) -> tuple[list[Row], list[Reject]]:
    """The rows and the rejects of it."""
    found = list(reading(kind, content, place=place, table=table).rows)
    return [one for one in found if isinstance(one, Row)], [one for one in found if isinstance(one, Reject)]


def rules(rejects: Sequence[Reject]) -> list[tuple[int, str, str]]:
    """What is wrong where."""
    return [(reject.line, reject.column, reject.rule) for reject in rejects]


def example(name: str) -> bytes:
    """The bytes of one of the contract's own files."""
    return next(FILES.glob(f"{name}_*.csv")).read_bytes()
