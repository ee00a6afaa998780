"""The producers' place in their group: what a write that failed leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from producers.office import Office
from sandbox.kafka.broker import Broker
from schemas.topics import Names
from tests.waiting import until
from tillstream.kafka.publisher import Fenced, Message, Publisher
from tillstream.kafka.topics import Plan, ensure


def test_who_has_failed_to_write_does_not_write_any_more(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    """Readiness would else say for ever that Kafka does not take a transaction."""
    options, names, own = {"bootstrap.servers": kafka.bootstrap}, Names(prefix), f"{prefix}office"
    found = ensure(options, [Plan(name, 1, 1) for name in (names.ingest, names.ledger)])
    office = Office(options, names, found, tmp_path, own)

    def held() -> bool:
        office.turn(0.1, ["au"])
        return office.holds("au") is not None

    until(held)
    place = office.holds("au")
    assert place is not None
    Publisher(options, own)
    with pytest.raises(Fenced):
        office.commit(place, [Message(names.ingest, b"k", b"v")])
    assert office.writing_since is None
    office.close()
