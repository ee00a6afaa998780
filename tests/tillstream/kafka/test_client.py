"""What a partition that is young, or changes hands, is asked; what is logged while Kafka is away."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from structlog.testing import capture_logs

from tillstream.kafka.client import QUIET_SECONDS, Complaints, ends


class Consumer:
    """A consumer whose partition says these words first, one for each question."""

    def __init__(self, *words: int) -> None:
        self._words = list(words)

    def get_watermark_offsets(self, *_: object, **__: object) -> tuple[int, int]:
        if self._words:
            raise KafkaException(KafkaError(self._words.pop(0)))
        return 3, 7


def test_a_partition_without_a_leader_is_asked_again() -> None:
    asked: Any = Consumer(KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)
    assert ends(asked, "orders", 0) == (3, 7)


def test_a_broker_that_is_away_is_the_callers_business() -> None:
    asked: Any = Consumer(KafkaError._TIMED_OUT)
    with pytest.raises(KafkaException):
        ends(asked, "orders", 0)


def test_a_broker_that_is_away_is_in_the_log_once_a_minute() -> None:
    """However often the library says it, and however long the connection had taken to fail."""
    times = iter([5.0, 5.01, 5.02, 5.03, 5.0 + QUIET_SECONDS])
    told = [
        KafkaError(KafkaError._TRANSPORT, "kafka-1:9092/1: Connect failed: refused (after 0ms in state CONNECT)"),
        KafkaError(KafkaError._TRANSPORT, "kafka-1:9092/1: Connect failed: refused (after 1ms in state CONNECT)"),
        KafkaError(KafkaError._TRANSPORT, "kafka-2:9092/2: Connect failed: refused (after 0ms in state CONNECT)"),
        KafkaError(KafkaError._ALL_BROKERS_DOWN, "2/2 brokers are down"),
        KafkaError(KafkaError._TRANSPORT, "kafka-1:9092/1: Disconnected"),
    ]
    complain = Complaints(lambda: next(times))
    with capture_logs() as logged:
        for one in told:
            complain(one)
    assert [line["why"] for line in logged] == [one.str() for one in (told[0], *told[2:])]
