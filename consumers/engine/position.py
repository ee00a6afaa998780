"""Know where reading goes on after a crash: one small record per topic and partition, however much was done ahead."""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from bisect import bisect_right as bisect
from collections.abc import Iterable
from itertools import accumulate, pairwise

import orjson

Range = tuple[int, int]

FEW = 100
"""So many ranges are written as they are; more are packed, or a record could grow to more than 100 kB."""


class Position:
    """Offsets of one topic partition: what was taken and is not finished yet, and where reading stands.

    `committed` is the oldest unfinished offset, or where reading stands when nothing is unfinished. Offsets that never
    arrive (transaction markers, compacted records) need no care: only what arrived can be unfinished. Offsets come in
    rising order.
    """

    def __init__(self, start: int, reached: int | None = None, unfinished: Iterable[Range] = ()) -> None:
        self._open: dict[int, None] = {}
        self.next = start
        self._reached = start if reached is None else reached
        self._left = sorted(unfinished)

    def take(self, offset: int) -> bool:
        """Note the arrival of a record; False when it is known already, or a former owner finished it."""
        if offset < self.next:
            return False
        self.next = offset + 1
        if offset < self._reached and not self._was_left(offset):
            return False
        self._open[offset] = None
        return True

    def _was_left(self, offset: int) -> bool:
        index = bisect(self._left, offset, key=lambda found: found[0]) - 1
        return index >= 0 and offset < self._left[index][1]

    def reached(self, offset: int) -> None:
        """Reading stands at `offset`: whatever lies before it and did not arrive will never arrive."""
        self.next = max(self.next, offset)

    def skip(self, offset: int) -> None:
        """Somebody moved the group's offset ahead by hand: nothing before it is ours any more."""
        self._left = [(max(first, offset), last) for first, last in self._left if last > offset]
        self.reached(offset)

    def finish(self, offset: int) -> None:
        """The record is delivered, dead, skipped or on the shelf: its offset counts as passed."""
        del self._open[offset]

    @property
    def committed(self) -> int:
        """The offset to commit."""
        return next(iter(self._open), self.next)

    @property
    def ahead(self) -> int:
        """How far reading stands past the committed offset."""
        return self.next - self.committed

    def dump(self, topic_id: str, mark: str, *, clean: bool) -> bytes:
        """The position record: enough for an heir to pass over what is done, offset by offset."""
        left = ((max(first, self.next), last) for first, last in self._left if last > self.next)
        unfinished = [*ranges(self._open), *left]
        return orjson.dumps(
            {
                "committed": self.committed,
                "next": max(self.next, self._reached),
                "open": unfinished if len(unfinished) <= FEW else packed(unfinished),
                "id": topic_id,
                "mark": mark,
                "clean": clean,
            }
        )


def load(record: bytes) -> tuple[Position, str, bool]:
    """A position as a former owner left it, the id of its topic, and whether it was left in good order."""
    found = orjson.loads(record)
    position = Position(found["committed"], found["next"], unpacked(found["open"]))
    return position, found["id"], found["clean"]


def ranges(offsets: Iterable[int]) -> list[Range]:
    """Runs of neighbouring offsets as half-open ranges.

    >>> ranges([3, 4, 5, 9])
    [(3, 6), (9, 10)]
    """
    runs: list[Range] = []
    for offset in offsets:
        if runs and runs[-1][1] == offset:
            runs[-1] = (runs[-1][0], offset + 1)
        else:
            runs.append((offset, offset + 1))
    return runs


def packed(unfinished: Iterable[Range]) -> str:
    """Ranges as a short text: how long each is and how far it is to the next, in turn, compressed."""
    bounds = [0, *(bound for run in unfinished for bound in run)]
    return b64encode(zlib.compress(orjson.dumps([after - before for before, after in pairwise(bounds)]))).decode()


def unpacked(found: str | Iterable[Iterable[int]]) -> list[Range]:
    """The ranges of a position record, packed or as they are.

    >>> unpacked(packed([(3, 6), (9, 10)])), unpacked([[3, 6]])
    ([(3, 6), (9, 10)], [(3, 6)])
    """
    if not isinstance(found, str):
        return [(first, last) for first, last in found]
    bounds = list(accumulate(orjson.loads(zlib.decompress(b64decode(found)))))
    return list(zip(bounds[::2], bounds[1::2], strict=True))
