"""The producers' place in their group: what a write that failed leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from producers.office import Office, Partition
from sandbox.kafka.broker import Broker
from schemas.topics import Names
from tests.waiting import until
from tillstream.kafka.publisher import Fenced, Message, Publisher
from tillstream.kafka.topics import Plan, ensure


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
    options, names, own = {"bootstrap.servers": kafka.bootstrap}, Names(prefix), f"{prefix}office"
    found = ensure(options, [Plan(name, 1, 1) for name in (names.ingest, names.ledger)])
    office = Office(options, names, found, tmp_path, own)
    (place,) = held(office, "au")
    Publisher(options, own)
    with pytest.raises(Fenced):
        office.commit(place, [Message(names.ingest, b"k", b"v")])
    assert office.writing_since is None
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
