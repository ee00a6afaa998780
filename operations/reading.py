"""Read topics as they stood when somebody asked: committed records only, from one offset to another."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # it is there, but not declared

from tillstream.kafka.client import admin, passing, patiently, reader
from tillstream.kafka.topics import Found

AT_ONCE = 20_000
PATIENCE = 60.0
"""Seconds without a word from the broker after which reading is given up."""

AHEAD = {"queued.min.messages": AT_ONCE // 4, "max.partition.fetch.bytes": 262_144}
"""How far the library reads ahead in each partition; with its own defaults a large topic fills twice the memory."""

Kafka = Mapping[str, Any]


class Span(NamedTuple):
    """A part of a topic partition: from the offset `start`, up to and without `end`."""

    topic: str
    partition: int
    start: int
    end: int


def there(kafka: Kafka, topics: Iterable[str]) -> Found:
    """Which of these topics exist. Raises KafkaException."""
    return Found(admin(kafka), topics)


def spans(kafka: Kafka, partitions: Mapping[str, int]) -> list[Span]:
    """Everything that is committed in these topics (name -> number of partitions) now. Raises KafkaException."""
    places = [(topic, number) for topic, count in partitions.items() for number in range(count)]
    client = _acquainted(kafka)
    lows, ends = (_offsets(client, places, which) for which in (OffsetSpec.earliest(), OffsetSpec.latest()))  # type: ignore[no-untyped-call]  # as the library has it
    return [Span(*place, lows[place], ends[place]) for place in places]


def since(kafka: Kafka, found: Iterable[Span], moment: float) -> list[Span]:
    """The parts of spans that hold what was written from a moment on (seconds since 1970, Kafka's time stamp)."""
    listed = list(found)
    since_1970 = max(0, int(moment * 1000))  # what is less is no time to Kafka, but a word
    starts = _offsets(_acquainted(kafka), [span[:2] for span in listed], OffsetSpec.for_timestamp(since_1970))
    later = ((span, starts[span[:2]]) for span in listed)
    return [span._replace(start=max(span.start, start) if start >= 0 else span.end) for span, start in later]


def between(kafka: Kafka, found: Iterable[Span], start: datetime | None, end: datetime | None) -> list[Span]:
    """The parts of spans that hold what was written from `start` on and before `end`; None: no bound."""
    listed = list(found)
    starts = listed if start is None else since(kafka, listed, start.timestamp())
    if end is None:
        return starts
    ends = {span[:2]: span.start for span in since(kafka, listed, end.timestamp())}
    return [span._replace(end=max(span.start, ends[span[:2]])) for span in starts]


def _acquainted(kafka: Kafka) -> AdminClient:
    """A client that has met its brokers: asked for offsets first of all, now and then it takes three seconds."""
    client = admin(kafka)
    client.list_topics(timeout=20)
    return client


def _offsets(client: AdminClient, places: list[tuple[str, int]], which: OffsetSpec) -> dict[tuple[str, int], int]:
    if not places:
        return {}
    asked = {TopicPartition(topic, number): which for topic, number in places}

    def ask() -> dict[tuple[str, int], int]:
        answers = client.list_offsets(asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=20)
        return {(place.topic, place.partition): answer.result().offset for place, answer in answers.items()}

    return patiently(ask, PATIENCE)


def records(kafka: Kafka, wanted: Iterable[Span]) -> Iterator[Any]:
    """The records of these spans (confluent_kafka.Message), in order within each partition.

    Raises KafkaException, also when the broker falls silent.
    """
    left = {span[:2]: span.end for span in wanted if span.start < span.end}
    if not left:
        return
    consumer = reader({**AHEAD, **kafka})
    try:
        consumer.assign([TopicPartition(*span[:3]) for span in wanted if span[:2] in left])
        yield from _until(consumer, left)
    finally:
        consumer.close()


def _until(consumer: Consumer, left: dict[tuple[str, int], int]) -> Iterator[Any]:
    heard = time.monotonic()
    while left:
        messages: list[Any] = consumer.consume(1, 0.2)
        if messages:
            heard = time.monotonic()
            messages += consumer.consume(AT_ONCE, 0)
        elif time.monotonic() - heard > PATIENCE:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"nothing was heard for {PATIENCE:.0f} s"))
        for message in messages:
            place, error = (message.topic(), message.partition()), message.error()
            if error is not None and error.code() != KafkaError._PARTITION_EOF:
                if passing(error):
                    continue
                raise KafkaException(error)
            end = left.get(place)
            if end is None:
                continue
            offset = message.offset()
            if error is None and offset < end:
                yield message
            if offset >= end - (error is None):
                del left[place]
                consumer.pause([TopicPartition(*place)])
