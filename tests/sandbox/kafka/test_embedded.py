"""The mock cluster is enough for a demo: what is produced can be consumed by a group."""

from __future__ import annotations

from confluent_kafka import Consumer, Producer

from sandbox.kafka.embedded import NOTICE, EmbeddedKafka


def test_a_group_reads_what_was_produced() -> None:
    kafka = EmbeddedKafka()
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    producer.produce("orders", b"a docket")
    assert producer.flush(10) == 0
    consumer = Consumer(
        {
            "bootstrap.servers": kafka.bootstrap,
            "group.id": "demo",
            "group.protocol": "consumer",
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe(["orders"])
    message = consumer.poll(20)
    consumer.close()
    kafka.stop()
    assert message is not None
    assert message.value() == b"a docket"


def test_it_says_what_it_is() -> None:
    assert "mock" in NOTICE
