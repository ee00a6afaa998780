"""The broker is a real one: it keeps what it was given over a kill, and says why it does not start."""

from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from sandbox.kafka.broker import Broker
from sandbox.program import ProgramDiedError


def create(broker: Broker, topic: str) -> None:
    """A topic with one partition."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(20)


def produce(broker: Broker, topic: str, value: bytes) -> None:
    """One record, acknowledged by the broker."""
    producer = Producer({"bootstrap.servers": broker.bootstrap, "enable.idempotence": True})
    producer.produce(topic, value)
    assert producer.flush(20) == 0


def values(broker: Broker, topic: str) -> list[bytes]:
    """Everything in the topic's partition."""
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "reader", "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found: list[bytes] = []
    while (message := consumer.poll(20)) is not None and message.error() is None:
        found.append(message.value() or b"")
    consumer.close()
    return found


def test_shared_broker_takes_and_gives_records(kafka: Broker, prefix: str) -> None:
    create(kafka, f"{prefix}orders")
    produce(kafka, f"{prefix}orders", b"a docket")
    assert values(kafka, f"{prefix}orders") == [b"a docket"]


def test_records_survive_a_power_cut_on_the_same_port(own_kafka: Broker) -> None:
    create(own_kafka, "orders")
    produce(own_kafka, "orders", b"before")
    port = own_kafka.port
    own_kafka.kill()
    assert not own_kafka.running
    own_kafka.resume()
    produce(own_kafka, "orders", b"after")
    assert own_kafka.port == port
    assert values(own_kafka, "orders") == [b"before", b"after"]


def test_a_frozen_broker_goes_on_where_it_was(own_kafka: Broker) -> None:
    create(own_kafka, "orders")
    own_kafka.freeze()
    assert own_kafka.running
    own_kafka.thaw()
    produce(own_kafka, "orders", b"later")
    assert values(own_kafka, "orders") == [b"later"]


def test_a_broker_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(ProgramDiedError, match="many"):
        Broker.start(tmp_path, settings={"num.network.threads": "many"})
