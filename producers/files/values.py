"""What reading a file yields: rows, rejects, and the one answer that refuses a whole file."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple


class Note(NamedTuple):
    """Something odd that did not stop the row: its cell was left empty, or a total does not add up.

    `line` is the physical line, `column` our name of the column, `rule` a short word as in `Reject`.
    """

    line: int
    column: str
    value: str
    rule: str


class Source(NamedTuple):
    """One row of the file that went into a record: its lines and its cells, see `Reject`."""

    line: int
    last_line: int
    cells: tuple[str, ...]


class Reject(NamedTuple):
    """One row that could not be taken, with what a person needs to correct it.

    `column` is the header as it stands in the file (empty: the whole row), `value` the cell as text, `rule` a short
    word (`row_length`, `quote`, `too_long`, `nul`, `encoding`, `email`, `empty`, `order`, or what the cell's transform
    calls it), `detail` a sentence where the word is not enough. `cells` are the row's cells as text that
    `encode("utf-8", "surrogateescape")` turns back into the bytes of the file. `rescue` holds the event fields of a
    clear opt-out that has to go through all the same, with `person_id` or `email` and `last_updated`. `file_time` and
    `origin_file` are those of a `Row`.
    """

    line: int
    last_line: int
    column: str
    value: str
    rule: str
    cells: tuple[str, ...]
    file_time: datetime
    origin_file: str = ""
    rescue: Mapping[str, Any] | None = None
    detail: str = ""


class Row(NamedTuple):
    """One accepted row, or one order made of several.

    `line` is the physical line where it begins, the header being line 1. `values` are the content fields of the event
    by name. `sources` are the rows as they stand in the file. `source_time` is when the row's own system says it was
    true, `file_time` the time in the name of the file it first came in, which is `origin_file` when a rejected row
    comes back corrected (otherwise empty). `joined` counts the further rows that went into the record, `duplicates` the
    rows that said again what another row of it said.
    """

    line: int
    values: dict[str, Any]
    notes: tuple[Note, ...]
    sources: tuple[Source, ...]
    source_time: datetime
    file_time: datetime
    origin_file: str = ""
    joined: int = 0
    duplicates: int = 0

    def turned_down(self, rule: str) -> tuple[Reject, ...]:
        """Every row of the record as a reject, for whoever finds only later that it cannot be taken."""
        return tuple(
            Reject(line, last, "", "", rule, cells, self.file_time, self.origin_file)
            for line, last, cells in self.sources
        )


class Refused(Exception):
    """The whole file cannot be read as what its name says; `why` has one sentence per problem."""

    def __init__(self, why: tuple[str, ...]) -> None:
        super().__init__("; ".join(why))
        self.why = why


@dataclass(slots=True)
class Seen:
    """What was noticed along the way; the numbers are final once the rows have been walked through.

    `encodings` counts the rows that were not plain ASCII by what they were written in; `nul_padding` is the number of
    NUL characters after the last row.
    """

    encodings: dict[str, int]
    nul_padding: int = 0
