"""Whatever order records finish in, what is committed was finished, and an heir repeats nothing and misses nothing."""

from __future__ import annotations

import json
import random

from hypothesis import given
from hypothesis import strategies as st

from consumers.engine.position import Position, load, ranges

OFFSETS = st.sets(st.integers(0, 60), max_size=40).map(sorted)
"""Offsets with gaps, as transaction markers and compaction leave them."""


def heir(position: Position) -> Position:
    """Who comes after a crash, with what was settled last."""
    return load(position.dump("id", "mark", clean=False))[0]


def test_a_new_partition_stands_where_reading_starts() -> None:
    position = Position(17)
    assert (position.committed, position.next, position.ahead) == (17, 17, 0)


def test_committed_waits_for_the_oldest() -> None:
    position = Position(0)
    assert all(position.take(offset) for offset in (0, 1, 2))
    position.finish(1)
    position.finish(2)
    assert (position.committed, position.ahead) == (0, 3)
    position.finish(0)
    assert (position.committed, position.ahead) == (3, 0)


def test_a_gap_at_the_end_is_passed_when_reading_has_reached_it() -> None:
    """F26: transaction markers have offsets, and lag must reach 0 all the same."""
    position = Position(0)
    position.take(0)
    position.finish(0)
    position.reached(5)
    assert position.committed == 5


def test_an_offset_that_comes_twice_is_taken_once() -> None:
    position = Position(0)
    assert [position.take(offset) for offset in (3, 3, 2, 4)] == [True, False, False, True]


def test_an_heir_passes_over_what_was_done_ahead() -> None:
    position = Position(10)
    for offset in (10, 11, 12, 15, 16):
        position.take(offset)
    for offset in (11, 12, 16):
        position.finish(offset)
    record = position.dump("topic-id", "m1", clean=False)
    assert json.loads(record) == {
        "committed": 10,
        "next": 17,
        "open": [[10, 11], [15, 16]],
        "id": "topic-id",
        "mark": "m1",
        "clean": False,
    }
    after, topic_id, clean = load(record)
    assert (topic_id, clean, after.next) == ("topic-id", False, 10)
    assert [offset for offset in (10, 11, 12, 15, 16, 17, 18) if after.take(offset)] == [10, 15, 17, 18]


def test_an_offset_moved_ahead_by_hand_is_where_reading_starts() -> None:
    position = Position(10, 20, [(10, 12), (15, 19)])
    position.skip(16)
    assert (position.committed, position.next) == (16, 16)
    assert [offset for offset in range(16, 22) if position.take(offset)] == [16, 17, 18, 20, 21]


def test_neighbours_are_one_range() -> None:
    assert ranges([]) == []
    assert ranges([1, 2, 3, 7, 8]) == [(1, 4), (7, 9)]


@given(OFFSETS, st.randoms(use_true_random=False))
def test_committed_is_the_oldest_unfinished_whatever_finishes_first(offsets: list[int], chance: random.Random) -> None:
    position, unfinished = Position(0), set[int]()
    for offset in offsets:
        assert position.take(offset)
        unfinished.add(offset)
        for done in chance.sample(sorted(unfinished), chance.randint(0, len(unfinished))):
            position.finish(done)
            unfinished.discard(done)
        assert position.committed == min(unfinished, default=offset + 1)


@given(OFFSETS, st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=6), st.data())
def test_each_record_is_worked_until_it_is_done_however_often_workers_crash(
    offsets: list[int], lives: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Each life reads some way past the committed offset, finishes some, settles and dies; the last does the rest."""
    done: set[int] = set()
    position = Position(0)
    for read, finish in [*lives, (100, 100)]:
        arriving = [offset for offset in offsets if offset >= position.next]
        taken = [offset for offset in arriving[:read] if position.take(offset)]
        assert not done & set(taken), "done work is not repeated"
        assert taken == [offset for offset in arriving[:read] if offset not in done], "nothing else is passed over"
        for offset in (data.draw(st.permutations(taken)))[:finish]:
            position.finish(offset)
            done.add(offset)
        assert all(offset in done for offset in offsets if offset < position.committed)
        position = heir(position)
    assert done == set(offsets)


def test_the_record_stays_small_however_much_was_done_ahead() -> None:
    """F40: what is done ahead of one that waits costs nothing; the worst is every other record of those in memory."""
    position = Position(5_000_000)
    for offset in range(5_000_000, 5_020_000):
        position.take(offset)
    for offset in range(5_000_001, 5_020_000):
        position.finish(offset)
    assert len(position.dump("id" * 11, "m" * 32, clean=False)) < 200
    for done in (range(5_000_000, 5_025_000, 2), random.Random(40).sample(range(5_000_000, 5_025_000), 12_500)):
        worst = Position(5_000_000)
        for offset in range(5_000_000, 5_025_000):
            worst.take(offset)
        for offset in done:
            worst.finish(offset)
        assert len(worst.dump("id" * 11, "m" * 32, clean=False)) < 8_000


@given(st.sets(st.integers(0, 1_000), max_size=600), st.integers(0, 10**12))
def test_an_heir_finds_each_record_that_was_left_however_many_there_are(left: set[int], start: int) -> None:
    position = Position(start)
    for offset in range(start, start + 1_001):
        position.take(offset)
    for offset in range(1_001):
        if offset not in left:
            position.finish(start + offset)
    after = heir(position)
    assert [offset for offset in range(1_001) if after.take(start + offset)] == sorted(left)


def test_ranges_that_an_earlier_release_wrote_out_are_read() -> None:
    many = [[offset, offset + 1] for offset in range(0, 1_000, 2)]
    record = json.dumps({"committed": 0, "next": 1_000, "open": many, "id": "t", "mark": "m", "clean": True})
    after, _, clean = load(record.encode())
    assert clean
    assert [offset for offset in range(1_002) if after.take(offset)] == [*range(0, 1_000, 2), 1_000, 1_001]
