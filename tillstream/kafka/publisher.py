"""Write to Kafka: everything handed over becomes visible together, or not at all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from tillstream.kafka.client import TRANSACTION_TIMEOUT_SECONDS, transactional

ABORT_SECONDS = 20.0
COMMIT_SECONDS = 20.0
OFFSETS_SECONDS = 10.0

MEMBERSHIP_IS_OLD = {
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.FENCED_INSTANCE_ID,
    KafkaError.FENCED_MEMBER_EPOCH,
    KafkaError.STALE_MEMBER_EPOCH,
}
ANOTHER_TOOK_THE_ID = {KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED}


class Message(NamedTuple):
    """One record to write; `partition` -1: by its key. `written` is told its offset before the commit returns."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int = -1
    written: Callable[[int], None] | None = None


class NotWritten(Exception):
    """Nothing of the transaction is visible; the same may be tried again."""


class MembershipOld(NotWritten):
    """The broker refused the offsets: the group has moved on since this membership was taken."""


class Fenced(Exception):
    """Another process uses the same transactional id; this one must not write again."""


class InDoubt(Exception):
    """Nobody can say whether the transaction was committed; ask the topics before going on."""


class Publisher:
    """The one owner of a transactional producer. Not safe for use by two threads at once.

    After `NotWritten` the publisher is ready for another try; after `InDoubt` it has a new producer, and whatever the
    broker decided about the lost transaction is decided by then; after `Fenced` it must be closed.
    """

    def __init__(self, kafka: Mapping[str, Any], transactional_id: str) -> None:
        """Blocks until the broker has ended whatever a former self left open."""
        self._kafka = kafka
        self._id = transactional_id
        self._begun = 0.0
        self._producer = self._fresh()

    def _fresh(self) -> Producer:
        producer = transactional(self._kafka, self._id)
        while True:
            try:
                producer.init_transactions(30)
            except KafkaException as error:
                if not error.args[0].retriable():
                    raise
            else:
                return producer

    def commit(
        self, messages: Iterable[Message], offsets: Sequence[TopicPartition] = (), membership: Any = None
    ) -> None:
        """Write `messages` and the group's `offsets` in one transaction.

        Raises NotWritten (MembershipOld where the group moved on), InDoubt or Fenced.
        """
        try:
            self._begun = time.monotonic()
            self._producer.begin_transaction()
            for message in messages:
                self._send(message)
            if offsets:
                self._send_offsets(list(offsets), membership)
        except KafkaException as error:
            self._give_up(error)
        except NotWritten:
            raise
        except BaseException:
            self._abort()
            raise
        self._commit()

    def _send(self, message: Message) -> None:
        written = message.written
        extra: dict[str, Any] = {} if message.partition < 0 else {"partition": message.partition}
        if message.headers:
            extra["headers"] = list(message.headers)
        if written is not None:
            extra["on_delivery"] = lambda error, sent: None if error else written(sent.offset())
        while True:
            try:
                self._producer.produce(message.topic, message.value, message.key, **extra)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def _send_offsets(self, offsets: list[TopicPartition], membership: Any) -> None:
        """Send the offsets, or leave the producer behind.

        librdkafka (seen in 2.16) can lose this request when the broker goes away in the middle of it and comes back:
        the call then never returns, whatever its time-out. A new producer of the same id ends the old one's work.
        """
        producer = self._producer
        failed: list[KafkaException] = []

        def send() -> None:
            try:
                producer.send_offsets_to_transaction(offsets, membership, OFFSETS_SECONDS)
            except KafkaException as error:
                failed.append(error)

        sending = threading.Thread(target=send, name="offsets", daemon=True)
        sending.start()
        sending.join(2 * OFFSETS_SECONDS)
        if sending.is_alive():
            self._producer = self._fresh()
            raise NotWritten(f"Kafka did not answer about the offsets of {self._id}")
        if failed:
            raise failed.pop()  # left in the list it would hold its own frame, and that the producer, for good

    def _commit(self) -> None:
        try:
            self._producer.commit_transaction(COMMIT_SECONDS)
        except KafkaException as error:
            if error.args[0].txn_requires_abort():
                self._give_up(error)
            if self._fenced(error):
                raise self._taken(error) from error
            self._producer = self._fresh()
            raise InDoubt(self._told(error)) from error

    def _fenced(self, error: KafkaException) -> bool:
        """Did another take our id? The broker says the same of a transaction that it timed out: an old one of ours."""
        timed_out = time.monotonic() - self._begun > TRANSACTION_TIMEOUT_SECONDS
        return error.args[0].code() in ANOTHER_TOOK_THE_ID and not timed_out

    def _give_up(self, error: KafkaException) -> NoReturn:
        if self._fenced(error):
            raise self._taken(error) from error
        self._abort()
        if error.args[0].code() in MEMBERSHIP_IS_OLD:
            raise MembershipOld(self._told(error)) from error
        # A refused batch leaves a hole in the producer's sequence, which would refuse the next transaction as well.
        self._producer = self._fresh()
        raise NotWritten(self._told(error)) from error

    def _abort(self) -> None:
        try:
            self._producer.abort_transaction(ABORT_SECONDS)
        except KafkaException as error:
            if self._fenced(error):
                raise self._taken(error) from error
            self._producer = self._fresh()

    def _taken(self, error: KafkaException) -> Fenced:
        told = "another process has taken this one's name: a state folder belongs to one machine and is never copied"
        return Fenced(f"{told}. {self._told(error)}")

    def _told(self, error: KafkaException) -> str:
        return f"Kafka refused a transaction of {self._id}: {error.args[0].str()}"
