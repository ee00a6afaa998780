"""Read a stretch of one partition, from an offset to another, whatever lies between: markers and gaps included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from tillstream.kafka.client import passing

AT_ONCE = 10_000


class Batch(NamedTuple):
    """Some records (confluent_kafka.Message) of a stretch, and the offset after all that was read with them."""

    records: list[Any]
    next: int


def stretch(consumer: Consumer, topic: str, partition: int, start: int, end: int) -> Iterator[Batch]:
    """What lies from `start` to `end`, in order; the last batch may go further. `consumer` reads nothing else any more.

    Blocks until it is read. Raises KafkaException.
    """
    part = TopicPartition(topic, partition, start)
    if start < end:
        consumer.assign([part])
    while start < end:
        records = [record for record in consumer.consume(AT_ONCE, 0.1) if _is_one(record)]
        start = max(start, consumer.position([part])[0].offset)
        yield Batch(records, start)


def _is_one(record: Any) -> bool:
    error = record.error()
    if error is not None and error.code() != KafkaError._PARTITION_EOF and not passing(error):
        raise KafkaException(error)
    return error is None
