"""Forget a customer at an operator's order: what is remembered, what waits, and whatever of theirs comes again."""

from __future__ import annotations

from collections.abc import Sequence

from consumers.engine.books import Books
from consumers.engine.erased import POLICY
from consumers.engine.item import Record, from_shelf
from consumers.engine.outcome import Delivered, Outcome, Skipped
from consumers.engine.sink import ERASE, Account, Route, Work
from consumers.engine.wire import Plan, nap


def is_order(record: Record) -> bool:
    """Is it an operator's order to erase its key?"""
    return record.part == ERASE and record.ours


def obey(record: Record, books: Books) -> None:
    """Mark and forget the key of an order. To be called when it arrives, and again when nothing runs for its key."""
    slot = record.slot
    slot.erase(record.key, record.record["until"])
    for laid in slot.shelf.of(record.key):
        waiting = from_shelf(slot, books.codec, laid)
        if slot.erased.covers(waiting):
            books.finish(waiting, Skipped(POLICY))


def without_erased(work: tuple[Record, ...], books: Books) -> tuple[Record, ...]:
    """What is left of a work: what is older than the erasure of its customer goes nowhere."""
    if is_order(work[0]):
        obey(work[0], books)
        return work
    left = tuple(record for record in work if not record.slot.erased.covers(record))
    if len(left) < len(work):
        for record in work:
            if record not in left:
                books.finish(record, Skipped(POLICY))
    return left


def forgotten(_: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """A platform that cannot be asked to delete: what is ours is forgotten already."""
    yield from nap(0)
    return [Delivered(note="erased here")] * len(works)


NOT_ASKED = Route("customers", forgotten, "fact", part=ERASE)
"""The route of an order at a platform that declares none."""
