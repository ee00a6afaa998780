"""Copy old records to a group's replay topic: each once, however often that is interrupted, and one replay at a time.

What was ordered and how far it has come stands on `tillstream.replays`, one record per group, and is written in the
same transactions as the copies. The group looks there too, whether the replay that it works on was cancelled.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

import orjson

from consumers.engine.item import FORCE, OFFSET, REPLAY, SHARE, TIMESTAMP, TOPIC
from operations.arguments import Records
from operations.reading import Kafka, Span, between, records, spans, there
from operations.standing import read_state, waiting_again
from schemas import headers as event
from schemas.topics import Names
from tillstream.kafka.partitioner import partition_of
from tillstream.kafka.publisher import InDoubt, Message, NotWritten, Publisher

AT_ONCE, READ_AT_ONCE = 2_000, 50_000
"""Copies in a transaction, and records looked at before what was found is written."""
TOLERANCE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for, and when. `files`: SHA-256 of the files whose records are meant; empty: of any."""

    records: Records
    files: tuple[str, ...]
    share: float
    force: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Order:
    """A replay. `nexts` and `ends`: by partition of the topic, where copying stands and where it ends."""

    run: str
    topic: str
    start: str
    end: str
    key: str
    file: str
    files: tuple[str, ...]
    share: float
    force: bool
    at: str
    nexts: dict[str, int]
    ends: dict[str, int]
    copied: int = 0
    cancelled: bool = False

    @property
    def copying(self) -> bool:
        """Was its copying interrupted, or is it still going on?"""
        return not self.cancelled and self.nexts != self.ends

    @property
    def seen(self) -> int:
        """How many offsets are still to be looked at."""
        return sum(self.ends[number] - self.nexts[number] for number in self.ends)

    @classmethod
    def load(cls, raw: bytes) -> Self:
        """As `dump` made it."""
        told = orjson.loads(raw)
        return cls(**{**told, "files": tuple(told["files"])})

    def dump(self) -> bytes:
        """As it stands on `tillstream.replays`."""
        return orjson.dumps(asdict(self))

    def same(self, wish: Wish) -> bool:
        """Is this what is asked for now? A time that was given as a span ago has moved on with the clock."""
        asked, passed = wish.records, wish.at - datetime.fromisoformat(self.at)
        return (
            (self.topic, self.key, self.file) == (asked.topic, asked.key or "", asked.file or "")
            and (self.share, self.force) == (wish.share, wish.force)
            and _same(self.start, asked.start, passed)
            and _same(self.end, asked.end, passed)
        )


def _same(before: str, now: datetime | None, passed: timedelta) -> bool:
    if not before or now is None:
        return not before and now is None
    moved = now - datetime.fromisoformat(before)
    return min(abs(moved), abs(moved - passed)) <= TOLERANCE


def order_of(kafka: Kafka, names: Names, group: str) -> Order | None:
    """The last replay of a group that was ordered. Raises KafkaException."""
    found: Order | None = None
    for message in records(kafka, spans(kafka, there(kafka, [names.replays]).partitions)):
        if message.key() == group.encode() and message.value() is not None:
            found = Order.load(message.value())
    return found


def to_go(kafka: Kafka, names: Names, group: str, run: str) -> int:
    """How many copies of a replay the group has not finished. Raises KafkaException."""
    state = names.state(group)
    book = read_state(kafka, state, there(kafka, [state]).partitions.get(state, 0))
    return sum(
        dict(one.headers() or ()).get(REPLAY) == run.encode() for one in waiting_again(kafka, names, group, book)
    )


def ordered(kafka: Kafka, names: Names, wish: Wish, run: str) -> Order:
    """A new replay of everything that was asked for and is there now. Raises KafkaException."""
    asked, topic = wish.records, names.topic(wish.records.topic)
    found = there(kafka, [topic]).partitions
    chosen = between(kafka, spans(kafka, found), asked.start, asked.end)
    if asked.key is not None and found:
        home = partition_of(asked.key.encode(), found[topic])
        chosen = [span for span in chosen if span.partition == home]
    return Order(
        run,
        asked.topic,
        asked.start.isoformat() if asked.start else "",
        asked.end.isoformat() if asked.end else "",
        asked.key or "",
        asked.file or "",
        wish.files,
        wish.share,
        wish.force,
        wish.at.isoformat(),
        {str(span.partition): span.start for span in chosen},
        {str(span.partition): span.end for span in chosen},
    )


def meant(kafka: Kafka, names: Names, order: Order) -> Iterator[tuple[Any, bool]]:
    """The records of the topic that are not copied yet, and whether each is meant. Raises KafkaException."""
    topic, key = names.topic(order.topic), order.key.encode()
    left = [Span(topic, int(number), order.nexts[number], end) for number, end in order.ends.items()]
    for message in records(kafka, left):
        sha256 = dict(message.headers() or ()).get(event.SHA256, b"").decode("ascii", "replace")
        named = message.key() is not None and message.value() is not None and (not key or message.key() == key)
        yield message, named and (not order.files or sha256 in order.files)


def again(order: Order, message: Any) -> dict[str, bytes]:
    """The headers of a copy: those of the record, what it is and where it stood, and who asked for it again."""
    told = {
        TOPIC: order.topic.encode(),
        REPLAY: order.run.encode(),
        SHARE: str(order.share).encode(),
        OFFSET: str(message.offset()).encode(),
        TIMESTAMP: str(message.timestamp()[1]).encode(),
    }
    forced = {FORCE: b"1"} if order.force else {}
    return {**{name: value or b"" for name, value in message.headers() or ()}, **told, **forced}


@dataclass
class Copying:
    """The one who copies for a group; whoever comes with the same name takes over."""

    kafka: Kafka
    names: Names
    group: str
    publisher: Publisher
    told: Callable[[int], None] = lambda _: None

    def copy(self, order: Order) -> Order:
        """Copy what is left of an order. Raises Fenced where another took over, and KafkaException."""
        messages: list[Message] = []
        nexts, whole = dict(order.nexts), order.seen
        for read, (message, chosen) in enumerate(meant(self.kafka, self.names, order), 1):
            nexts[str(message.partition())] = message.offset() + 1
            if chosen:
                headers = list(again(order, message).items())
                messages.append(Message(self.names.replay(self.group), message.key(), message.value(), headers))
            if len(messages) >= AT_ONCE or read % READ_AT_ONCE == 0:
                order = self.write(replace(order, nexts=dict(nexts)), messages)
                messages = []
                self.told(whole - order.seen)
        return self.write(replace(order, nexts=dict(order.ends)), messages)

    def write(self, order: Order, messages: list[Message]) -> Order:
        """Copies and how far they go, in one transaction; where nobody knows its fate, the topic is asked."""
        order = replace(order, copied=order.copied + len(messages))
        note = Message(self.names.replays, self.group.encode(), order.dump())
        while True:
            try:
                self.publisher.commit([*messages, note])
            except NotWritten:
                time.sleep(0.5)
            except InDoubt:
                if order_of(self.kafka, self.names, self.group) == order:
                    return order
            else:
                return order
