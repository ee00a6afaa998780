"""A member leaves its group, or the group moves on without telling it."""

from __future__ import annotations

import time
from typing import Any

from confluent_kafka import TopicPartition

from consumers.engine.broker import GivenUp, KafkaSide, Settlement
from sandbox.kafka.broker import Broker
from schemas.topics import Names
from tillstream.kafka.publisher import Message, Publisher
from tillstream.kafka.topics import Plan, ensure

PARTITIONS = 4


class Slow(KafkaSide):
    """A member whose thread, once it has let go of partitions, waits for its turn on a busy machine.

    `early` is what it was before it joined.
    """

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.early = self._consumer.consumer_group_metadata()

    def _forget(self, *given: Any) -> None:
        super()._forget(*given)
        time.sleep(0.5)


def joined(kafka: Broker, prefix: str) -> Slow:
    """A member that holds all partitions, and keeps nothing of them."""
    options, topic = {"bootstrap.servers": kafka.bootstrap}, Names(prefix).topic("customers")
    ensure(options, [Plan(topic, PARTITIONS, 1)])
    publisher = Publisher(options, f"{prefix}leaving")
    side = Slow(options, "pigeon", f"{prefix}pigeon", [topic], publisher, lambda _, __: GivenUp(set(), None))
    deadline = time.monotonic() + 60
    while len(side.held) < PARTITIONS:
        assert time.monotonic() < deadline
        side.turn(None, 1, 0.1, set())
    return side


def test_a_member_that_has_left_before_its_thread_goes_on_finds_nothing_wrong(kafka: Broker, prefix: str) -> None:
    """Once partitions are let go in `close` the membership is soon over, and then nobody can ask for it."""
    side = joined(kafka, prefix)
    before = side.changes
    side.close()
    assert (side.held, side._broken, side.changes) == ({}, None, before + 1)


def test_a_settlement_refused_because_the_group_has_moved_on_is_written_by_the_member_of_today(
    kafka: Broker, prefix: str
) -> None:
    """Its epoch moves on when others come and go, with no partition of its own given or taken."""
    side = joined(kafka, prefix)
    side._membership = side.early
    (topic,) = side._topics
    settlement = Settlement("mark", messages=[Message(topic, b"k", b"v")], offsets=[TopicPartition(topic, 0, 0)])
    assert [side.turn(settlement, 1, 0.1, set()).settled for _ in range(2)] == [False, True]
    side.close()
