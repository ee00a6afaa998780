"""Send dead letters again: each once, in order, no faster than asked, and no further than what comes back allows.

A letter counts as sent from the transaction that puts it on the group's replay topic. The group notes it in its state
when it takes it from there, so that between the two places every letter is found, whoever was interrupted when.
"""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from confluent_kafka import TopicPartition

from consumers.engine.item import LETTER, REDRIVE, REDRIVES, SHARE, whole
from operations.letters import Letter, sent_again
from operations.reading import Kafka, Span, records, spans, there
from schemas.topics import Names
from tillstream.kafka.client import member
from tillstream.kafka.partitioner import partition_of
from tillstream.kafka.publisher import InDoubt, Message, NotWritten, Publisher

MOST_REDRIVES = 5
"""A letter that came back so often goes no more: only `replay` brings its row again."""
BEST_SHARE = b"0.2"
AT_ONCE = 500
LOOK_SECONDS = 0.3
PATIENCE = 60.0
"""Seconds without any outcome after which watching is given up."""


class Choice(NamedTuple):
    """Letters that may go, and how many may not: sent already, sent too often, without a key."""

    go: list[Letter]
    sent: int
    tired: int
    keyless: int


class Ended(NamedTuple):
    """How many went, how many of them came back as dead letters, how many were left, and why it ended early ("")."""

    sent: int
    failed: int
    left: int
    why: str


def choose(letters: Iterable[Letter], sent: set[str]) -> Choice:
    """Sort out the letters that may go."""
    go, again, tired, keyless = [], 0, 0, 0
    for letter in letters:
        if letter.place in sent:
            again += 1
        elif not letter.key:
            keyless += 1
        elif redrives(letter) >= MOST_REDRIVES:
            tired += 1
        else:
            go.append(letter)
    return Choice(go, again, tired, keyless)


def redrives(letter: Letter) -> int:
    """How often the record was redriven before it became this letter."""
    return whole(letter.told("redrives"), 0)


def name(kind: str) -> str:
    """A name for a redrive or replay that no other has."""
    return f"{kind}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:4]}"


@dataclass
class Redrive:
    """One redrive of a group: `rate` letters a second at most, `stop_after` failures at most; None: no bound.

    With `stop_after`, no more letters are under way than failures are left, so never more than that fail.
    """

    kafka: Kafka
    names: Names
    group: str
    publisher: Publisher
    rate: float | None = None
    stop_after: int | None = None
    told: Callable[[int], None] = lambda _: None
    run: str = field(default_factory=lambda: name("redrive"))

    def __post_init__(self) -> None:
        topics = [self.names.replay(self.group), self.names.dead_letters(self.group)]
        self._partitions = there(self.kafka, topics).partitions
        self._outcomes = Outcomes(self.kafka, self.names, self.group, self.run) if self.stop_after else None
        self._sent = 0

    def drive(self, letters: Sequence[Letter]) -> Ended:
        """Send them, oldest first. Raises Fenced when another redrive of the group took over, and KafkaException."""
        left, why = deque(letters), ""
        while left and not why:
            begun, room = time.monotonic(), self._room()
            if room:
                batch = [left.popleft() for _ in range(min(room, len(left)))]
                self._write(batch)
                self._sent += len(batch)
                self.told(self._sent)
                self._rest(begun, len(batch))
            else:
                why = self._wait()
        while self._outcomes and self._outcomes.open and not why:
            why = self._wait()
        failed = self._outcomes.failed if self._outcomes else 0
        return Ended(self._sent, failed, len(left), why)

    def _room(self) -> int:
        """How many may go now."""
        pace = AT_ONCE if self.rate is None else max(1, int(self.rate / 2))
        if self._outcomes is None or self.stop_after is None:
            return pace
        return max(0, min(pace, self.stop_after - self._outcomes.failed - self._outcomes.open))

    def _wait(self) -> str:
        """Look what became of those under way; why there is no use in waiting, if so."""
        assert self._outcomes is not None  # noqa: S101  # without it there is always room
        time.sleep(LOOK_SECONDS)
        self._outcomes.look()
        if self.stop_after is not None and self._outcomes.failed >= self.stop_after:
            return f"{self._outcomes.failed} came back"
        return "no worker takes them" if self._outcomes.silent > PATIENCE else ""

    def _rest(self, begun: float, count: int) -> None:
        if self.rate is not None:
            time.sleep(max(0.0, count / self.rate - (time.monotonic() - begun)))

    def _write(self, batch: list[Letter]) -> None:
        """One transaction; where nobody knows what became of it, the topics are asked."""
        while batch:
            try:
                self.publisher.commit([self._message(letter) for letter in batch])
            except NotWritten:
                time.sleep(LOOK_SECONDS)
            except InDoubt:
                known = sent_again(self.kafka, self.names, self.group)
                batch = [letter for letter in batch if letter.place not in known]
            else:
                return

    def _message(self, letter: Letter) -> Message:
        topic, key = self.names.replay(self.group), letter.key or b""
        partition = partition_of(key, self._partitions[topic])
        told = {
            REDRIVE: self.run.encode(),
            LETTER: letter.place.encode(),
            SHARE: BEST_SHARE,
            REDRIVES: str(redrives(letter) + 1).encode(),
        }
        headers = list({**letter.headers, **told}.items())
        watch = self._outcomes
        written = (lambda offset: watch.follow(partition, offset)) if watch else None
        return Message(topic, key, letter.value, headers, partition, written)


class Outcomes:
    """What became of the letters of one redrive: under way, failed, or over."""

    def __init__(self, kafka: Kafka, names: Names, group: str, run: str) -> None:
        self._kafka, self._run = kafka, run.encode()
        self._replay, self._buried = names.replay(group), names.dead_letters(group)
        self._group = member(kafka, names.group(group))
        self._under_way: set[tuple[int, int]] = set()
        self._read = {span[:2]: span.end for span in self._spans()}
        self._heard = time.monotonic()
        self.failed = 0

    def _spans(self) -> list[Span]:
        return spans(self._kafka, there(self._kafka, [self._buried]).partitions)

    @property
    def open(self) -> int:
        """How many the group has not finished."""
        return len(self._under_way)

    @property
    def silent(self) -> float:
        """Seconds since something was sent or heard."""
        return time.monotonic() - self._heard

    def follow(self, partition: int, offset: int) -> None:
        """This one is under way."""
        self._under_way.add((partition, offset))
        self._heard = time.monotonic()

    def look(self) -> None:
        """Ask how far the group is, then what came back: both are written together."""
        numbers = {partition for partition, _ in self._under_way}
        asked = [TopicPartition(self._replay, number) for number in numbers]
        reached = {part.partition: part.offset for part in self._group.committed(asked, 20)} if asked else {}
        left = {(number, offset) for number, offset in self._under_way if offset >= reached.get(number, 0)}
        if len(left) < len(self._under_way):
            self._heard = time.monotonic()
        self._under_way = left
        fresh = [span._replace(start=self._read.get(span[:2], span.start)) for span in self._spans()]
        self.failed += sum(dict(one.headers() or ()).get(REDRIVE) == self._run for one in records(self._kafka, fresh))
        self._read |= {span[:2]: span.end for span in fresh}
