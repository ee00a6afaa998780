"""A stage for engine tests: time that a test owns, a partition without Kafka, and records made by hand."""

from __future__ import annotations

import asyncio
import selectors
import tempfile
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from consumers.engine.item import Record
from consumers.engine.position import Position
from consumers.engine.slot import TOTAL, Slot
from schemas import headers as names
from schemas.codec import Codec, codec
from tillstream.kafka.state import State

T = TypeVar("T")
MORNING = datetime(2025, 4, 1, 6, tzinfo=UTC)
CODEC = codec(None)
TOPICS = ("customers", "orders", "rewards", "tiers", "replay")
KIM = "au/kim@customer.example"


class _Leaping(selectors.DefaultSelector):
    """Where a loop would wait for a time, the time comes at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everybody waits and nothing will ever happen")
        self.now += 0 if ready else max(0.0, timeout or 0.0)
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._leaping = _Leaping()
        super().__init__(self._leaping)

    def time(self) -> float:
        return self._leaping.now


def run(story: Coroutine[Any, Any, T]) -> T:
    """Run a story whose naps take no time."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(story)


class Clock:
    """The time of the running story; it begins in the morning."""

    def now(self) -> datetime:
        return MORNING + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


class FirstOf:
    """Of each connection the file `first` is the first."""

    def is_first(self, slot: Slot, connection: str, file: str) -> bool:
        return file == "first"


class Partition:
    """A slot over a real store, whose commits are said instead of sent."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._next = 0
        self.slot = self._open()

    def _open(self) -> Slot:
        slot = Slot(3, State("state", 3, "topic-id", self._folder), FirstOf())
        slot.positions = {topic: Position(0) for topic in TOPICS}
        slot.topic_ids = dict.fromkeys(TOPICS, "topic-id")
        return slot

    def settle(self) -> None:
        """What was noted is committed."""
        self._next += len(self.slot.state.changes()) + 1
        self.slot.state.committed(self._next)

    def crash(self) -> Slot:
        """The worker dies; its heir's slot."""
        self.slot.state.close()
        self.slot = self._open()
        return self.slot

    def remembered(self) -> dict[str, bytes]:
        """All that the state holds."""
        return dict(self.slot.state.scan(""))


def totals(entries: Mapping[str, bytes]) -> dict[tuple[str, str, str, str], int]:
    """The books in a state's entries, by connection, file, topic and outcome."""
    found = {}
    for key, raw in entries.items():
        connection, file, topic, outcome = key.removeprefix(TOTAL).split("/", 3)
        found[connection, file, topic, outcome] = int(raw)
    return found


@contextmanager
def partition() -> Iterator[Partition]:
    """A partition that nobody worked before."""
    with tempfile.TemporaryDirectory() as folder:
        made = Partition(Path(folder))
        yield made
        made.slot.state.close()


def record(
    slot: Any,
    offset: int = 0,
    key: str = KIM,
    topic: str = "customers",
    *,
    source: str = "",
    value: bytes = b"\xc3\x01",
    headers: Mapping[str, bytes] | None = None,
    codec: Codec = CODEC,
) -> Record:
    """A record as the worker makes it of what Kafka gave."""
    return Record(slot, source or topic, topic, offset, 1_743_487_200_000, key, value, headers or said(), codec)


def said(content: str = "c1", order: str = "2025-04-01", thing: str = "7", **more: bytes) -> dict[str, bytes]:
    """What the headers of an event say."""
    return {
        names.CONTENT: content.encode(),
        names.ORDER: order.encode(),
        names.OBJECT: thing.encode(),
        names.SHA256: b"ab12",
        names.LINE: b"17",
        **more,
    }
