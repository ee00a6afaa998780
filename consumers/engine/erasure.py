"""Forget a customer at an operator's order: what is remembered, what waits, and whatever of theirs comes again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from consumers.engine.books import Books
from consumers.engine.erased import POLICY
from consumers.engine.item import OWN, PART, Record, from_shelf
from consumers.engine.outcome import Delivered, Outcome, Skipped
from consumers.engine.sink import ERASE, Account, Route, Work
from consumers.engine.slot import Slot
from consumers.engine.wire import Plan, nap
from tillstream.kafka.client import ends, reader
from tillstream.kafka.stretch import stretch


def is_order(record: Record) -> bool:
    """Is it an operator's order to erase its key?"""
    return record.part == ERASE and record.ours


def obey(record: Record, books: Books) -> None:
    """Mark and forget the key of an order. To be called when it arrives, and again when nothing runs for its key.

    One that cannot be read becomes a dead letter when its turn comes.
    """
    slot, until = record.slot, _until(record.value)
    if until is None:
        return
    slot.erase(record.key, until)
    for laid in slot.shelf.of(record.key):
        waiting = from_shelf(slot, books.codec, laid)
        if slot.erased.covers(waiting):
            books.finish(waiting, Skipped(POLICY))


def heed(slot: Slot, kafka: Mapping[str, Any], topic: str, start: int) -> None:
    """Mark whom the orders concern that lie unread on the replay topic: a worker might come to an older record first.

    `start`: where reading goes on. Nothing is forgotten before the order arrives. Blocks. Raises KafkaException.
    """
    consumer = reader(kafka)
    try:
        low, end = ends(consumer, topic, slot.number)
        for batch in stretch(consumer, topic, slot.number, max(low, start), end):
            for message in batch.records:
                _mark(slot, message)
    finally:
        consumer.close()


def _mark(slot: Slot, message: Any) -> None:
    until = _until(message.value() or b"")  # asked first: most are old records, and headers take longer to read
    if until is None:
        return
    headers = dict(message.headers() or ())
    if OWN in headers and headers.get(PART) == ERASE.encode():
        slot.erased.note((message.key() or b"").decode("utf-8", "replace"), until)


def _until(value: bytes) -> str | None:
    """Up to when everything of a key is erased; None where an order does not say."""
    try:
        until = orjson.loads(value)["until"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return until if isinstance(until, str) else None


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
