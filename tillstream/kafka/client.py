"""Make Kafka clients that keep our promises: what we must own is set here and nowhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

log = structlog.get_logger()
Client = TypeVar("Client", AdminClient, Consumer, Producer)
T = TypeVar("T")
QUIET_SECONDS = 60.0


class WrongOptions(Exception):
    """The options under [kafka] do not go together, or name a file that is not there: no waiting helps."""


class Complaints:
    """What the library says of its connections, which it repairs by itself. Our log has each complaint of each broker
    once a minute: while one is away, every client makes it many times a second."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._said: dict[tuple[int, str], float] = {}

    def __call__(self, error: KafkaError) -> None:
        """Called by the library, in whichever thread has a client in hand."""
        now, what = self._monotonic(), (error.code(), error.str().partition(": ")[0])
        if now >= self._said.get(what, 0.0):
            self._said[what] = now + QUIET_SECONDS
            log.warning("Kafka", why=error.str())


COMMON: dict[str, Any] = {
    "client.id": "tillstream",
    "log_level": 2,  # what matters comes by error_cb, in our own log
    "log.connection.close": False,
    "topic.metadata.refresh.interval.ms": 60_000,
    "error_cb": Complaints(time.monotonic),
}
TRANSACTION_TIMEOUT_SECONDS = 10
PATIENCE = 10.0
"""Seconds for which a partition that has nobody to answer for it is asked again."""


PASSING = {
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.OFFSET_NOT_AVAILABLE,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
}
"""What a partition says that is young, or changes hands; groups are kept in partitions, too."""


def passing(error: KafkaError) -> bool:
    """Does it mend itself? (The library calls retriable only what a transaction met.)"""
    return error.retriable() or error.code() in PASSING


def _made(kind: Callable[[dict[str, Any]], Client], options: dict[str, Any]) -> Client:
    """A client with these options. Raises WrongOptions."""
    try:
        return kind(options)
    except KafkaException as error:
        if error.args[0].code() != KafkaError._INVALID_ARG:
            raise
        raise WrongOptions(f"[kafka]: {error.args[0].str()}") from None


def admin(kafka: Mapping[str, Any]) -> AdminClient:
    """A client for topics and groups."""
    return _made(AdminClient, {**COMMON, **kafka})


def member(kafka: Mapping[str, Any], group: str) -> Consumer:
    """A member of a consumer group: reads committed records, commits only in transactions, never jumps by itself."""
    return _made(
        Consumer,
        {
            **COMMON,
            "queued.max.messages.kbytes": 16_384,
            "queued.min.messages": 5_000,  # of each partition; more would only fill memory, at no greater speed
            "max.partition.fetch.bytes": 262_144,  # compressed: what comes out of it is many times larger
            "fetch.wait.max.ms": 100,
            "max.poll.interval.ms": 300_000,
            **kafka,
            "group.id": group,
            "group.protocol": "consumer",
            "group.remote.assignor": "range",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
        },
    )


def reader(kafka: Mapping[str, Any], *, committed: bool = True) -> Consumer:
    """A reader of partitions it names itself; it joins no group and commits nothing."""
    return _made(
        Consumer,
        {
            **COMMON,
            "queued.max.messages.kbytes": 16_384,
            "fetch.wait.max.ms": 50,
            **kafka,
            "group.id": "tillstream.reader",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "isolation.level": "read_committed" if committed else "read_uncommitted",
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
        },
    )


def transactional(kafka: Mapping[str, Any], transactional_id: str) -> Producer:
    """A producer whose id survives a restart, so that an unfinished transaction of its former self ends at once."""
    return _made(
        Producer,
        {
            **COMMON,
            "compression.type": "zstd",
            "linger.ms": 5,
            "queue.buffering.max.messages": 500_000,
            **kafka,
            "transactional.id": transactional_id,
            "transaction.timeout.ms": TRANSACTION_TIMEOUT_SECONDS * 1000,
            "enable.idempotence": True,
            "acks": "all",
            "partitioner": "murmur2_random",
        },
    )


def idempotent(kafka: Mapping[str, Any], patience: float) -> Producer:
    """A producer whose own retries make no duplicates. What the broker has not after `patience` seconds is given up."""
    return _made(
        Producer,
        {
            **COMMON,
            "compression.type": "zstd",
            "linger.ms": 0,
            "queue.buffering.max.messages": 10_000,
            **kafka,
            "message.timeout.ms": int(patience * 1000),
            "enable.idempotence": True,
            "acks": "all",
            "partitioner": "murmur2_random",
        },
    )


def patiently(ask: Callable[[], T], seconds: float = PATIENCE) -> T:
    """What is answered; who is young, or changes hands, is asked again for a while. Raises KafkaException."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return ask()
        except KafkaException as error:
            if not passing(error.args[0]) or time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def ends(consumer: Consumer, topic: str, partition: int) -> tuple[int, int]:
    """The first offset still kept and the offset after the last: as the broker says now, not from a cache.

    Raises KafkaException.
    """
    place = TopicPartition(topic, partition)
    low, high = patiently(lambda: consumer.get_watermark_offsets(place, timeout=10, cached=False))
    return low, high
