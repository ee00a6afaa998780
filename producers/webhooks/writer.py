"""Put records on Kafka from an event loop, and say when the broker has them. Nothing here waits for long."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from tillstream import logs
from tillstream.kafka.client import idempotent
from tillstream.kafka.publisher import Message

LOG = logs.logger(__name__)
PATIENCE = 2.0
"""Seconds that the broker has for a record; platforms wait about five for an answer (Shopify: five in all)."""
GRACE = 0.5
POLL_SECONDS = 0.1


class Writer:
    """The one owner of an idempotent producer. `write` belongs to one event loop; a thread hears what the broker says.

    A record that was given up may have been written all the same: whoever sends it again makes a duplicate.
    """

    def __init__(self, kafka: Mapping[str, Any]) -> None:
        """Connects in the background."""
        self._kafka = kafka
        self._broken = False
        self._closing = threading.Event()
        self._producer = idempotent(kafka, PATIENCE)
        self._thread = threading.Thread(target=self._hear, name="webhooks-kafka", daemon=True)
        self._thread.start()

    async def write(self, messages: Sequence[Message]) -> bool:
        """True once the broker has all of them; False when it has not taken them in time."""
        answers = [self._send(message) for message in messages]
        try:
            async with asyncio.timeout(PATIENCE + GRACE):
                return all(await asyncio.gather(*answers))
        except TimeoutError:
            return False

    def _send(self, message: Message) -> asyncio.Future[bool]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bool] = loop.create_future()

        def told(error: KafkaError | None, _: object) -> None:
            self._note(error)
            loop.call_soon_threadsafe(_answer, answer, error is None)

        try:
            self._sound().produce(
                message.topic, message.value, message.key, headers=list(message.headers), on_delivery=told
            )
        except (BufferError, KafkaException) as error:
            self._note(error.args[0] if isinstance(error, KafkaException) else None)
            answer.set_result(False)
        return answer

    def _sound(self) -> Producer:
        """A producer that can write: one that has lost its thread for good is replaced by a new one."""
        if self._broken:
            self._broken = False
            self._producer = idempotent(self._kafka, PATIENCE)
        return self._producer

    def _note(self, error: KafkaError | None) -> None:
        if error is not None:
            self._broken = self._broken or error.fatal() or error.code() == KafkaError._FATAL
            LOG.warning("Kafka has not taken a record", why=error.str())

    def _hear(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(POLL_SECONDS)

    def look(self) -> str:
        """Why Kafka cannot be written to; "" when it answers. Blocks for some seconds: for another thread."""
        try:
            self._producer.list_topics(timeout=PATIENCE)
        except KafkaException as error:
            return f"Kafka does not answer: {error.args[0].str()}"
        return ""

    def close(self) -> None:
        """Wait for what is still on its way, and end. Blocks for some seconds at most."""
        self._producer.flush(PATIENCE)
        self._closing.set()
        self._thread.join()


def _answer(answer: asyncio.Future[bool], taken: bool) -> None:
    if not answer.done():
        answer.set_result(taken)
