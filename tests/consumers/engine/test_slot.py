"""One partition of all that a worker holds: what is settled of it is what an heir finds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.consumers.engine.stage import KIM, Partition, partition, record, totals


@pytest.fixture
def place() -> Iterator[Partition]:
    with partition() as made:
        yield made


def test_what_is_remembered_is_recalled_and_forgotten(place: Partition) -> None:
    place.slot.remember(f"{KIM}#profile", {"id": "p1"})
    assert place.slot.recall(f"{KIM}#profile") == {"id": "p1"}
    place.slot.remember(f"{KIM}#profile", None)
    assert place.slot.recall(f"{KIM}#profile") is None


def test_it_is_dirty_until_what_happened_is_settled(place: Partition) -> None:
    assert place.slot.dirty, "the state does not say yet that the partition is in use"
    place.slot.marked = True
    assert not place.slot.dirty
    place.slot.remember(f"{KIM}#profile", {})
    assert place.slot.dirty
    place.settle()
    assert not place.slot.dirty


def test_an_heir_finds_the_positions_and_whether_they_were_left_in_good_order(place: Partition) -> None:
    place.slot.positions["customers"].take(5)
    place.slot.write_positions("mark", clean=True)
    place.settle()
    left = place.crash().left_by_former()
    position, topic_id, clean = left["customers"]
    assert (position.next, topic_id, clean) == (5, "topic-id", True)
    assert set(left) == {"customers", "orders", "rewards", "tiers", "replay"}


@given(st.lists(st.tuples(st.sampled_from(["delivered", "dead", "skipped:web"]), st.integers(1, 3)), max_size=12))
def test_totals_add_up_over_settlements_and_crashes(ends: list[tuple[str, int]]) -> None:
    with partition() as place:
        for outcome, times in ends:
            place.slot.count(record(place.slot), outcome, times)
            place.slot.write_books("post")
            place.settle()
            place.crash()
        found = totals({name: raw for name, raw in place.remembered().items() if name.startswith("~total/")})
        expected = {o: sum(n for e, n in ends if e == o) for o, _ in ends}
        assert {outcome: n for (_, _, _, outcome), n in found.items()} == expected


def test_an_heir_knows_which_records_a_platforms_job_carries_until_all_are_finished(place: Partition) -> None:
    jobs = [record(place.slot, offset) for offset in (3, 4, 5, 9)]
    place.slot.note_job("job-7", jobs)
    place.settle()
    heir = place.crash()
    assert [heir.job_of("customers", offset) for offset in (2, 3, 5, 6, 9)] == ["", "job-7", "job-7", "", "job-7"]
    assert heir.job_of("orders", 3) == ""
    heir.prune_jobs()
    assert "job-7" in heir.jobs
    heir.positions["customers"].reached(10)
    heir.prune_jobs()
    place.settle()
    assert place.crash().jobs == {}


def test_a_job_of_a_topic_that_is_no_longer_read_is_forgotten(place: Partition) -> None:
    place.slot.note_job("job-7", [record(place.slot, 3)])
    place.settle()
    heir = place.crash()
    del heir.positions["customers"]
    heir.prune_jobs()
    assert heir.jobs == {}


def test_a_groups_start_is_noted_once(place: Partition) -> None:
    assert place.slot.start_of("au", 100.0) == 100.0
    place.settle()
    assert place.crash().start_of("au", 200.0) == 100.0


def test_connections_that_are_not_served_are_told_until_they_are(place: Partition) -> None:
    place.slot.note_unwell({"au": ("stopped", "the key is wrong")}, "2025-04-01T06:00:00Z")
    place.settle()
    assert place.slot.state.get("~unwell/au") is not None
    heir = place.crash()
    heir.note_unwell({}, "2025-04-01T07:00:00Z")
    place.settle()
    assert place.slot.state.get("~unwell/au") is None
