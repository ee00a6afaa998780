"""Topics are made as planned, never changed, and refused where keys would move: on a real broker."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # the package re-exports the last
    AdminClient,
    ClusterMetadata,
    ConfigResource,
)

from sandbox.kafka.broker import Broker
from tests.tillstream.kafka.desk import delete, options
from tillstream.kafka.client import admin
from tillstream.kafka.topics import Found, Plan, WrongTopics, check, created, ensure, kept, timing


def test_what_is_missing_is_made_as_planned(kafka: Broker, prefix: str) -> None:
    found = ensure(options(kafka), [Plan(f"{prefix}customers", 3, 1, kept(timedelta(days=14)))])
    assert found.partitions == {f"{prefix}customers": 3}
    client, topic = admin(options(kafka)), ConfigResource(ConfigResource.Type.TOPIC, f"{prefix}customers")
    config = next(iter(client.describe_configs([topic]).values())).result(20)
    assert (config["retention.ms"].value, config["cleanup.policy"].value) == ("1209600000", "delete")


def test_what_is_there_stays_as_it_is(kafka: Broker, prefix: str) -> None:
    first = ensure(options(kafka), [Plan(f"{prefix}customers", 2, 1)])
    again = ensure(options(kafka), [Plan(f"{prefix}customers", 2, 1, kept(timedelta(days=1)))])
    assert again.ids == first.ids


def test_a_topic_made_anew_has_another_id(kafka: Broker, prefix: str) -> None:
    plan = Plan(f"{prefix}customers", 2, 1)
    first = ensure(options(kafka), [plan])
    delete(kafka, plan.name)
    assert ensure(options(kafka), [plan]).ids != first.ids


def test_several_that_start_at_once_make_each_topic_once(kafka: Broker, prefix: str) -> None:
    plans = [Plan(f"{prefix}{name}", 2, 1) for name in ("customers", "orders", "rewards", "tiers")]
    with ThreadPoolExecutor(4) as starting:
        found = list(starting.map(lambda _: ensure(options(kafka), plans).ids, range(4)))
    assert all(ids == found[0] for ids in found)


def test_another_number_of_partitions_is_refused_with_what_to_do(kafka: Broker, prefix: str) -> None:
    """F29."""
    ensure(options(kafka), [Plan(f"{prefix}customers", 2, 1)])
    with pytest.raises(WrongTopics, match=r"has 2 partitions and \[topics\] partitions says 12: set it back to 2"):
        ensure(options(kafka), [Plan(f"{prefix}customers", 12, 1)])


def test_every_difference_is_said_at_once(kafka: Broker, prefix: str) -> None:
    ensure(options(kafka), [Plan(f"{prefix}customers", 2, 1)])
    plans = [Plan(f"{prefix}customers", 3, 1), Plan(f"{prefix}orders", 3, 1)]
    with pytest.raises(WrongTopics) as told:
        check(Found(admin(options(kafka)), [plan.name for plan in plans]), plans)
    first, second = str(told.value).splitlines()
    assert first.startswith(f"topic {prefix}customers has 2 partitions")
    assert second.startswith(f"topic {prefix}orders is missing: create it with")


def test_a_topic_that_cannot_be_made_is_said(kafka: Broker, prefix: str) -> None:
    with pytest.raises(WrongTopics, match="could not be created"):
        ensure(options(kafka), [Plan(f"{prefix}customers", 2, 3)])


@pytest.mark.parametrize("code", [KafkaError._TIMED_OUT, KafkaError._TRANSPORT, KafkaError.NOT_CONTROLLER])
def test_a_kafka_that_is_away_when_a_topic_is_to_be_made_is_waited_for_and_no_matter_for_a_person(code: int) -> None:
    answer: Future[None] = Future()
    answer.set_exception(KafkaException(KafkaError(code)))
    with pytest.raises(KafkaException):
        created("customers", answer)


class Stopping(AdminClient):
    """What the only broker of a cluster says while it stops (Apache Kafka 4.3): topics as ever, and no broker."""

    def list_topics(self, *_: Any, **__: Any) -> ClusterMetadata:
        return ClusterMetadata()


def test_a_broker_about_to_stop_is_waited_for_and_not_taken_for_the_librarys_mock() -> None:
    """Its topics would have other ids than before: a worker would read all of them from their beginning."""
    with pytest.raises(KafkaException, match="about to stop"):
        Found(Stopping({"bootstrap.servers": "127.0.0.1:1", "log_level": 0}), ["customers"])


def test_the_brokers_tell_when_a_silent_member_counts_as_gone(kafka: Broker) -> None:
    """The shared broker says six seconds and half a second; both are taken with a margin."""
    told = timing(options(kafka))
    assert told.session == pytest.approx(4.8)
    assert told.heartbeat == pytest.approx(1.75)
