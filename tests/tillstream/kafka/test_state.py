"""What a partition remembers survives whatever happens to a worker and to its disk: on a real broker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaException

from sandbox.kafka.broker import Broker
from tests.tillstream.kafka.desk import delete, options, topic
from tillstream.kafka.client import transactional
from tillstream.kafka.publisher import Message, Publisher
from tillstream.kafka.state import State
from tillstream.kafka.store import Store


class House:
    """Workers of one partition of a state topic, one after the other."""

    def __init__(self, broker: Broker, prefix: str, folder: Path) -> None:
        self.broker, self.folder = broker, folder
        self.topic = f"{prefix}state"
        self.publisher = Publisher(options(broker), f"{prefix}id")
        self.open: list[State] = []

    def worker(self, disk: str = "disk") -> State:
        """A worker with this disk, not restored yet."""
        topic_id = topic(self.broker, self.topic, 2, {"cleanup.policy": "compact"}).ids[self.topic]
        state = State(self.topic, 1, topic_id, self.folder / disk)
        self.open.append(state)
        return state

    def settle(self, state: State) -> int:
        """Commit what it noted; how many messages that were."""
        told: list[int] = []
        changes = state.changes()
        self.publisher.commit([*changes[:-1], changes[-1]._replace(written=told.append)])
        state.committed(told[0] + 1)
        return len(changes)

    def restore(self, state: State) -> int:
        """How many records were read."""
        return state.restore(options(self.broker))


@pytest.fixture
def house(kafka: Broker, prefix: str, tmp_path: Path) -> Iterator[House]:
    made = House(kafka, prefix, tmp_path)
    yield made
    for state in made.open:
        state.close()


def heir(house: House, former: State) -> State:
    """The next worker on the same disk."""
    former.close()
    house.open.remove(former)
    return house.worker()


def test_a_new_partition_remembers_nothing(house: House) -> None:
    state = house.worker()
    assert (house.restore(state), state.get("k")) == (0, None)


def test_what_is_put_counts_at_once_and_is_written_by_the_next_settlement(house: House) -> None:
    state = house.worker()
    state.put("k", b"1")
    assert (state.get("k"), state.changed) == (b"1", True)
    (change,) = state.changes()
    assert (change.topic, change.key, change.value, change.partition) == (house.topic, b"k", b"1", 1)
    state.put("k", b"2")
    assert state.get("k") == b"2"
    state.withdrawn()
    assert [(c.key, c.value) for c in state.changes()] == [(b"k", b"2")], "the newest is written, once"


def test_changes_are_handed_out_to_one_transaction_at_a_time(house: House) -> None:
    state = house.worker()
    state.put("k", b"1")
    state.changes()
    with pytest.raises(RuntimeError, match="never settled"):
        state.changes()


def test_an_heir_on_the_same_disk_reads_nothing_again(house: House) -> None:
    """The checkpoint is the offset that the broker told of the last message; only the marker is behind it."""
    state = house.worker()
    for n in range(100):
        state.put(f"k{n}", b"%d" % n)
    assert house.settle(state) == 100
    after = heir(house, state)
    assert house.restore(after) == 0
    assert after.get("k99") == b"99"


def test_an_heir_on_another_disk_reads_all_of_it(house: House) -> None:
    state = house.worker()
    state.put("kept", b"1")
    state.put("gone", b"1")
    house.settle(state)
    state.put("gone", None)
    house.settle(state)
    other = house.worker("another")
    assert house.restore(other) == 3
    assert dict(other.scan("")) == {"kept": b"1"}


def test_what_another_wrote_meanwhile_is_read_from_the_checkpoint_on(house: House) -> None:
    state, other = house.worker(), house.worker("another")
    state.put("a", b"1")
    house.settle(state)
    house.restore(other)
    other.put("a", b"2")
    other.put("b", b"2")
    house.settle(other)
    after = heir(house, state)
    assert house.restore(after) == 2
    assert dict(after.scan("")) == {"a": b"2", "b": b"2"}


def test_an_aborted_transaction_at_the_end_is_passed(house: House, kafka: Broker) -> None:
    """F26: its records and marker have offsets, and nothing else comes after them."""
    state = house.worker()
    state.put("a", b"1")
    house.settle(state)
    producer = transactional(options(kafka), "aborting")
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(house.topic, b"never", b"a", partition=1)
    producer.flush(10)
    producer.abort_transaction(10)
    after = heir(house, state)
    assert (house.restore(after), after.get("a")) == (0, b"1")
    other = house.worker("another")
    assert (house.restore(other), other.get("a")) == (1, b"1")


def test_what_was_not_committed_is_forgotten(house: House) -> None:
    """F62: then it is sent again, never skipped."""
    state = house.worker()
    state.put("a", b"1")
    state.changes()
    after = heir(house, state)
    house.restore(after)
    assert after.get("a") is None


def test_a_topic_made_anew_voids_the_disk(house: House, kafka: Broker) -> None:
    state = house.worker()
    state.put("old", b"1")
    house.settle(state)
    delete(kafka, house.topic)
    after = heir(house, state)
    house.restore(after)
    assert after.get("old") is None


@pytest.mark.parametrize("spoiled", ["topic_id", "written", "boot", "offset"])
def test_a_disk_that_may_be_wrong_is_read_anew(house: House, spoiled: str) -> None:
    """Of another topic, older than tombstones are kept, of another run of the machine, or ahead of the topic."""
    state = house.worker()
    state.put("a", b"1")
    house.settle(state)
    state.close()
    house.open.remove(state)
    store = Store(house.folder / "disk" / f"{house.topic}-1")
    mark = store.checkpoint()
    assert mark is not None
    wrong = {"topic_id": "x", "written": mark.written - 8 * 86_400, "boot": "another", "offset": 10_000}
    changed = mark._asdict() | {spoiled: wrong[spoiled]}
    with store._env.begin(write=True) as transaction:
        transaction.put(b"\x00checkpoint", json.dumps(list(changed.values())).encode())
        transaction.put(b"a", b"wrong")
    store.close()
    after = house.worker()
    assert (house.restore(after), after.get("a")) == (1, b"1")


def test_keys_longer_than_the_disk_takes_are_as_good_as_others(house: House) -> None:
    long = "au/" + "x" * 2000
    state = house.worker()
    for tail in ("1", "2"):
        state.put(long + tail, tail.encode())
    house.settle(state)
    other = house.worker("another")
    house.restore(other)
    for found in (state, other):
        assert (found.get(long + "1"), found.get(long + "2"), found.get(long)) == (b"1", b"2", None)
        assert dict(found.scan("au/")) == {long + "1": b"1", long + "2": b"2"}
    other.put(long + "1", None)
    house.settle(other)
    assert dict(other.scan("")) == {long + "2": b"2"}


def test_a_scan_is_in_order_whatever_is_committed(house: House) -> None:
    state = house.worker()
    for key in ("b", "d", "e"):
        state.put(f"~at/{key}", b"1")
    house.settle(state)
    state.put("~at/c", b"2")
    state.put("~at/e", None)
    state.changes()
    state.put("~at/a", b"3")
    state.put("~at/b", b"3")
    state.put("~zz/a", b"3")
    assert list(state.scan("~at/")) == [("~at/a", b"3"), ("~at/b", b"3"), ("~at/c", b"2"), ("~at/d", b"1")]


def test_a_broker_that_restarts_in_between_costs_time_and_nothing_else(own_kafka: Broker, tmp_path: Path) -> None:
    house = House(own_kafka, "", tmp_path)
    state = house.worker()
    state.put("a", b"1")
    house.settle(state)
    own_kafka.restart()
    other = house.worker("another")
    assert (house.restore(other), other.get("a")) == (1, b"1")
    house.publisher.commit([Message(house.topic, b"b", b"2", (), 1)])
    state.close()
    other.close()
    again = State(house.topic, 1, topic(own_kafka, house.topic, 2).ids[house.topic], tmp_path / "disk")
    assert (house.restore(again), again.get("b")) == (1, b"2")
    again.close()


def test_a_topic_that_is_gone_is_said(house: House, kafka: Broker) -> None:
    state = house.worker()
    delete(kafka, house.topic)
    with pytest.raises(KafkaException, match="Unknown"):
        house.restore(state)
