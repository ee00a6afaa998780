"""Know a connection's first load: the first file of it that the group ever saw, whichever worker saw it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from consumers.engine.slot import FIRST, Slot
from tillstream.kafka.client import ends, reader
from tillstream.kafka.stretch import stretch

AGAIN_SECONDS = 10.0


class Firsts:
    """The first file (its sha-256) of each connection. Each slot keeps the answer in its state; a slot without one asks
    the other slots of this worker, then the state topic: that happens once per partition and connection."""

    def __init__(self, kafka: Mapping[str, Any], topic: str, partitions: int) -> None:
        self._kafka, self._topic, self._partitions = kafka, topic, partitions
        self._known: dict[str, str] = {}
        self._looked = float("-inf")
        self.held = 0

    def is_first(self, slot: Slot, connection: str, file: str) -> bool:
        """Is this record of the connection's first load? Notes the answer in the slot. May block for a moment."""
        name = FIRST + connection
        raw = slot.state.get(name)
        if raw is not None:
            self._known[connection] = raw.decode()
            return raw.decode() == file
        if connection not in self._known and self.held < self._partitions:
            self._look()
        first = self._known.setdefault(connection, file)
        slot.state.put(name, first.encode())
        return first == file

    def _look(self) -> None:
        if time.monotonic() - self._looked < AGAIN_SECONDS:
            return
        self._looked = time.monotonic()
        consumer = reader(self._kafka)
        try:
            for partition in range(self._partitions):
                self._read(consumer, partition)
        finally:
            consumer.close()

    def _read(self, consumer: Any, partition: int) -> None:
        for batch in stretch(consumer, self._topic, partition, *ends(consumer, self._topic, partition)):
            for message in batch.records:
                key = message.key() or b""
                if message.value() and key.startswith(FIRST.encode()):
                    self._known.setdefault(key.decode().removeprefix(FIRST), message.value().decode())
