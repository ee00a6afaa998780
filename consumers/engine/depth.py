"""Know how many dead letters lie there that nobody has sent again, as `tillstream dlq list` would count them."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from consumers.engine.slot import REDRIVEN, Slot
from tillstream import telemetry
from tillstream.kafka.client import ends, reader
from tillstream.kafka.stretch import stretch

AGAIN_SECONDS = 30.0


class Depth:
    """The letters in the partitions that a worker holds, so the group's depth is the sum over its workers.

    The topic is read once from its beginning and then on from where the last look ended. A letter whose key belongs to
    another partition than it lies in counts as sent again only where one worker holds both.
    """

    def __init__(self, kafka: Mapping[str, Any], topic: str, group: str) -> None:
        self._kafka, self._topic, self._group = kafka, topic, group
        self._looked = float("-inf")
        self._news = False
        self._letters: dict[int, set[int]] = {}
        self._next: dict[int, int] = {}

    @property
    def due(self) -> bool:
        """Is it time for another look?"""
        return time.monotonic() - self._looked > AGAIN_SECONDS

    def look(self, numbers: Collection[int]) -> None:
        """Read what is new in these partitions, and forget what retention took. Blocks. Raises KafkaException."""
        self._looked = time.monotonic()
        consumer = reader(self._kafka)
        try:
            for number in numbers:
                low, end = ends(consumer, self._topic, number)
                start = max(low, self._next.get(number, low))
                letters = {offset for offset in self._letters.get(number, ()) if low <= offset < end}
                batches = stretch(consumer, self._topic, number, start, end)
                self._letters[number] = letters | {letter.offset() for batch in batches for letter in batch.records}
                self._next[number] = end
            self._news = True
        finally:
            consumer.close()

    def tell(self, slots: Iterable[Slot]) -> None:
        """Set the gauge, where there was a look since; not while one is being taken."""
        if not self._news:
            return
        self._news = False
        held = {slot.number: slot for slot in slots}
        sent = {name.removeprefix(REDRIVEN) for slot in held.values() for name, _ in slot.state.scan(REDRIVEN)}
        letters = {f"{number}/{offset}" for number in held for offset in self._letters.get(number, ())}
        telemetry.DLQ_DEPTH.labels(self._group).set(len(letters - sent))
