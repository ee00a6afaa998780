"""Look at Kafka and the schema registry: can they be reached, are they new enough, are our topics as they should be?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]  # not declared
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from consumers.engine.sink import Finding
from operations import webhooks
from schemas.definitions import RECORDS, definition
from schemas.topics import Names
from tillstream.kafka import layout, topics
from tillstream.kafka.client import WrongOptions, admin
from tillstream.settings import Kafka, SecretError, Settings

PATIENCE = 10.0
PROTOCOLS, ASSIGNORS = "group.coordinator.rebalance.protocols", "group.consumer.assignors"
LARGEST = "message.max.bytes"
KEYS = {
    KafkaError._AUTHENTICATION: "sasl.mechanism, sasl.username and sasl.password",
    KafkaError._SSL: "security.protocol and what begins with ssl.",
}
"""The keys to look at, where it is not the brokers' names."""


def findings(settings: Settings, sinks: Iterable[str], *, create: bool) -> Iterator[Finding]:
    """Kafka, then every topic of the installation; nothing about topics where Kafka cannot be reached."""
    met: list[KafkaError] = []
    try:
        client = admin({**settings.kafka.options(), "log_level": 0, "error_cb": met.append})  # told in our words
    except (SecretError, WrongOptions) as error:
        yield Finding("Kafka", False, str(error))
        return
    reached = _reached(client, settings.kafka, met)
    yield reached
    if not reached.well:
        return
    yield new_enough(_broker_settings(client))
    heard = layout.of_webhooks(settings) if any(webhooks.accounts(settings)) else []
    plans = [*layout.shared(settings), *heard, *(plan for sink in sinks for plan in layout.of_sink(settings, sink))]
    try:
        before = topics.Found(client, [plan.name for plan in plans])
    except KafkaException as error:
        yield Finding("topics", False, f"cannot be described ({error.args[0].str()}): give our user the right to do so")
        return
    yield from _made(settings, plans, before) if create else _there(plans, before)


def _reached(client: AdminClient, kafka: Kafka, met: list[KafkaError]) -> Finding:
    """`met`: what the library's connections meet on their way, filled meanwhile."""
    options = kafka.root
    servers = options.get("bootstrap.servers", options.get("metadata.broker.list"))
    try:
        brokers = client.list_topics(timeout=PATIENCE).brokers
    except KafkaException as error:
        client.poll(0)
        return Finding("Kafka", False, f"{servers} cannot be reached {unreached([error.args[0], *met])}")
    return Finding("Kafka", True, f"{len(brokers)} broker{'s' * (len(brokers) > 1)} at {servers}")


def unreached(met: Sequence[KafkaError]) -> str:
    """Why no broker was reached, and where to look; `met` is what was met on the way, the least telling first."""
    last = next((error for error in reversed(met) if error.code() != KafkaError._ALL_BROKERS_DOWN), met[0])
    return f"({last.str()}): look at {KEYS.get(last.code(), 'bootstrap.servers')} under [kafka]"


def _broker_settings(client: AdminClient) -> dict[str, str] | str:
    """The settings of a broker, or why they cannot be read."""
    brokers = client.list_topics(timeout=PATIENCE).brokers
    resource = ConfigResource(ResourceType.BROKER, str(min(brokers)))
    answers: dict[Any, Any] = client.describe_configs([resource], request_timeout=PATIENCE)
    try:
        return {name: entry.value for name, entry in answers[resource].result().items()}
    except KafkaException as error:
        return str(error.args[0].str())


def new_enough(broker: dict[str, str] | str) -> Finding:
    """Does the broker form groups as we need it? (Apache Kafka 4.0, KIP-848; its settings tell.)

    >>> new_enough({"group.coordinator.rebalance.protocols": "classic,consumer"}).well
    True
    """
    if isinstance(broker, str):
        return Finding("Kafka's version", True, f"must be 4.0 or newer; its settings may not be read: {broker}")
    if "consumer" not in broker.get(PROTOCOLS, "").split(","):
        return Finding("Kafka's version", False, f"brokers must be 4.0 or newer, with `consumer` among {PROTOCOLS}")
    if "range" not in broker.get(ASSIGNORS, "range").lower():
        return Finding("Kafka's version", False, f"`range` must be among the brokers' {ASSIGNORS}")
    return Finding("Kafka's version", True, f"4.0 or newer; takes records up to {broker.get(LARGEST, '?')} bytes")


def _there(plans: list[topics.Plan], found: topics.Found) -> Iterator[Finding]:
    wrong = [finding for plan in plans for finding in _problems(plan, found)]
    yield from wrong
    right = len(plans) - len(wrong)
    if right:
        yield Finding("topics", True, f"{right} are there, with {plans[0].partitions} partitions each")


def _problems(plan: topics.Plan, found: topics.Found) -> Iterator[Finding]:
    try:
        topics.check(found, [plan])
    except topics.WrongTopics as wrong:
        yield Finding(f"topic {plan.name}", False, str(wrong).removeprefix(f"topic {plan.name} "))


def _made(settings: Settings, plans: list[topics.Plan], before: topics.Found) -> Iterator[Finding]:
    missing = [plan.name for plan in plans if plan.name not in before.partitions]
    try:
        topics.ensure(settings.kafka.options(), plans)
    except topics.WrongTopics as wrong:
        yield Finding("topics", False, str(wrong))
        return
    except KafkaException as error:
        yield Finding("topics", False, f"were not all created ({error.args[0].str()}): check again when Kafka answers")
        return
    yield from (Finding(f"topic {name}", True, "created") for name in missing)
    yield Finding("topics", True, f"{len(plans)} are there, with {settings.topics.partitions} partitions each")


def registry(settings: Settings) -> Iterator[Finding]:
    """The schema registry, where one is configured: does it answer, and would it take our schemas?"""
    if settings.registry.url is None:
        return
    names = Names(settings.topics.prefix)
    try:
        client = SchemaRegistryClient({"url": settings.registry.url.read(), "timeout": PATIENCE, "max.retries": 0})
        known = set(client.get_subjects())
        refused = [topic for topic in RECORDS if not _taken(client, f"{names.topic(topic)}-value", topic, known)]
    except SecretError as error:
        yield Finding("schema registry", False, str(error))
        return
    except Exception as error:  # which library carries the requests, and so what it raises, is the client's affair
        told = f"does not answer as it should ({type(error).__name__}): look at [registry] url and its password"
        yield Finding("schema registry", False, told)
        return
    for topic in refused:
        told = "today's schema is incompatible with an earlier version: do not go on"
        yield Finding(f"schema registry: {topic}", False, told)
    if not refused:
        yield Finding("schema registry", True, f"takes our {len(RECORDS)} schemas")


def _taken(client: SchemaRegistryClient, subject: str, topic: str, known: set[str]) -> bool:
    if subject not in known:
        return True
    schema = Schema(json.dumps(definition(topic)), "AVRO")
    return bool(client.test_compatibility(subject, schema))
