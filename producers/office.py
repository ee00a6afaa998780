"""Hold the producers' place in their group: which connections are ours, what they remember, and one way to write."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from schemas.topics import Names
from tillstream.kafka.client import member, reader
from tillstream.kafka.partitioner import partition_of
from tillstream.kafka.publisher import InDoubt, MembershipOld, Message, NotWritten, Publisher
from tillstream.kafka.state import State
from tillstream.kafka.stretch import stretch
from tillstream.kafka.topics import Found
from tillstream.logs import logger

LOG = logger(__name__)
PATIENCE = 30.0
"""Seconds that a refused write is tried again at most before the partition is given up and read anew."""


class Lost(Exception):
    """The partition is not ours any more, or nobody knows what became of a write: read everything anew."""


class Place(NamedTuple):
    """A partition of a line; whoever is given it has the connections of that line whose names fall there."""

    line: str
    number: int


@dataclass
class Partition:
    """What the producers keep of one partition of connections: their memory and their books."""

    place: Place
    memory: State
    ledger: State
    position: int = 0
    heard: dict[bytes, int] = field(default_factory=dict)

    @property
    def number(self) -> int:
        """Of the partition, which it has in every topic."""
        return self.place.number

    def close(self) -> None:
        """Forget what was not committed."""
        self.memory.close()
        self.ledger.close()


class Office:
    """A member of a producers' group. A connection belongs to whoever holds the partition of its name.

    Files are worked under `tillstream.ingest`, polls under a group of their own: nobody waits for another role. Members
    of one group who work different connections stand in different lines, or they would be given each other's: the
    partitions of a line's topic are given out among those who stand in it.

    Belongs to one thread. What was held after a call of `turn` can be read until the next one, whatever the group says
    meanwhile; nothing is written for what is not held any more.
    """

    def __init__(
        self,
        kafka: Mapping[str, Any],
        names: Names,
        topics: Found,
        folder: Path,
        transactional_id: str,
        group: str = "ingest",
        lines: Mapping[str, str] | None = None,
    ) -> None:
        """Blocks until the broker has ended what a former self left open. `lines`: connection -> topic; for polls, and
        by default, `tillstream.ingest`."""
        self._kafka = kafka
        self._names = names
        self._topics = topics
        self._folder = folder
        self._publisher = Publisher(kafka, transactional_id)
        self._member: Consumer = member(kafka, names.group(group))
        self._lines = lines or {}
        self._assigned: set[Place] = set()
        self._membership: Any = None
        self._changed = False
        self._held: dict[Place, Partition] = {}
        self._dropped: list[Partition] = []
        self.writing_since: float | None = None
        self._member.subscribe(
            sorted({*self._lines.values()} or {names.ingest}),
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_revoke,
        )

    def place(self, connection: str) -> Place:
        """Where a connection belongs."""
        line = self._lines.get(connection, self._names.ingest)
        return Place(line, partition_of(connection.encode(), self._topics.partitions[line]))

    def holds(self, connection: str) -> Partition | None:
        """The connection's partition, if it is ours and everything in it has been read."""
        return self._held.get(self.place(connection))

    def turn(self, seconds: float, connections: Collection[str]) -> None:
        """Hear what the group says, for so long; read what came with partitions that were given to us."""
        message = self._member.poll(seconds)
        error = message.error() if message is not None else None
        if error is not None and error.code() == KafkaError._FATAL:
            raise KafkaException(error)
        if self._changed:
            self._changed = False
            self._membership = self._member.consumer_group_metadata()
        self._forget_dropped()
        wanted = {self.place(one) for one in connections}
        for place in sorted(wanted & self._assigned - self._held.keys()):
            self._open(place)

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """The topic is the memory's own; reading it is not the member's business, so it waits at the end."""
        ends = [TopicPartition(p.topic, p.partition, OFFSET_END) for p in partitions]
        consumer.incremental_assign(ends)
        consumer.pause(ends)
        self._assigned |= {Place(p.topic, p.partition) for p in partitions}
        self._changed = True

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            place = Place(partition.topic, partition.partition)
            self._assigned.discard(place)
            self._drop(place)
        consumer.incremental_unassign(partitions)
        self._changed = True

    def _open(self, place: Place) -> None:
        """Take a partition, unless Kafka does not answer: then the next turn tries again.

        Each line has local stores of its own: what its owner has seen of a topic says nothing of another line's. So
        they are worth nothing where a connection has come to the line since.
        """
        started = time.monotonic()
        folder = self._folder if place.line == self._names.ingest else self._folder / place.line
        here = ",".join(sorted(one for one in self._lines if self.place(one) == place))
        known = {topic: f"{topic_id} {here}" for topic, topic_id in self._topics.ids.items()}
        with contextlib.ExitStack() as undo:  # what stays open nobody could open again
            memory, ledger = (
                undo.enter_context(contextlib.closing(State(topic, place.number, known[topic], folder)))
                for topic in (self._names.ingest, self._names.ledger)
            )
            try:
                read = memory.restore(self._kafka) + ledger.restore(self._kafka)
            except KafkaException as error:
                LOG.warning("partition cannot be read, trying again", partition=place.number, why=error.args[0].str())
                return
            undo.pop_all()
        self._held[place] = Partition(place, memory, ledger)
        LOG.info("partition taken", partition=place.number, records=read, seconds=round(time.monotonic() - started, 2))

    def _drop(self, place: Place) -> None:
        held = self._held.pop(place, None)
        if held is not None:
            self._dropped.append(held)

    def _forget_dropped(self) -> None:
        while self._dropped:
            self._dropped.pop().close()

    def errands(self, held: Partition, prefix: bytes) -> list[tuple[bytes, bytes]]:
        """What operators ordered for a partition: keys on `tillstream.replays` that begin so, with their values.

        Empty while Kafka does not answer: the next look will tell.
        """
        try:
            return self._ordered(held, prefix)
        except KafkaException as error:
            LOG.warning("whether anybody is to be erased is not known yet", why=error.args[0].str())
            return []

    def _ordered(self, held: Partition, prefix: bytes) -> list[tuple[bytes, bytes]]:
        """Asks first whether anything is new there, and reads only then. Raises KafkaException."""
        topic = self._names.replays
        low, end = self._member.get_watermark_offsets(TopicPartition(topic, held.number), 5.0)
        if low == end or held.heard.get(prefix) == end:
            return []
        found: dict[bytes, bytes | None] = {}
        consumer = reader(self._kafka)
        try:
            for batch in stretch(consumer, topic, held.number, low, end):
                found |= {one.key(): one.value() for one in batch.records if (one.key() or b"").startswith(prefix)}
        finally:
            consumer.close()
        held.heard[prefix] = end
        return [(key, value) for key, value in found.items() if value is not None]

    def commit(self, held: Partition, messages: Iterable[Message]) -> None:
        """Write the messages and everything that was put into the partition's states, in one transaction.

        Raises Lost when the partition must be worked anew from what is committed; tries again until then.
        """
        self._ours(held)
        self.writing_since = time.monotonic()
        try:
            self._write(held, list(messages))
        finally:
            self.writing_since = None

    def _write(self, held: Partition, messages: list[Message]) -> None:
        deadline, pause = time.monotonic() + PATIENCE, 0.1
        while not self._tried(held, messages):
            if time.monotonic() > deadline:
                self._lose(held, "Kafka took nothing for too long")
            self._member.poll(pause)
            pause = min(2 * pause, 5.0)
            self._ours(held)
            self._membership = self._member.consumer_group_metadata()

    def _ours(self, held: Partition) -> None:
        if self._held.get(held.place) is not held:
            raise Lost(f"partition {held.number} was given to another producer")

    def _tried(self, held: Partition, messages: list[Message]) -> bool:
        ends: dict[State, int] = {}
        changes = [_told(state, state.changes(), ends) for state in (held.memory, held.ledger)]
        position = TopicPartition(self._names.ingest, held.number, held.position)
        try:
            self._publisher.commit([*messages, *changes[0], *changes[1]], [position], self._membership)
        except MembershipOld as error:
            LOG.info("write refused, asking the group", partition=held.number, why=str(error))
            return self._withdrawn(held)
        except NotWritten as error:
            LOG.warning("write failed, trying again", partition=held.number, why=str(error))
            return self._withdrawn(held)
        except InDoubt as error:
            self._lose(held, str(error))
        for state in (held.memory, held.ledger):
            state.committed(ends[state]) if state in ends else state.withdrawn()
        held.position = ends.get(held.memory, held.position)
        return True

    def _withdrawn(self, held: Partition) -> bool:
        held.memory.withdrawn()
        held.ledger.withdrawn()
        return False

    def _lose(self, held: Partition, why: str) -> None:
        self._drop(held.place)
        LOG.warning("partition is read anew", partition=held.number, why=why)
        raise Lost(why)

    def close(self) -> None:
        """Leave the group at once, so that an heir need not wait."""
        self._member.close()
        for place in list(self._held):
            self._drop(place)
        self._forget_dropped()


def _told(state: State, changes: list[Message], ends: dict[State, int]) -> list[Message]:
    """The changes, the last of which notes the offset after it."""
    if changes:
        changes[-1] = changes[-1]._replace(written=_noter(state, ends))
    return changes


def _noter(state: State, ends: dict[State, int]) -> Callable[[int], None]:
    def note(offset: int) -> None:
        ends[state] = offset + 1

    return note
