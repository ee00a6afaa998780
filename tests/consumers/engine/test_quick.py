"""A record whose content was sent already, under the same tables, is passed over without being read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from consumers.engine.item import FORCE, REPLAY
from consumers.engine.outcome import Unchanged
from consumers.engine.quick import unchanged
from consumers.engine.sink import Account, Route, Work, saw, seen
from consumers.engine.wire import Plan
from tests.consumers.engine.stage import KIM, Partition, partition, record, said


def nothing(_: Account, works: object) -> Plan[list[Unchanged]]:
    """A plan that is never asked for."""
    raise AssertionError(works)
    yield


STATE = Route("customers", nothing, "state")
FACT = Route("orders", nothing, "fact")


@pytest.fixture
def place() -> Iterator[Partition]:
    """Kim's row of 2 April is remembered under the tables v1."""
    with partition() as made:
        first = record(made.slot, headers=said("c1", "2025-04-02", "7"))
        made.slot.remember(f"{KIM}#profile", saw({"id": "p1"}, first, "v1"))
        yield made


def test_the_same_content_is_unchanged(place: Partition) -> None:
    assert unchanged(record(place.slot, headers=said("c1", "2025-04-02")), STATE, "v1") == Unchanged()
    assert unchanged(record(place.slot, headers=said("c1", "2025-04-01")), STATE, "v1") == Unchanged()


def test_a_newer_row_with_the_same_content_advances_what_is_remembered(place: Partition) -> None:
    said_so = unchanged(record(place.slot, headers=said("c1", "2025-04-03")), STATE, "v1")
    assert said_so == Unchanged({"profile": {"id": "p1", "tables": "v1", "seen": {"7": ["c1", "2025-04-03"]}}})


@pytest.mark.parametrize(
    ("headers", "version"),
    [
        (said("c2", "2025-04-03"), "v1"),
        (said("c1", "2025-04-03", "8"), "v1"),
        (said("", "2025-04-03"), "v1"),
        ({}, "v1"),
        (said("c1", "2025-04-03"), "v2"),
    ],
    ids=["other content", "other person", "empty hash", "no headers", "other tables"],
)
def test_anything_else_needs_a_plan(place: Partition, headers: dict[str, bytes], version: str) -> None:
    """F62, F63: in doubt it is sent, never skipped."""
    made = record(place.slot)
    made.headers = headers
    assert unchanged(made, STATE, version) is None


def test_facts_parts_and_what_is_forced_need_a_plan_always(place: Partition) -> None:
    assert unchanged(record(place.slot, topic="orders"), FACT, "v1") is None
    again = {**said("c1", "2025-04-02"), REPLAY: b"r1"}
    assert unchanged(record(place.slot, source="replay", headers=again), STATE, "v1") == Unchanged()
    assert unchanged(record(place.slot, source="replay", headers={**again, FORCE: b"1"}), STATE, "v1") is None
    part = record(place.slot, headers=said("c1", "2025-04-02"))
    part.part = "consent"
    assert unchanged(part, STATE, "v1") is None


def test_a_person_nobody_knows_needs_a_plan(place: Partition) -> None:
    assert unchanged(record(place.slot, key="au/robin@customer.example"), STATE, "v1") is None


def test_what_was_seen_is_kept_by_object(place: Partition) -> None:
    memory = saw({}, record(place.slot, headers=said("c1", "o1", "7")), "v1")
    memory = saw(memory, record(place.slot, headers=said("c2", "o2", "8")), "v1")
    item = Work((record(place.slot, headers=said("c9", "o9", "8")),)).last
    assert seen(memory, item) == ("c2", "o2")
    assert memory["seen"] == {"7": ["c1", "o1"], "8": ["c2", "o2"]}
