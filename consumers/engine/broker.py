"""The Kafka side of a worker: one thread owns the consumer and the producer, and nothing else touches them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson
import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from consumers.engine.position import Position
from consumers.engine.post import Post
from consumers.engine.slot import POSITION, Slot
from tillstream import telemetry
from tillstream.kafka.client import ends, member, reader
from tillstream.kafka.publisher import InDoubt, MembershipOld, Message, NotWritten, Publisher
from tillstream.kafka.stretch import stretch

log = structlog.get_logger()
HIGHS_SECONDS = 2.0
Rebalance = Callable[[Consumer, list[TopicPartition]], None]
ASK_SECONDS, ANSWER_SECONDS = 5.0, 3.0


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


class GivenUp(NamedTuple):
    """Slots that are taken away, and the last settlement for them, if there is one."""

    slots: set[Slot]
    settlement: Settlement | None


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

    `sink` is how metrics name the group, `group` how Kafka knows it.

    `give_up(partitions, lost)` is called when partitions are taken away; what it returns is committed and closed before
    they go.
    """

    def __init__(
        self,
        kafka: Mapping[str, Any],
        sink: str,
        group: str,
        topics: Sequence[str],
        publisher: Publisher,
        give_up: Callable[[set[int], bool], GivenUp],
    ) -> None:
        self._kafka = kafka
        self._sink, self._group = sink, group
        self._topics = tuple(topics)
        self._publisher = publisher
        self._give_up = give_up
        self._active: dict[TopicPartition, None] = {}
        self._paused: set[tuple[str, int]] = set()
        self._ended: dict[tuple[str, int], int] = {}
        self.held: dict[int, set[str]] = {}
        self.changes = 0
        self._silent: str | None = None
        self._settling_since = float("inf")
        self._tenancies: dict[int, int] = {}
        self._consumer: Consumer = member(kafka, group)
        self._membership: Any = None
        self._highs_at = self._asked_at = 0.0
        self._broken: Exception | None = None
        self._consumer.subscribe(
            list(topics),
            on_assign=self._kept(self._assigned),
            on_revoke=self._kept(self._revoked),
            on_lost=self._kept(self._lost),
        )

    def _kept(self, react: Rebalance) -> Rebalance:
        """What a rebalance raises is raised by the turn: the library that calls back would lose it."""

        def called(consumer: Consumer, partitions: list[TopicPartition]) -> None:
            try:
                react(consumer, partitions)
            except Exception as error:
                log.exception("a rebalance failed", group=self._group)
                self._broken = self._broken or error

        return called

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._changed("assigned")
        starts = [TopicPartition(p.topic, p.partition, OFFSET_BEGINNING) for p in partitions]
        consumer.incremental_assign(starts)
        consumer.pause(starts)
        for p in partitions:
            self.held.setdefault(p.partition, set()).add(p.topic)
        self._tenancies |= dict.fromkeys((p.partition for p in partitions), self.changes)

    @property
    def away(self) -> str | None:
        """Why Kafka keeps us waiting; None while it does not."""
        if time.monotonic() - self._settling_since > ANSWER_SECONDS:
            return "Kafka does not answer: a settlement waits for it"
        return self._silent

    def tenancy(self, number: int) -> int:
        """Changes whenever the partition comes anew: what was restored for an earlier one may be stale."""
        return self._tenancies.get(number, 0)

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        given = self._give_up({p.partition for p in partitions}, False)
        if given.settlement is not None:
            self.settle_last(given.settlement)
        self._changed("revoked")
        self._forget(consumer, partitions, given)

    def _lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        given = self._give_up({p.partition for p in partitions}, True)
        self._changed("lost")
        self._forget(consumer, partitions, given)

    def _forget(self, consumer: Consumer, partitions: list[TopicPartition], given: GivenUp) -> None:
        for slot in given.slots:
            slot.state.close()
        gone, numbers = {(p.topic, p.partition) for p in partitions}, {p.partition for p in partitions}
        rest = [a for a in self._active if a.partition in numbers and (a.topic, a.partition) not in gone]
        if rest:
            consumer.pause(rest)  # a part of a partition is not worked on
        self._active = {a: None for a in self._active if a.partition not in numbers}
        self._paused = {(topic, number) for topic, number in self._paused if number not in numbers}
        held = {number: {t for t in topics if (t, number) not in gone} for number, topics in self.held.items()}
        self.held = {number: topics for number, topics in held.items() if topics}
        self._tenancies |= dict.fromkeys(numbers, -1)
        consumer.incremental_unassign(partitions)

    def _changed(self, kind: str) -> None:
        """Comes before anything is taken or let go: a consumer that closes leaves the group as soon as that is done."""
        self._renew()
        self.changes += 1
        telemetry.REBALANCES.labels(self._sink, kind).inc()

    def _renew(self) -> None:
        """Take our membership anew. Who was put out of the group has none; what they still settle is refused."""
        with contextlib.suppress(RuntimeError):
            self._membership = self._consumer.consumer_group_metadata()

    def begin(self, slot: Slot, post: Post, tenancy: int) -> bool:
        """Find where reading of a slot starts that was restored under a tenancy, and start it; False when it is over.

        Raises RetentionLoss where records were removed that the group had not read.
        """
        if self.held.get(slot.number) != set(self._topics) or self.tenancy(slot.number) != tenancy:
            return False
        left = slot.left_by_former()
        committed = self._consumer.committed([TopicPartition(topic, slot.number) for topic in self._topics], 20)
        starts = []
        for part in committed:
            name, topic_id = post.topics[part.topic], post.topic_ids[part.topic]
            position = self._start(part, left.get(name), topic_id)
            slot.positions[name], slot.topic_ids[name] = position, topic_id
            starts.append(TopicPartition(part.topic, slot.number, position.next))
        for start in starts:
            self._consumer.seek(start)
        self._consumer.resume(starts)
        self._active |= dict.fromkeys(starts)
        return True

    def _start(self, part: TopicPartition, former: tuple[Position, str, bool] | None, topic_id: str) -> Position:
        """The later of the committed offset and the one the state knows; the log's start where neither is known."""
        low, _ = ends(self._consumer, part.topic, part.partition)
        committed: int = part.offset
        if former is not None and former[1] != topic_id:
            log.warning("topic was made anew; read from its beginning", topic=part.topic, partition=part.partition)
            former, committed = None, -1
        if former is None:
            position = Position(committed if committed >= 0 else low)
        else:
            position = former[0]
            if committed > position.next:
                position.skip(committed)
        if position.next < low:
            raise RetentionLoss(_loss(self._group, part, position.next, low))
        return position

    def turn(self, settlement: Settlement | None, room: int, wait: float, paused: set[tuple[str, int]]) -> Turn:
        """Settle, then take what has arrived: at most `room` records, waiting up to `wait` seconds for the first."""
        turn, begun = Turn(), time.monotonic()
        self._ask()
        if settlement is not None:
            turn.settled = self._settle(settlement)
            turn.settle_seconds = time.monotonic() - begun
            if not turn.settled:
                return turn
        self._pause(room, paused)
        messages = self._consumer.consume(1, wait)
        if self._broken is not None:
            raise self._broken
        if room > 1 and messages:
            messages += self._consumer.consume(room, 0)
        for message in messages:
            error = message.error()
            if error is None:
                turn.arrivals.append(_arrival(message))
            elif error.code() == KafkaError._PARTITION_EOF:
                topic, partition, offset = _arrival(message)[:3]
                turn.ends.append((topic, partition, offset))
                self._ended[topic, partition] = offset
            else:
                self._complain(message, error)
        turn.poll_seconds = time.monotonic() - begun - turn.settle_seconds
        if time.monotonic() > self._highs_at:
            self._highs_at = time.monotonic() + HIGHS_SECONDS
            turn.highs = {(a.topic, a.partition): self._high(a) for a in self._active}
        return turn

    def _high(self, part: TopicPartition) -> int:
        """The offset after the last record that may be read: what an open transaction has written is not among them.

        The library remembers the high watermark (librdkafka, `rd_kafka_get_watermark_offsets`); the broker tells a
        reader of committed records the last stable offset, and is asked where both may differ.
        """
        high: int = self._consumer.get_watermark_offsets(part, cached=True)[1]
        ended = self._ended.get((part.topic, part.partition), high)
        if self._silent is not None or high <= ended or self._consumer.position([part])[0].offset > ended:
            return high
        try:
            return int(self._consumer.get_watermark_offsets(part, ANSWER_SECONDS, cached=False)[1])
        except KafkaException:
            return high

    def _complain(self, message: Any, error: KafkaError) -> None:
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            part = TopicPartition(message.topic(), message.partition())
            low, _ = ends(self._consumer, part.topic, part.partition)
            raise RetentionLoss(_loss(self._group, part, self._consumer.position([part])[0].offset, low))
        if error.code() == KafkaError._FATAL:
            raise KafkaException(error)
        log.warning("Kafka", group=self._group, why=error.str())

    def _ask(self) -> None:
        """Now and then, ask whether Kafka is there: an idle consumer would not tell."""
        if time.monotonic() < self._asked_at:
            return
        try:
            self._consumer.list_topics(self._topics[0], ANSWER_SECONDS)
        except KafkaException as error:
            if self._silent is None:
                self._silent = f"Kafka does not answer: {error.args[0].str()}"
                log.warning("Kafka does not answer", group=self._group, why=error.args[0].str())
        else:
            if self._silent is not None:
                log.warning("Kafka answers again", group=self._group)
            self._silent = None
        self._asked_at = time.monotonic() + ASK_SECONDS

    def _pause(self, room: int, paused: set[tuple[str, int]]) -> None:
        want = (
            {(a.topic, a.partition) for a in self._active}
            if room <= 0
            else paused & {(a.topic, a.partition) for a in self._active}
        )
        if want == self._paused:
            return
        stop, go = want - self._paused, self._paused - want
        if stop:
            self._consumer.pause([TopicPartition(t, n) for t, n in stop])
        if go:
            self._consumer.resume([TopicPartition(t, n) for t, n in go])
        self._paused = want

    def _settle(self, settlement: Settlement) -> bool:
        self._settling_since = time.monotonic()
        settled = self._commit(settlement)
        self._settling_since = float("inf")
        return settled

    def _commit(self, settlement: Settlement) -> bool:
        try:
            self._publisher.commit(settlement.messages, settlement.offsets, self._membership)
        except MembershipOld as error:
            # Our epoch also moves on when others come; a broker without KIP-1251 takes offsets by the last one only.
            self._renew()
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
        while True:
            try:
                return self._found(settlement)
            except KafkaException as error:
                log.warning("a settlement's fate is not known yet", group=self._group, why=error.args[0].str())
                time.sleep(1.0)

    def _found(self, settlement: Settlement) -> bool:
        slot, consumer = settlement.slots[0], reader(self._kafka)
        try:
            settlement.written |= {s.number: ends(consumer, s.state.topic, s.number)[1] for s in settlement.slots}
            low, high = ends(consumer, slot.state.topic, slot.number)
            start = max(low, high - 5 * len(settlement.messages) - 1000)
            batches = stretch(consumer, slot.state.topic, slot.number, start, high)
            return any(_marks(message, settlement.mark) for batch in batches for message in batch.records)
        finally:
            consumer.close()

    def settle_last(self, settlement: Settlement) -> None:
        """The settlement before leaving; refused twice, its records are repeated by the next owner."""
        if not (self._settle(settlement) or self._settle(settlement)):
            log.warning("the last settlement was refused; the next owner repeats it", group=self._group)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()


def _arrival(message: Any) -> Arrival:
    return Arrival(
        message.topic(),
        message.partition(),
        message.offset(),
        message.timestamp()[1],
        message.key(),
        message.value(),
        message.headers() or [],
    )


def _marks(message: Any, mark: str) -> bool:
    """Is it a position record of the settlement with this mark?"""
    if not (message.key() or b"").startswith(POSITION.encode()):
        return False
    return bool(orjson.loads(message.value() or b"{}").get("mark") == mark)


def _loss(group: str, part: TopicPartition, wanted: int, low: int) -> str:
    return (
        f"{group}: offsets {wanted} to {low - 1} of {part.topic}, partition {part.partition}, were removed by "
        f"retention before they were read (the partition now begins at {low}). Raise the topic's retention.ms with "
        f"Kafka's own tools until it covers your longest outage; [topics] keep_events counts only when a topic is "
        f"made. To go on without them, set the group's offset to {low} with the same tools and start again; "
        f"`tillstream audit` then names the files they came from"
    )
