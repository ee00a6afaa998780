"""Remember per partition: a compacted topic is the truth, a local store its copy, an overlay what is not committed."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any

from tillstream.kafka.client import ends, reader
from tillstream.kafka.publisher import Message
from tillstream.kafka.store import Store, boot_id
from tillstream.kafka.stretch import stretch

TOMBSTONES_KEPT = timedelta(days=7)


class State:
    """What a group (or the producers) remember of one partition.

    `get` sees what was `put`, committed or not. `changes` hands the puts since the last call over to a transaction;
    `committed` or `withdrawn` says what became of them. One transaction at a time.
    """

    def __init__(self, topic: str, partition: int, topic_id: str, folder: Path) -> None:
        self.topic = topic
        self.partition = partition
        self._topic_id = topic_id
        self._store = Store(folder / f"{topic}-{partition}")
        self._fresh: dict[str, bytes | None] = {}
        self._handed: dict[str, bytes | None] = {}

    def get(self, key: str) -> bytes | None:
        """The newest value of a key, or None."""
        fresh, handed = self._fresh, self._handed  # another thread may replace the second while we look
        if key in fresh:
            return fresh[key]
        if key in handed:
            return handed[key]
        return self._store.get(key.encode())

    def put(self, key: str, value: bytes | None) -> None:
        """Remember a value (None forgets it); it counts at once here, elsewhere after the commit."""
        self._fresh[key] = value

    def scan(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Keys that start with the prefix, in order, with their newest values."""
        layers = (self._handed, self._fresh)
        overlay = {key: value for layer in layers for key, value in layer.items() if key.startswith(prefix)}
        fresh = ((key, value) for key, value in sorted(overlay.items()) if value is not None)
        return heapq.merge(self._below(prefix, overlay), fresh, key=itemgetter(0))

    def _below(self, prefix: str, overlay: Mapping[str, bytes | None]) -> Iterator[tuple[str, bytes]]:
        found = ((key.decode(), value) for key, value in self._store.scan(prefix.encode()))
        return ((key, value) for key, value in found if key not in overlay)

    @property
    def changed(self) -> bool:
        """Is there anything to write?"""
        return bool(self._fresh)

    def changes(self) -> list[Message]:
        """Everything put since the last call, as messages; `get` still sees it until told what became of them."""
        if self._handed:
            raise RuntimeError("a transaction's changes were handed out and never settled")
        self._handed, self._fresh = self._fresh, {}
        return [Message(self.topic, key.encode(), value, (), self.partition) for key, value in self._handed.items()]

    def committed(self, next_offset: int) -> None:
        """The transaction was committed; `next_offset` is the one after the last of its messages here."""
        self._store.write(((k.encode(), v) for k, v in self._handed.items()), next_offset, self._topic_id)
        self._handed = {}

    def withdrawn(self) -> None:
        """The transaction came to nothing; its changes are to be written again."""
        self._fresh, self._handed = self._handed | self._fresh, {}

    def restore(self, kafka: Mapping[str, Any]) -> int:
        """Read what the topic has and the store lacks; the number of records read. Blocks.

        Reading ends where the partition ended when the call began, open transactions included: what a former owner
        committed last is never missed.
        """
        self._distrust()
        bounds = reader(kafka, committed=False)
        try:
            low, end = ends(bounds, self.topic, self.partition)
        finally:
            bounds.close()
        mark = self._store.checkpoint()
        if mark and not low <= mark.offset <= end:
            self._store.discard()
            mark = None
        return self._read(kafka, mark.offset if mark else low, end)

    def _distrust(self) -> None:
        """A store of another incarnation of the topic or another boot, or older than tombstones, is worth nothing."""
        mark = self._store.checkpoint()
        stale = mark and time.time() - mark.written > TOMBSTONES_KEPT.total_seconds()
        if mark and (stale or mark.topic_id != self._topic_id or mark.boot != boot_id()):
            self._store.discard()

    def _read(self, kafka: Mapping[str, Any], start: int, end: int) -> int:
        if start >= end:
            return 0
        consumer, count = reader(kafka), 0
        try:
            for batch in stretch(consumer, self.topic, self.partition, start, end):
                self._store.write([(m.key(), m.value()) for m in batch.records], batch.next, self._topic_id)
                count += len(batch.records)
        finally:
            consumer.close()
        return count

    def close(self) -> None:
        """Close the local store; what was not committed is forgotten."""
        self._store.close()
