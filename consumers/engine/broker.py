"""The Kafka side of a worker: one thread owns the consumer and the producer, and nothing else touches them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from consumers.engine.position import Position
from consumers.engine.slot import POSITION, Slot
from tillstream import telemetry
from tillstream.kafka.client import ends, member, reader
from tillstream.kafka.publisher import InDoubt, MembershipOld, Message, NotWritten, Publisher

log = structlog.get_logger()
HIGHS_SECONDS = 2.0


class RetentionLoss(Exception):
    """Records were removed from a topic before this group had read them; the message names the range."""


class Arrival(NamedTuple):
    """A record as Kafka gave it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


@dataclass(slots=True)
class Settlement:
    """What one transaction writes: messages and state of some slots, with their offsets."""

    mark: str
    number: int = 0
    plans: int = 0
    slots: list[Slot] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    offsets: list[TopicPartition] = field(default_factory=list)
    handed: list[tuple[Slot, list[Message]]] = field(default_factory=list)
    written: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Turn:
    """What one turn of the Kafka thread brought: did the settlement hold, what arrived, where which partition ended."""

    settled: bool = True
    settle_seconds: float = 0.0
    poll_seconds: float = 0.0
    highs: dict[tuple[str, int], int] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    ends: list[tuple[str, int, int]] = field(default_factory=list)


class KafkaSide:
    """Everything here runs in the one Kafka thread, but for `held`, which others may read.

    `give_up(partitions, lost)` is called when partitions are taken away: it returns the last settlement for them (or
    None), which is committed before they go.
    """

    def __init__(self, kafka: Mapping[str, Any], group: str, topics: Sequence[str], publisher: Publisher,
                 give_up: Callable[[set[int], bool], Settlement | None]) -> None:
        self._kafka = kafka
        self._group = group
        self._topics = tuple(topics)
        self._publisher = publisher
        self._give_up = give_up
        self._active: dict[TopicPartition, None] = {}
        self._paused: set[tuple[str, int]] = set()
        self._all_paused = False
        self.held: dict[int, set[str]] = {}
        self.changes = 0
        self._consumer: Consumer = member(kafka, group)
        self._membership: Any = None
        self._highs_at = 0.0
        self._consumer.subscribe(list(topics), on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost)

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        starts = [TopicPartition(p.topic, p.partition, OFFSET_BEGINNING) for p in partitions]
        consumer.incremental_assign(starts)
        consumer.pause(starts)
        for p in partitions:
            self.held.setdefault(p.partition, set()).add(p.topic)
        self._changed("assigned")

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        settlement = self._give_up({p.partition for p in partitions}, False)
        if settlement is not None and not self._settle(settlement):
            log.warning("the last settlement of given-up partitions was refused; their new owner repeats it", group=self._group)
        for slot in settlement.slots if settlement is not None else ():
            slot.state.close()
        self._forget(partitions)
        consumer.incremental_unassign(partitions)
        self._changed("revoked")

    def _lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._give_up({p.partition for p in partitions}, True)
        self._forget(partitions)
        consumer.incremental_unassign(partitions)
        self._changed("lost")

    def _forget(self, partitions: list[TopicPartition]) -> None:
        for p in partitions:
            self.held.get(p.partition, set()).discard(p.topic)
            self._active = {a: None for a in self._active if a.partition != p.partition}
            self._paused.discard((p.topic, p.partition))
        self.held = {number: topics for number, topics in self.held.items() if topics}

    def _changed(self, kind: str) -> None:
        self._membership = self._consumer.consumer_group_metadata()
        self.changes += 1
        telemetry.REBALANCES.labels(self._group, kind).inc()

    def begin(self, slot: Slot, bare: Mapping[str, str], topic_ids: Mapping[str, str]) -> bool:
        """Find where reading of a restored slot starts, and start it; False when it is no longer ours.

        Raises RetentionLoss where records were removed that the group had not read.
        """
        if self.held.get(slot.number) != set(self._topics):
            return False
        left = slot.left_by_former()
        parts = [TopicPartition(topic, slot.number) for topic in self._topics]
        committed = {p.topic: p.offset for p in self._consumer.committed(parts, 20)}
        starts = []
        for topic in self._topics:
            low, high = ends(self._consumer, topic, slot.number)
            name = bare[topic]
            former = left.get(name)
            if former and former[1] != topic_ids[topic]:
                log.warning("topic was made anew; reading starts at its beginning", topic=topic, partition=slot.number)
                former, committed[topic] = None, -1
            position = _start(former[0] if former else None, committed[topic], low)
            if position.next < low:
                raise RetentionLoss(
                    f"{self._group}: offsets {position.next} to {low - 1} of {topic}, partition {slot.number}, were removed by retention "
                    f"before they were read (the partition now holds {low} to {high - 1}). Drop the files of that time into the "
                    f"pending folder again under [topics] retention that covers your longest outage, then accept the loss by "
                    f"setting the group's offset to {low} with Kafka's own tools and start again"
                )
            slot.positions[name], slot.topic_ids[name] = position, topic_ids[topic]
            starts.append(TopicPartition(topic, slot.number, position.next))
        for start in starts:
            self._consumer.seek(start)
        self._consumer.resume(starts)
        self._active |= dict.fromkeys(starts)
        self._all_paused = False
        return True

    def turn(self, settlement: Settlement | None, room: int, wait: float, paused: set[tuple[str, int]]) -> Turn:
        """Settle, then take what has arrived: at most `room` records, waiting up to `wait` seconds for the first."""
        turn, begun = Turn(), time.monotonic()
        if settlement is not None:
            turn.settled = self._settle(settlement)
            turn.settle_seconds = time.monotonic() - begun
            if not turn.settled:
                return turn
        self._pause(room, paused)
        messages = self._consumer.consume(1, wait)
        if room > 1 and messages:
            messages += self._consumer.consume(room, 0)
        for message in messages:
            error = message.error()
            if error is None:
                turn.arrivals.append(_arrival(message))
            elif error.code() == KafkaError._PARTITION_EOF:
                turn.ends.append(_arrival(message)[:3])
            elif error.code() == KafkaError._AUTO_OFFSET_RESET or error.fatal():
                raise KafkaException(error)
            else:
                log.warning("Kafka", group=self._group, why=error.str())
        turn.poll_seconds = time.monotonic() - begun - turn.settle_seconds
        if time.monotonic() > self._highs_at:
            self._highs_at = time.monotonic() + HIGHS_SECONDS
            turn.highs = {(a.topic, a.partition): self._consumer.get_watermark_offsets(a, cached=True)[1] for a in self._active}
        return turn

    def _pause(self, room: int, paused: set[tuple[str, int]]) -> None:
        want = {(a.topic, a.partition) for a in self._active} if room <= 0 else paused & {(a.topic, a.partition) for a in self._active}
        if want == self._paused:
            return
        stop, go = want - self._paused, self._paused - want
        if stop:
            self._consumer.pause([TopicPartition(t, n) for t, n in stop])
        if go:
            self._consumer.resume([TopicPartition(t, n) for t, n in go])
        self._paused = want

    def _settle(self, settlement: Settlement) -> bool:
        try:
            self._publisher.commit(settlement.messages, settlement.offsets, self._membership)
        except MembershipOld as error:
            log.info("settled again after the group has moved on", group=self._group, why=str(error))
            return False
        except NotWritten as error:
            log.warning("a settlement was refused and is repeated", group=self._group, why=str(error))
            return False
        except InDoubt as error:
            if not self._landed(settlement):
                log.warning("a settlement was lost and is repeated", group=self._group, why=str(error))
                return False
        for slot in settlement.slots:
            slot.state.committed(settlement.written[slot.number])
        return True

    def _landed(self, settlement: Settlement) -> bool:
        """Was the transaction of an unknown result committed? Its position records tell."""
        slot = settlement.slots[0]
        consumer = reader(self._kafka)
        try:
            low, high = ends(consumer, slot.state.topic, slot.number)
            consumer.assign([TopicPartition(slot.state.topic, slot.number, max(low, high - 5 * len(settlement.messages) - 1000))])
            found, position = False, low
            settlement.written |= {s.number: ends(consumer, s.state.topic, s.number)[1] for s in settlement.slots}
            while position < high:
                for message in consumer.consume(5000, 0.1):
                    if message.error() is None and (message.key() or b"").startswith(POSITION.encode()):
                        found = found or orjson.loads(message.value() or b"{}").get("mark") == settlement.mark
                position = max(position, consumer.position([TopicPartition(slot.state.topic, slot.number)])[0].offset)
        finally:
            consumer.close()
        return found

    def settle_last(self, settlement: Settlement) -> None:
        """The settlement before leaving; refused, its records are repeated by the next owner."""
        if not self._settle(settlement):
            log.warning("the last settlement was refused; the next owner repeats it", group=self._group)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()


def _arrival(message: Any) -> Arrival:
    return Arrival(message.topic(), message.partition(), message.offset(), message.timestamp()[1], message.key(), message.value(),
                   message.headers() or [])


def _start(former: Position | None, committed: int, low: int) -> Position:
    """The later of the committed offset and the one the state knows; the log's start where neither is known."""
    if former is None:
        return Position(committed if committed >= 0 else low)
    if committed > former.next:
        former.skip(committed)
    return former
