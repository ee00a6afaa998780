"""Everything handed over becomes visible together, or not at all: on a real broker."""

from __future__ import annotations

import contextlib
import gc
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator

import pytest
from confluent_kafka import KafkaException, TopicPartition

from sandbox.kafka.broker import Broker
from tests.tillstream.kafka.desk import joined, options, topic, visible
from tests.waiting import until
from tillstream.kafka.client import member, transactional
from tillstream.kafka.publisher import Fenced, MembershipOld, Message, NotWritten, Publisher


@pytest.fixture
def name(kafka: Broker, prefix: str) -> str:
    """A topic of two partitions."""
    topic(kafka, f"{prefix}customers", 2)
    return f"{prefix}customers"


def committed(broker: Broker, group: str, name: str) -> int:
    """The group's offset in partition 0."""
    consumer = member(options(broker), group)
    try:
        return int(consumer.committed([TopicPartition(name, 0)], 20)[0].offset)
    finally:
        consumer.close()


def test_messages_and_offsets_become_visible_together(kafka: Broker, prefix: str, name: str) -> None:
    consumer = joined(kafka, f"{prefix}group", name)
    publisher = Publisher(options(kafka), f"{prefix}id")
    messages = [Message(name, b"au/kim", b"1", [("h", b"x")], 0), Message(name, b"au/robin", None, (), 1)]
    publisher.commit(messages, [TopicPartition(name, 0, 7)], consumer.consumer_group_metadata())
    assert visible(kafka, name, 0) == [(b"au/kim", b"1")]
    assert visible(kafka, name, 1) == [(b"au/robin", None)]
    assert consumer.committed([TopicPartition(name, 0)], 20)[0].offset == 7
    consumer.close()


def test_the_offset_of_a_message_is_told_before_the_commit_returns(kafka: Broker, prefix: str, name: str) -> None:
    """After two transactions of two messages and a marker each, the next message has the offset 6."""
    publisher, told = Publisher(options(kafka), f"{prefix}id"), list[int]()
    for _ in range(3):
        messages = [Message(name, b"k", b"v", (), 0), Message(name, b"k", b"v", (), 0, told.append)]
        publisher.commit(messages)
    assert told == [1, 4, 7]


def test_what_fails_while_it_is_handed_over_leaves_nothing_and_the_next_one_goes(
    kafka: Broker, prefix: str, name: str
) -> None:
    def messages() -> Iterator[Message]:
        yield Message(name, b"k", b"half", (), 0)
        raise ValueError("a fault of ours in the middle")

    publisher = Publisher(options(kafka), f"{prefix}id")
    with pytest.raises(ValueError, match="in the middle"):
        publisher.commit(messages())
    for _ in range(5):
        publisher.commit([Message(name, b"k", b"whole", (), 0)])
        with pytest.raises(ValueError, match="in the middle"):
            publisher.commit(messages())
    assert visible(kafka, name) == [(b"k", b"whole")] * 5


def test_a_message_the_broker_does_not_take_takes_the_others_with_it(kafka: Broker, prefix: str) -> None:
    small = f"{prefix}small"
    topic(kafka, small, 1, {"max.message.bytes": "1000"})
    publisher = Publisher(options(kafka, **{"compression.type": "none"}), f"{prefix}id")
    for n in range(5):
        with pytest.raises(NotWritten):
            publisher.commit([Message(small, b"k", b"small"), Message(small, b"k", bytes(5000))])
        publisher.commit([Message(small, b"k", b"%d" % n)])
    assert [value for _, value in visible(kafka, small)] == [b"0", b"1", b"2", b"3", b"4"]


def test_a_worker_killed_between_two_messages_leaves_nothing_and_its_heir_goes_on_at_once(
    kafka: Broker, prefix: str, name: str
) -> None:
    """The heir has the same id, so readers wait for no time-out of the unfinished transaction."""
    program = f"""
        import os
        from confluent_kafka import Producer
        patient = {{"transactional.id": "{prefix}id", "transaction.timeout.ms": 90_000}}
        producer = Producer({{**{options(kafka)!r}, **patient}})
        producer.init_transactions(30)
        producer.begin_transaction()
        producer.produce("{name}", b"half", b"k", partition=0)
        producer.flush(10)
        os.kill(os.getpid(), 9)
    """
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=False)
    assert killed.returncode == -9
    begun = time.monotonic()
    publisher = Publisher(options(kafka), f"{prefix}id")
    publisher.commit([Message(name, b"k", b"heir", (), 0)])
    assert visible(kafka, name) == [(b"k", b"heir")]
    assert time.monotonic() - begun < 60, "sooner than a time-out of ninety seconds would allow"


def test_who_is_followed_by_another_of_the_same_id_is_fenced(kafka: Broker, prefix: str, name: str) -> None:
    """F25, F36."""
    former = Publisher(options(kafka), f"{prefix}id")
    former.commit([Message(name, b"k", b"former", (), 0)])
    heir = Publisher(options(kafka), f"{prefix}id")
    with pytest.raises(Fenced, match="fenced by a newer instance"):
        former.commit([Message(name, b"k", b"zombie", (), 0)])
    heir.commit([Message(name, b"k", b"heir", (), 0)])
    assert visible(kafka, name) == [(b"k", b"former"), (b"k", b"heir")]


def test_a_refusal_of_offsets_keeps_nothing_alive(kafka: Broker, prefix: str, name: str) -> None:
    """A worker hardly ever looks for cycles: one with a producer in it would keep its threads and connections."""
    former = joined(kafka, f"{prefix}group", name)
    old = former.consumer_group_metadata()
    former.close()
    publisher = Publisher(options(kafka), f"{prefix}id")
    gc.collect()
    gc.disable()
    try:
        with contextlib.suppress(MembershipOld):
            publisher.commit([], [TopicPartition(name, 0, 5)], old)
        assert not [one for one in gc.get_objects() if isinstance(one, KafkaException)]
    finally:
        gc.enable()


def test_offsets_of_a_membership_that_is_over_are_refused_with_all_that_came_along(
    kafka: Broker, prefix: str, name: str
) -> None:
    """F37: the same goes through under the membership of now."""
    group = f"{prefix}group"
    former = joined(kafka, group, name)
    old = former.consumer_group_metadata()
    former.close()
    now = joined(kafka, group, name)
    publisher = Publisher(options(kafka), f"{prefix}id")
    settlement = [Message(name, b"k", b"v", (), 0)], [TopicPartition(name, 0, 5)]
    with pytest.raises(MembershipOld):
        publisher.commit(*settlement, old)
    assert (visible(kafka, name), committed(kafka, group, name)) == ([], -1001)
    publisher.commit(*settlement, now.consumer_group_metadata())
    assert (visible(kafka, name), committed(kafka, group, name)) == ([(b"k", b"v")], 5)
    now.close()


def test_a_broker_that_restarts_in_between_costs_time_and_nothing_else(own_kafka: Broker) -> None:
    """F18."""
    topic(own_kafka, "customers")
    publisher = Publisher(options(own_kafka), "id")
    publisher.commit([Message("customers", b"k", b"before")])
    own_kafka.stop()
    back = threading.Timer(1.0, own_kafka.resume)
    back.start()
    try:
        until(lambda: went(publisher, Message("customers", b"k", b"after")))
    finally:
        back.join()
    assert visible(own_kafka, "customers") == [(b"k", b"before"), (b"k", b"after")]


def went(publisher: Publisher, message: Message) -> bool:
    """Was it written?"""
    try:
        publisher.commit([message])
    except NotWritten:
        return False
    return True


def test_a_transaction_that_stayed_open_too_long_is_ended_by_the_broker(kafka: Broker, prefix: str, name: str) -> None:
    """F25: who slept through it is told so, and nothing of it is seen."""
    producer = transactional(options(kafka), f"{prefix}id")
    producer.init_transactions(30)
    begun = time.monotonic()
    producer.begin_transaction()
    producer.produce(name, b"slept", b"k", partition=0)
    producer.flush(10)
    publisher = Publisher(options(kafka), f"{prefix}other")
    publisher.commit([Message(name, b"k", b"awake", (), 0)])
    assert visible(kafka, name) == [(b"k", b"awake")]
    assert 9 < time.monotonic() - begun < 60, "readers wait for the time-out, and no longer"
