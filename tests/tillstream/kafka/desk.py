"""What Kafka tests need: a topic of their own, what readers of committed data see, and members of a group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from sandbox.kafka.broker import Broker
from tests.ground import committed
from tests.waiting import until
from tillstream.kafka.client import admin, ends, member, reader
from tillstream.kafka.topics import Found, Plan, ensure


def options(broker: Broker, **more: Any) -> dict[str, Any]:
    """How to reach the broker."""
    return {"bootstrap.servers": broker.bootstrap, **more}


def topic(broker: Broker, name: str, partitions: int = 1, config: Mapping[str, str] | None = None) -> Found:
    """A topic of the test's own, whose partitions answer (a moment after it can be described)."""
    found = ensure(options(broker), [Plan(name, partitions, 1, config or {})])
    consumer = reader(options(broker))
    until(lambda: all(_answers(consumer, name, partition) for partition in range(partitions)))
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
    return [(one.key(), one.value()) for one in committed(options(broker), name, [partition])]


def delete(broker: Broker, name: str) -> None:
    """Delete a topic; the broker has heard of it when this returns."""
    client = admin(options(broker))
    client.delete_topics([name])[name].result(20)
    until(lambda: name not in Found(client, [name]).partitions)


def joined(broker: Broker, group: str, name: str) -> Consumer:
    """A member of the group that holds partitions of the topic."""
    consumer = member(options(broker), group)
    held: list[TopicPartition] = []
    consumer.subscribe([name], on_assign=lambda _, partitions: held.extend(partitions))
    until(lambda: consumer.consume(1, 0.1) is not None and bool(held))
    return consumer
