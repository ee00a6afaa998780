"""Create the topics we need, and refuse those that are not as we need them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # the package re-exports the last
    AdminClient,
    BrokerMetadata,
    ClusterMetadata,
    ConfigResource,
)
from confluent_kafka.cimpl import NewTopic

from tillstream.kafka.client import admin


@dataclass(frozen=True, slots=True)
class Plan:
    """A topic as it should be: its full name, its partitions, its settings."""

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str] = field(default_factory=dict)


AWAY = {
    KafkaError._TIMED_OUT,
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.NOT_CONTROLLER,
}
"""What is said while Kafka is away, or about to choose who makes topics."""


class WrongTopics(Exception):
    """Topics are there but not as we need them, or missing; the message says each and what to do."""


def kept(days: timedelta) -> dict[str, str]:
    """Settings of a topic whose records go after a while."""
    return {"cleanup.policy": "delete", "retention.ms": str(int(days.total_seconds() * 1000))}


class Found:
    """The topics of a cluster: how many partitions each has, and its id, which changes when a topic is made anew."""

    def __init__(self, client: AdminClient, names: Iterable[str]) -> None:
        wanted = list(names)
        self.partitions: dict[str, int] = {}
        self.ids: dict[str, str] = {}
        if mocked(client):
            self._make_by_asking(client, wanted)
            return
        answers: dict[str, Future[Any]] = (
            client.describe_topics(TopicCollection(wanted), request_timeout=20) if wanted else {}
        )
        for name, answer in answers.items():
            try:
                description = answer.result()
            except KafkaException as error:
                if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise
            else:
                self.partitions[name] = len(description.partitions)
                self.ids[name] = str(description.topic_id)

    def _make_by_asking(self, client: AdminClient, wanted: Iterable[str]) -> None:
        """The mock cluster makes a topic when it is asked about it (librdkafka, `test.mock.num.brokers`)."""
        for name in wanted:
            self.partitions[name] = len(client.list_topics(name, timeout=20).topics[name].partitions)
            self.ids[name] = "mock"


def mocked(client: AdminClient) -> bool:
    """Is this librdkafka's mock cluster? It names a controller that is not there, and describes no topic to anybody."""
    cluster = client.list_topics(timeout=20)
    return cluster.controller_id not in at_work(cluster)


def at_work(cluster: ClusterMetadata) -> Mapping[int, BrokerMetadata]:
    """The brokers of a cluster. Raises KafkaException where none is: the only one, about to stop, still answers."""
    if not cluster.brokers:
        raise KafkaException(KafkaError(KafkaError.BROKER_NOT_AVAILABLE, "Kafka is about to stop"))
    return cluster.brokers


def ensure(kafka: Mapping[str, Any], plans: Iterable[Plan]) -> Found:
    """Create what is missing, change nothing that is there, and return what there is.

    Raises WrongTopics where a topic has another number of partitions than planned: keys would move, and their order;
    KafkaException where Kafka is away.
    """
    wanted = {plan.name: plan for plan in plans}
    client = admin(kafka)
    missing = [plan for plan in wanted.values() if plan.name not in Found(client, wanted).partitions]
    for name, answer in _create(client, missing).items():
        created(name, answer)
    found = _until_described(client, wanted)
    check(found, wanted.values())
    return found


def created(name: str, answer: Future[None]) -> None:
    """The topic is there, by us or another. Raises WrongTopics, and KafkaException where Kafka is away."""
    try:
        answer.result()
    except KafkaException as error:
        if error.args[0].code() in AWAY:
            raise
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise WrongTopics(f"topic {name} could not be created: {error.args[0].str()}") from error


class Timing(NamedTuple):
    """When a silent member counts as gone, and how often the others are told (seconds)."""

    session: float
    heartbeat: float


def timing(kafka: Mapping[str, Any]) -> Timing:
    """The brokers' timing of consumer groups, with a margin on the safe side; Kafka's defaults where they do not tell.

    Settings `group.consumer.session.timeout.ms` and `group.consumer.heartbeat.interval.ms` of Apache Kafka 4 brokers.
    """
    client = admin(kafka)
    broker = next(iter(at_work(client.list_topics(timeout=20))))
    resource = ConfigResource(ConfigResource.Type.BROKER, str(broker))
    try:
        told = next(iter(client.describe_configs([resource], request_timeout=20).values())).result()
    except KafkaException as error:
        if error.args[0].code() in AWAY:
            raise
        told = {}
    session, beat = (told.get(f"group.consumer.{name}.ms") for name in ("session.timeout", "heartbeat.interval"))
    seconds = float(session.value) / 1000 if session else 45.0
    return Timing(seconds * 0.8, (float(beat.value) / 1000 if beat else 5.0) * 1.5 + 1.0)


def check(found: Found, plans: Iterable[Plan]) -> None:
    """Raise WrongTopics with every difference between what there is and what should be."""
    problems = []
    for plan in plans:
        there = found.partitions.get(plan.name)
        if there is None:
            problems.append(f"topic {plan.name} is missing: create it with `tillstream check --create`")
        elif there != plan.partitions:
            problems.append(
                f"topic {plan.name} has {there} partitions and [topics] partitions says {plan.partitions}: "
                f"set it back to {there}; a change would move keys between partitions and break the order of a "
                "customer's records"
            )
    if problems:
        raise WrongTopics("\n".join(problems))


def _create(client: AdminClient, plans: list[Plan]) -> dict[str, Future[None]]:
    if not plans:
        return {}
    topics = [
        NewTopic(p.name, num_partitions=p.partitions, replication_factor=p.replication, config=dict(p.config))
        for p in plans
    ]
    answers: dict[str, Future[None]] = client.create_topics(topics, request_timeout=30)
    return answers


def _until_described(client: AdminClient, wanted: Mapping[str, Plan]) -> Found:
    for _ in range(100):
        found = Found(client, wanted)
        if found.partitions.keys() >= wanted.keys():
            return found
        time.sleep(0.1)
    return found
