"""Topics can be read from the moment they are made."""

from __future__ import annotations

from operations.reading import spans
from sandbox.kafka.broker import Broker
from tillstream.kafka.topics import Plan, ensure


def test_partitions_that_are_young_are_waited_for(kafka: Broker, prefix: str) -> None:
    options = {"bootstrap.servers": kafka.bootstrap}
    for attempt in range(5):
        plans = [Plan(f"{prefix}{attempt}.{name}", 6, 1) for name in "abcdef"]
        found = spans(options, ensure(options, plans).partitions)
        assert {(span.start, span.end) for span in found} == {(0, 0)}
