"""The producers' place in their group: what a write that failed leaves behind."""

from __future__ import annotations

import shutil
from pathlib import Path

import lmdb
import pytest
from confluent_kafka import KafkaException

from producers.office import Office, Partition
from sandbox.kafka.broker import QUICK_GROUPS, Broker
from schemas.topics import Names
from tests.waiting import until
from tillstream.kafka.publisher import Fenced, Message, Publisher
from tillstream.kafka.store import CHECKPOINT
from tillstream.kafka.topics import Plan, ensure


def opened(kafka: Broker, prefix: str, folder: Path) -> Office:
    """An office with one connection's place to hold."""
    options, names = {"bootstrap.servers": kafka.bootstrap}, Names(prefix)
    found = ensure(options, [Plan(name, 1, 1) for name in (names.ingest, names.ledger)])
    return Office(options, names, found, folder, f"{prefix}{folder.name}")


def holds(office: Office) -> bool:
    """Is it so far?"""
    office.turn(0.1, ["au"])
    return office.holds("au") is not None


def test_a_place_that_kafka_refuses_for_good_is_not_waited_for(prefix: str, tmp_path: Path) -> None:
    small = {**QUICK_GROUPS, "group.consumer.max.size": "1"}
    with Broker.start(tmp_path / "kafka", settings=small) as kafka:
        first = opened(kafka, prefix, tmp_path / "first")
        until(lambda: holds(first))
        second = opened(kafka, prefix, tmp_path / "second")
        with pytest.raises(KafkaException, match="reached maximum size"):
            until(lambda: holds(second))
        first.close()


def held(office: Office, *connections: str) -> list[Partition]:
    """The partitions of the connections, once they are all ours."""

    def found() -> list[Partition]:
        return [place for one in connections if (place := office.holds(one))]

    def ours() -> bool:
        office.turn(0.1, connections)
        return len(found()) == len(connections)

    until(ours)
    return found()


def test_who_has_failed_to_write_does_not_write_any_more(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    """Readiness would else say for ever that Kafka does not take a transaction."""
    office = opened(kafka, prefix, tmp_path / "office")
    until(lambda: holds(office))
    place = office.holds("au")
    assert place is not None
    Publisher({"bootstrap.servers": kafka.bootstrap}, f"{prefix}office")
    with pytest.raises(Fenced):
        office.commit(place, [Message(Names(prefix).ingest, b"k", b"v")])
    assert office.writing_since is None
    office.close()


def test_a_place_that_a_fault_kept_from_being_read_is_read_once_that_is_mended(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    """A full disk, say; here a store whose mark nobody can read. What stays open nobody could open again."""
    office, folder = opened(kafka, prefix, tmp_path), tmp_path / f"{Names(prefix).ledger}-0"
    with lmdb.open(str(folder)) as store, store.begin(write=True) as transaction:
        transaction.put(CHECKPOINT, b"no mark")
    with pytest.raises(ValueError, match="invalid literal") as fault:
        until(lambda: holds(office))
    shutil.rmtree(folder)
    until(lambda: holds(office), what=lambda: f"{fault.type} is mended")
    office.close()


def test_a_connection_that_moves_from_a_folder_to_a_server_takes_its_memory_along(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    options, names, own = {"bootstrap.servers": kafka.bootstrap}, Names(prefix), f"{prefix}office"
    found = ensure(options, [Plan(name, 1, 1) for name in (names.ingest, names.ledger)])
    office = Office(options, names, found, tmp_path, own, lines={"au": names.ingest, "nz": names.ledger})
    server, folder = held(office, "au", "nz")
    for place, key in ((folder, "nz/order/1"), (server, "au/order/1")):
        place.memory.put(key, b"published")
        place.ledger.put(key, b"a page")
        office.commit(place, ())
    office.close()
    office = Office(options, names, found, tmp_path, own, lines={"au": names.ingest, "nz": names.ingest})
    place, _ = held(office, "au", "nz")
    kept = [(place.memory.get(key), place.ledger.get(key)) for key in ("au/order/1", "nz/order/1")]
    office.close()
    assert kept == [(b"published", b"a page")] * 2
