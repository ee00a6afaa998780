"""What is written fits: into the schema, and into what Kafka takes."""

from __future__ import annotations

from confluent_kafka import KafkaException, Producer

from producers.scribe import Event, Provenance, Scribe, TooLarge, moment
from schemas.codec import codec
from schemas.topics import Names
from tests.schemas.examples import PRIYA

LARGEST = 5_000


def test_whatever_is_not_called_too_large_is_taken_by_the_client() -> None:
    """The limit is on key, value, headers and what Kafka adds; a record of the last byte would stop its producer."""
    client = Producer({"bootstrap.servers": "127.0.0.1:1", "message.max.bytes": LARGEST, "log_level": 0})
    scribe = Scribe(codec(None), Names(), Provenance("au", "apparel21-file", "f.csv", "ab" * 32), LARGEST)
    when = moment(PRIYA["source_time"])
    written = [
        scribe.write("customers", "kim@customer.example", "7" * 40, {**PRIYA, "firstname": "K" * n}, when)
        for n in range(3_000, LARGEST)
    ]
    fit = [one for one in written if isinstance(one, Event)]
    assert 0 < len(fit) < len(written)
    assert all(isinstance(one, TooLarge) for one in written[len(fit) :])
    for event in fit:
        topic, key, value, told, *_ = event.message
        try:
            client.produce(topic, value, key, headers=list(told))
        except KafkaException as error:
            raise AssertionError(f"{len(value or b'')} bytes: {error}") from error
    client.purge()
    client.flush(5)
