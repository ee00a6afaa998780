"""What a partition that is young, or changes hands, is asked."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from tillstream.kafka.client import ends


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
