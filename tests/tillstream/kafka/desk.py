"""What Kafka tests need: a topic of their own, what readers of committed data see, and members of a group."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from sandbox.kafka.broker import Broker
from tillstream.kafka.client import admin, ends, member, reader
from tillstream.kafka.topics import Found, Plan, ensure


def options(broker: Broker, **more: Any) -> dict[str, Any]:
    """How to reach the broker."""
    return {"bootstrap.servers": broker.bootstrap, **more}


def topic(broker: Broker, name: str, partitions: int = 1, config: Mapping[str, str] | None = None) -> Found:
    """A topic of the test's own, whose partitions answer (a moment after it can be described)."""
    found = ensure(options(broker), [Plan(name, partitions, 1, config or {})])
    consumer = reader(options(broker))
    patiently(lambda: all(_answers(consumer, name, partition) for partition in range(partitions)))
    consumer.close()
    return found


def _answers(consumer: Consumer, name: str, partition: int) -> bool:
    try:
        ends(consumer, name, partition)
    except KafkaException:
        return False
    return True


def visible(broker: Broker, name: str, partition: int = 0) -> list[tuple[bytes | None, bytes | None]]:
    """Keys and values that a reader of committed data sees, once every transaction has ended."""
    bounds, consumer = reader(options(broker), committed=False), reader(options(broker))
    try:
        position, end = ends(bounds, name, partition)
        consumer.assign([TopicPartition(name, partition, position)])
        found = []
        while position < end:
            found += [(m.key(), m.value()) for m in consumer.consume(1000, 0.1) if m.error() is None]
            position = max(position, consumer.position([TopicPartition(name, partition)])[0].offset)
        return found
    finally:
        bounds.close()
        consumer.close()


def delete(broker: Broker, name: str) -> None:
    """Delete a topic."""
    client = admin(options(broker))
    client.delete_topics([name])[name].result(20)


def joined(broker: Broker, group: str, name: str) -> Consumer:
    """A member of the group that holds partitions of the topic."""
    consumer = member(options(broker), group)
    held: list[TopicPartition] = []
    consumer.subscribe([name], on_assign=lambda _, partitions: held.extend(partitions))
    patiently(lambda: consumer.consume(1, 0.1) is not None and bool(held))
    return consumer


def patiently(true: Callable[[], bool], seconds: float = 30.0) -> None:
    """Return when it is true."""
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, "it did not become true"
