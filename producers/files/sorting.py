"""Bring the records of one transaction together, wherever in the file they stand, in a fixed amount of memory.

Records are written as one line of bytes each whose beginning sorts (key, then line number). Runs of them are sorted in
memory and put into nameless temporary files, and the runs are merged. The order that comes out depends on the file
alone, so that whoever was interrupted after N groups can skip N and go on.
"""

import heapq
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import groupby, islice
from pathlib import Path
from typing import NamedTuple

import orjson

from producers.files.records import Raw

RUN_BYTES = 32 << 20
"""Sorted in memory at a time; with Python's own cost for each record about half as much again."""

GROUP_LIMIT = 2_000
"""A transaction of more records than this is no transaction, and too large for a broker."""

_RECORD_COST = 41  # bytes that Python adds to each record held in a list


class Group(NamedTuple):
    """Records that share a key, in the order of the file; `over` = there are too many, and these are some of them."""

    records: list[Raw]
    over: bool


def grouped(source: Iterable[Raw], place: int, folder: Path, run_bytes: int = RUN_BYTES) -> Iterator[Group]:
    """The records grouped by the cell at `place`, numbers in numeric order; one without that cell is a group alone.

    `folder` takes the temporary files; they have no names, so nothing stays behind after a crash.
    """
    with ExitStack() as open_files:
        runs: list[Iterable[bytes]] = []
        held: list[bytes] = []
        size = 0
        for raw in source:
            packed = _pack(raw, place)
            held.append(packed)
            size += len(packed) + _RECORD_COST
            if size > run_bytes:
                held.sort()
                runs.append(_spill(held, folder, open_files))
                held, size = [], 0
        held.sort()
        runs.append(held)
        merged = heapq.merge(*runs) if len(runs) > 1 else held
        for _, packed_group in groupby(merged, _key):
            yield from _unpacked(packed_group)


def _spill(held: list[bytes], folder: Path, open_files: ExitStack) -> Iterable[bytes]:
    run = tempfile.TemporaryFile(dir=folder, buffering=1 << 16)  # noqa: SIM115 - read long after this returns
    open_files.enter_context(run)
    run.writelines(held)
    run.seek(0)
    return run


def _unpacked(packed: Iterator[bytes]) -> Iterator[Group]:
    """One group, or, of one that is too large, the parts."""
    part = [_unpack(item) for item in islice(packed, GROUP_LIMIT + 1)]
    over = len(part) > GROUP_LIMIT
    while part:
        yield Group(part, over)
        part = [_unpack(item) for item in islice(packed, GROUP_LIMIT)]


def _pack(raw: Raw, place: int) -> bytes:
    """Length of key, key, TAB, line, TAB, the record as JSON; without a key, its line number keeps it alone."""
    cell = raw.cells[place].strip() if place < len(raw.cells) else ""
    key = cell if cell.isalnum() else orjson.dumps(cell).decode() if cell else str(raw.line)
    return b"%05d%s\t%010d\t%s\n" % (len(cell), key.encode(), raw.line, orjson.dumps(tuple(raw)))


def _unpack(packed: bytes) -> Raw:
    return Raw(*orjson.loads(packed[packed.index(b"\t") + 12 :]))


def _key(packed: bytes) -> bytes:
    return packed[: packed.index(b"\t")]
