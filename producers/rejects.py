"""Give rejected rows back in a form that a person can correct and drop in again, and say why a file was refused."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from producers.files.header import ORIGIN_COLUMNS, fold
from producers.files.reader import Reading
from producers.files.values import Reject

NAME = "%Y%m%dT%H%M%SZ"


class RejectsFile:
    """The original columns with their bytes as they were, and where each row came from and what is wrong with it.

    Written anew whenever its file is read anew; there is no file on disk while there is nothing to reject.
    """

    def __init__(self, path: Path, reading: Reading, file: str) -> None:
        self.path = path
        self._file = file
        names = reading.header.names
        self._hidden = {place for place, name in _from_the_end(names) if fold(name) in ORIGIN_COLUMNS}
        self._header = [name for place, name in _from_the_end(names) if place not in self._hidden]
        self._mark = reading.mark.decode()
        self._stream = path.open("w", encoding="utf-8", errors="surrogateescape", newline="")
        self._rows = csv.writer(self._stream, delimiter=reading.delimiter)
        self.count = 0

    def write(self, reject: Reject) -> None:
        """One more. A row that was corrected before keeps the name of the file it first came in."""
        if not self.count:
            self._stream.write(self._mark)
            self._rows.writerow([*self._header, *ORIGIN_COLUMNS])
        self.count += 1
        cells = [cell for place, cell in _from_the_end(reject.cells) if place not in self._hidden]
        self._rows.writerow([*cells, reject.origin_file or self._file, reject.line, reject.column, reject.rule])

    def write_all(self, rejects: Iterable[Reject]) -> None:
        """Several more."""
        for reject in rejects:
            self.write(reject)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()


def _from_the_end(cells: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Each cell with its place, -1 the last: our columns stand at the end, also of a row with too few or many cells."""
    return enumerate(cells, -len(cells))


def rejects_name(kind: str, now: datetime, last: datetime | None) -> tuple[str, datetime]:
    """A name for a file of rejected rows that no other has had, and the time in it: `orders_20250401T060000Z.csv`.

    >>> rejects_name("orders", datetime(2025, 4, 1, tzinfo=UTC), datetime(2025, 4, 1, tzinfo=UTC))[0]
    'orders_20250401T000001Z.csv'
    """
    time = now.astimezone(UTC).replace(microsecond=0)
    if last is not None and time <= last:
        time = last + timedelta(seconds=1)
    return f"{kind}_{time.strftime(NAME)}.csv", time


def why_refused(name: str, why: Iterable[str]) -> str:
    """What stands in `NAME.why.txt` beside a refused file."""
    return f"{name} was not read, nothing of it was taken over:\n" + "".join(f"- {sentence}\n" for sentence in why)
