"""A member leaves its group, with and without Kafka, or the group moves on without telling it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from confluent_kafka import TopicPartition

from consumers.engine.broker import GivenUp, KafkaSide, Settlement
from sandbox.kafka.broker import QUICK_GROUPS, Broker
from schemas.topics import Names
from tests.flow.road import Road, parcels
from tests.second_platform.loft import Loft
from tests.waiting import until
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
    deadline = time.monotonic() + 120
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


def test_the_last_settlement_before_leaving_is_written_by_the_member_of_today_too(kafka: Broker, prefix: str) -> None:
    """Whoever comes next would repeat what it holds: that its epoch has moved on is no reason."""
    side = joined(kafka, prefix)
    side._membership = side.early
    part = TopicPartition(side._topics[0], 0, 7)
    side.settle_last(Settlement("mark", messages=[Message(part.topic, b"k", b"v")], offsets=[part]))
    assert side._consumer.committed([part], 20)[0].offset == 7
    side.close()


def test_a_member_that_kafka_refuses_for_good_ends_with_its_words(prefix: str, tmp_path: Path) -> None:
    """It would be given nothing for ever, and look well."""
    small = {**QUICK_GROUPS, "group.consumer.max.size": "1"}
    with Broker.start(tmp_path / "kafka", settings=small) as kafka, Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        with road.inside() as first:
            until(lambda: first.watch.ready is None)
            with road.inside() as second:
                until(lambda: not second.running)
                assert "reached maximum size" in second.error
            road.orders(parcels(20, 20))
            until(lambda: len(loft.taken) == 20)
            assert first.stop() == 0


WITHOUT = "stopped without Kafka"


def test_f42_a_worker_that_kafka_has_left_ends_its_calls_and_stops(prefix: str, tmp_path: Path) -> None:
    """What it could not settle is repeated by the next, and no more than that."""
    with Broker.start(tmp_path / "kafka", settings=QUICK_GROUPS) as own_kafka, Loft(latency=0.02) as loft:
        road = Road(own_kafka, prefix, tmp_path, loft)
        road.orders(parcels(200, 1500))
        with road.worker() as worker:
            until(lambda: len(loft.taken) > 300)
            loft.latency = 1.0
            until(lambda: loft.under_way > 20)
            own_kafka.kill()
            assert worker.stop(60) == 0
            assert (loft.under_way, worker.said(WITHOUT), worker.said("abandoned")) == (0, True, False)
        own_kafka.resume()
        loft.latency = 0.0
        with road.worker() as worker:
            until(lambda: len({letter.order for letter in loft.taken}) == 1500)
            assert worker.stop() == 0
            assert not worker.said(WITHOUT)
        assert road.totals() == {"orders/delivered": 1500}
        assert loft.repeats() <= 500


def test_f42_a_worker_that_waits_for_kafka_stops_at_once(prefix: str, own_kafka: Broker, tmp_path: Path) -> None:
    road = Road(own_kafka, prefix, tmp_path, {"au": {"url": "http://127.0.0.1:1", "key": "k"}})
    own_kafka.freeze()
    with road.worker() as worker:
        until(lambda: "Kafka" in (worker.pages and worker.page("readyz").text))
        assert worker.stop(60) == 0
