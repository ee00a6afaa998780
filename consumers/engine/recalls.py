"""Know whether an operator has cancelled the replay whose records arrive."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import orjson

from schemas.topics import Names
from tillstream.kafka.client import ends, reader
from tillstream.kafka.partitioner import partition_of
from tillstream.kafka.stretch import stretch

AGAIN_SECONDS = 2.0


class Recalls:
    """What `tillstream.replays` says of a group's last replay; `cancelled` is its name once it is cancelled, `known`
    turns True when that was looked up for the first time."""

    def __init__(self, kafka: Mapping[str, Any], names: Names, group: str, partitions: int) -> None:
        self._kafka, self._topic, self._group = kafka, names.replays, group
        self._partition = partition_of(group.encode(), partitions)
        self._looked = float("-inf")
        self.cancelled = ""
        self.known = False

    @property
    def due(self) -> bool:
        """Is it time for another look?"""
        return time.monotonic() - self._looked > AGAIN_SECONDS

    def look(self) -> None:
        """Read the order. Blocks for a moment. Raises KafkaException."""
        self._looked = time.monotonic()
        consumer = reader(self._kafka)
        try:
            bounds = ends(consumer, self._topic, self._partition)
            for batch in stretch(consumer, self._topic, self._partition, *bounds):
                for message in batch.records:
                    if message.key() == self._group.encode():
                        self._note(message.value())
            self.known = True
        finally:
            consumer.close()

    def _note(self, raw: bytes | None) -> None:
        order = orjson.loads(raw or b"{}")
        self.cancelled = order["run"] if order.get("cancelled") else ""
