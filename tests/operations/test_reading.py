"""Topics can be read from the moment they are made."""

from __future__ import annotations

from datetime import UTC, datetime

from operations.reading import between, spans
from sandbox.kafka.broker import Broker
from tillstream.kafka.publisher import Message, Publisher
from tillstream.kafka.topics import Plan, ensure


def test_partitions_that_are_young_are_waited_for(kafka: Broker, prefix: str) -> None:
    options = {"bootstrap.servers": kafka.bootstrap}
    for attempt in range(5):
        plans = [Plan(f"{prefix}{attempt}.{name}", 6, 1) for name in "abcdef"]
        found = spans(options, ensure(options, plans).partitions)
        assert {(span.start, span.end) for span in found} == {(0, 0)}


def test_a_time_before_the_first_of_all_records_is_before_them(kafka: Broker, prefix: str) -> None:
    """Kafka counts time from 1970 and takes a time before for a word of its own ("the latest", "the earliest" ...)."""
    options = {"bootstrap.servers": kafka.bootstrap}
    made = ensure(options, [Plan(f"{prefix}a", 1, 1)])
    Publisher(options, f"{prefix}id").commit([Message(f"{prefix}a", b"k", b"v")])
    found = spans(options, made.partitions)
    for moment in (datetime(1969, 12, 31, 23, 59, 59, 999_000, UTC), datetime(1960, 1, 1, tzinfo=UTC)):
        assert between(options, found, moment, None) == found
        assert [span.end for span in between(options, found, None, moment)] == [0]
