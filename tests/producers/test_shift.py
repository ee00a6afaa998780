"""What a shift reads before it begins, the tables of each kind of file, and what it does when places change hands."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path

import pytest

from operations.produce import OPENINGS
from producers.office import Office, Partition
from producers.shift import Shift, Tools, layouts_of
from sandbox.kafka.broker import Broker
from schemas.codec import codec
from tests.flow.intake import Intake
from tests.producers.desks import CUSTOMER
from tests.waiting import until
from tillstream.clock import SYSTEM
from tillstream.kafka import layout
from tillstream.kafka.publisher import Message
from tillstream.kafka.topics import ensure
from tillstream.mapping.check import TableErrors
from tillstream.settings import Connection

NAME = "customers_20250401T060000Z.csv"


def test_a_table_of_files_that_is_not_text_is_named_with_its_line(tmp_path: Path) -> None:
    table = tmp_path / "customers.toml"
    table.write_bytes('[columns]\nPrénom = "FIRSTNAME"\n'.encode("windows-1252"))
    with pytest.raises(TableErrors) as raised:
        layouts_of(Connection.model_validate({}), tmp_path)
    assert str(raised.value) == f"{table}, line 2: this is not UTF-8"


class Fickle(Office):
    """Whenever it writes for one place, the group takes all others from it, and gives them back afterwards."""

    def commit(self, held: Partition, messages: Iterable[Message]) -> None:
        """A write that was refused asks the group how things stand."""
        for place in self._held.keys() - {held.place}:
            self._drop(place)
        super().commit(held, messages)


def test_a_place_that_is_lost_while_we_write_for_another_is_worked_anew(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    other = f'[connection.nz.folder]\npath = "{tmp_path / "data"}"\nstill = "100ms"'
    intake = Intake(kafka, prefix, tmp_path, more=other)
    connections, names = intake.settings.connections, intake.names
    pending = [intake.data / "pending" / name for name in connections]
    for number, folder in enumerate(pending):
        folder.mkdir(parents=True)
        row = f"{number},kim{number}@customer.example,No,2025-04-01T09:00:00,No"
        (folder / NAME).write_text(f"{CUSTOMER}\n{row}\n", encoding="utf-8")
    found = ensure(intake.kafka, layout.shared(intake.settings))
    office = Fickle(intake.kafka, names, found, tmp_path / "own", f"{prefix}own")
    assert len({office.place(name) for name in connections}) == 2
    tools = Tools(codec(None), names, 1_000_000, tmp_path, tmp_path / "none", SYSTEM, OPENINGS["folder"])
    with contextlib.closing(Shift(office, connections, tools)) as shift:

        def taken() -> bool:
            shift.turn(0.1)
            return not any((folder / NAME).exists() for folder in pending)

        until(taken)
    assert sorted(record["person_id"] for record in intake.records("customers")) == ["0", "1"]
