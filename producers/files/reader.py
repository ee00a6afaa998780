"""Read an export file: its header at once, its rows as they are asked for."""

import codecs
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from producers.files.broken import CELL_LIMIT
from producers.files.form import Form
from producers.files.header import Header, delimiter_of, read_header
from producers.files.layouts import Layout
from producers.files.lines import Lines
from producers.files.records import Raw, letters, records
from producers.files.rows import rows
from producers.files.values import Refused, Reject, Row, Seen


@dataclass(frozen=True, slots=True)
class Reading:
    """A file whose header has been read.

    `header` has no names where the file is empty. `rows` can be walked once; `seen` is complete after that. `mark` are
    the bytes that a file of this one's rejected rows has to begin with, so that it is read as UTF-8.
    """

    header: Header
    delimiter: str
    rows: Iterator[Row | Reject]
    seen: Seen
    mark: bytes = b""


def read(stream: BinaryIO, layout: Layout, file_time: datetime, folder: Path | None = None) -> Reading:
    """Read a file of one kind from its bytes; nothing of it is held but the row in hand.

    `file_time` is the time in the file's name. Files whose rows belong together are sorted on disk in `folder` (else
    where the system keeps temporary files). The stream is read to its end while the rows are walked, and closed with
    the reading. Raises `Refused` where no row can be trusted.
    """
    lines = Lines(stream, layout.table.encoding)
    first = lines.first().rstrip("\0")
    if len(first) > CELL_LIMIT:
        raise Refused((f"the first line is no header: it is longer than {CELL_LIMIT} characters",))
    delimiter = layout.table.delimiter or delimiter_of(first, layout.wanted)
    forced = "" if lines.marked else layout.table.encoding
    raws = records(lines, delimiter, forced or None)
    top = next(raws, None)
    if top is None:
        return Reading(Header((), {}, (), ()), delimiter, iter(()), Seen({}, lines.nul_padding))
    if top.rule:
        raise Refused((f"the header in line {top.line} cannot be read ({top.rule}): {top.detail}",))
    form = Form(read_header(letters(top), layout.wanted), layout, file_time)
    spool, seen = folder or Path(tempfile.gettempdir()), Seen({})
    found = rows(_counted(raws, seen, lines), form, spool)
    return Reading(form.header, delimiter, found, seen, codecs.BOM_UTF8 if lines.wide else b"")


def _counted(raws: Iterator[Raw], seen: Seen, lines: Lines) -> Iterator[Raw]:
    for raw in raws:
        if raw.encoding:
            seen.encodings[raw.encoding] = seen.encodings.get(raw.encoding, 0) + 1
        yield raw
    seen.nul_padding = lines.nul_padding
