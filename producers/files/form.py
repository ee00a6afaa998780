"""Hold each record of a file against the form that the header makes: what it says, or a reject that names the cell."""

from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

from producers.files.assembly import Taken
from producers.files.columns import Fault, Part
from producers.files.header import Header
from producers.files.layouts import Layout
from producers.files.names import parse_name
from producers.files.parts import Pair, Parts
from producers.files.records import Raw, culprit, letters, original
from producers.files.rescue import rescuer
from producers.files.values import Note, Reject

MOST_SHOWN = 200
"""Characters of an unreadable cell that are shown as its value."""

Json = dict[str, Any]


class Stamp(NamedTuple):
    """The file in which a row first came in: its name ("" = this one) and the time in it."""

    origin_file: str
    file_time: datetime


class Form:
    """Reads the records of one file; `file_time` is the time in the file's name."""

    def __init__(self, header: Header, layout: Layout, file_time: datetime) -> None:
        self.layout = layout
        self.header = header
        self._width = len(header.names)
        self._stamp = Stamp("", file_time)
        origin = header.places.get("REJECT_FILE")
        self._origin = None if origin is None else origin - self._width
        self._pins = frozenset(place for place, name in enumerate(header.names) if name in header.dropped)
        self._parts = Parts(header, layout)
        self._rescue = rescuer(header, layout)
        self._item_places = self._parts.item_places
        self._each = layout.kind.whole  # every row of an order is a line; an account's row may have no reward
        self._head_cells = itemgetter(*self._parts.head_places)
        self._last: tuple[Any, Part | None, Json] = ((), None, {})

    def take(self, raw: Raw) -> Taken | Reject:
        """What one record says, as far as it can be read."""
        if raw.rule:
            return self._unreadable(raw)
        cells = letters(raw) if raw.encoding else raw.cells
        if len(cells) != self._width:
            return self.reject(raw, "row_length", detail=f"{len(cells)} cells where the header has {self._width}")
        cells = list(map(str.strip, cells))
        pair = self._parts.pair(cells)
        notes: list[Note] = []
        head = self._head(pair, cells, raw.line, notes)
        if isinstance(head, Fault):
            return self._faulty(raw, head)
        if pair.item is None or not (self._each or any(cells[place] for place in self._item_places)):
            return Taken(raw, head, None, tuple(notes))
        item = pair.item.take(cells, raw.line, notes)
        if isinstance(item, Fault):
            return self._faulty(raw, item)
        return Taken(raw, head, item, tuple(notes))

    def reject(self, raw: Raw, rule: str, column: str = "", value: str = "", detail: str = "") -> Reject:
        """The record as one that cannot be taken."""
        stamp = self.stamp(raw)
        return Reject(
            line=raw.line,
            last_line=raw.last_line,
            column=column,
            value=value,
            rule=rule,
            cells=self.cells(raw),
            rescue=self._rescue(raw.cells if raw.rule else letters(raw)),
            detail=detail,
            file_time=stamp.file_time,
            origin_file=stamp.origin_file,
        )

    def stamp(self, raw: Raw) -> Stamp:
        """Which file the record first came in: a corrected one says it in its `REJECT_FILE` column.

        Counted from the end, where we wrote it: of a row with too few or too many cells as well.
        """
        if self._origin is None or len(raw.cells) < -self._origin:
            return self._stamp
        name = raw.cells[self._origin].strip()
        found = parse_name(name)
        return Stamp(name, found.time) if found else self._stamp

    def cells(self, raw: Raw) -> tuple[str, ...]:
        """The record's cells as they are given back to people: as in the file, without any PIN."""
        if not self._pins:
            return original(raw)
        if len(raw.cells) != self._width:
            return ()  # a PIN could stand anywhere
        return tuple("" if place in self._pins else cell for place, cell in enumerate(original(raw)))

    def _unreadable(self, raw: Raw) -> Reject:
        """A record that cannot be read, with the cell that is to blame, where it is one and has a column."""
        place = culprit(raw)
        if place is None or len(raw.cells) != self._width or place in self._pins:
            return self.reject(raw, raw.rule, detail=raw.detail)
        return self.reject(raw, raw.rule, self.header.names[place], raw.cells[place][:MOST_SHOWN], raw.detail)

    def _faulty(self, raw: Raw, fault: Fault) -> Reject:
        return self.reject(raw, fault.rule, self.header.names[fault.place], fault.value)

    def _head(self, pair: Pair, cells: Sequence[str], line: int, notes: list[Note]) -> Json | Fault:
        """What the record says of the whole. Rows of one list repeat those columns, so the last answer is kept."""
        if pair.item is None:
            return pair.head.take(cells, line, notes)
        same = self._head_cells(cells)
        if same == self._last[0] and pair.head is self._last[1]:
            return self._last[2]
        head = pair.head.take(cells, line, notes)
        if not isinstance(head, Fault):
            self._last = (same, pair.head, head)
        return head
