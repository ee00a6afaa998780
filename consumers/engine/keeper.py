"""The long view of a worker: wake what has waited, and put away what would hold others up."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from consumers.engine.books import Books
from consumers.engine.item import Record, from_shelf
from consumers.engine.lanes import Lanes
from consumers.engine.live import PROBE_SECONDS, Live
from consumers.engine.outcome import Deferred
from consumers.engine.shelf import Laid
from consumers.engine.slot import Slot
from tillstream.clock import Clock

AT_ONCE = 1_000
"""Records that a turn takes from the shelf of each partition: enough of all of them to fill a platform's batches."""


class Floor(Protocol):
    """Where records wait and run: `crew.Crew`."""

    def accept_again(self, record: Record) -> None:
        """A record comes from the shelf."""
        ...

    def shelve(self, work: tuple[Record, ...], outcome: Deferred) -> None:
        """Lay a work on the shelf; its lane goes on."""
        ...


class Keeper:
    """Once a turn it looks at rested lanes, at the shelf, and at connections that are stopped or away."""

    def __init__(
        self, floor: Floor, lanes: Lanes, *, lives: Mapping[str, Live], books: Books, clock: Clock, most: int
    ) -> None:
        """`most`: records in memory that have just arrived; half as many may come from the shelf."""
        self._floor, self._lanes, self._lives, self._books, self._clock = floor, lanes, lives, books, clock
        self._most = most

    def look(self, slots: Collection[Slot]) -> None:
        """Wake what has rested, shelve what its connection holds up, let connections that are not well try again."""
        self._lanes.wake(self._clock.monotonic())
        self._note_unwell(slots)
        room = self._most // 2 - self._lanes.woken
        for slot in slots:
            if room > 0:
                room -= self._accept(slot, slot.shelf.due(self._books.now(), min(room, AT_ONCE)))
                room -= self._wake_read(slot, max(0, room))  # `due` gives so many of either kind
        for live in self._lives.values():
            if live.unwell:
                self._wait_out(live, slots)
            elif room > 0 and not live.breaker.state:
                room -= self._wake(live, slots, min(room, AT_ONCE))

    def _note_unwell(self, slots: Collection[Slot]) -> None:
        unwell = {live.name: live for live in self._lives.values() if live.unwell}
        noted = {name: ("stopped" if live.stopped else "away", live.unwell) for name, live in unwell.items()}
        for slot in slots:
            slot.note_unwell(noted, self._books.now().isoformat())

    def _accept(self, slot: Slot, laid: Collection[Laid]) -> int:
        for one in laid:
            self._floor.accept_again(from_shelf(slot, self._books.codec, one))
        return len(laid)

    def _wake_read(self, slot: Slot, most: int) -> int:
        """Records that waited until a topic was read to its end, at most so many; how many there were."""
        woken = 0
        for topic in slot.ends if slot.shelf.size else ():
            woken += self._accept(slot, slot.shelf.woken(f"read/{topic}", min(most - woken, AT_ONCE)))
        return woken

    def _wake(self, live: Live, slots: Collection[Slot], most: int) -> int:
        """Records that wait for a connection, at most so many; how many there were."""
        woken = 0
        for slot in slots:
            if slot.shelf.size and woken < most:
                woken += self._accept(slot, slot.shelf.woken(f"connection/{live.name}", most - woken))
        return woken

    def _wait_out(self, live: Live, slots: Collection[Slot]) -> None:
        if live.probe_at <= self._clock.monotonic() and not live.probing:
            live.refresh()
            live.breaker.readmit()
            found = self._ready(live) or self._wake(live, slots, 1)
            if not (found and live.stopped):
                live.probe_at = self._clock.monotonic() + PROBE_SECONDS
        elif self.others_flow(live):
            if not live.stopped:
                live.breaker.evict()
            why = Deferred("stopped" if live.stopped else "away", wakes=f"connection/{live.name}")
            for work in self._lanes.heads(live.name, AT_ONCE):
                self._floor.shelve(work, why)

    def _ready(self, live: Live) -> int:
        """How many lanes of a connection could start."""
        return sum(self._lanes.ready(kind) for kind in self._lanes.kinds() if kind.connection == live.name)

    def others_flow(self, live: Live) -> bool:
        """Is another connection well? Then this one's records must not fill the memory."""
        return any(not other.unwell for other in self._lives.values() if other is not live)
