"""One bad row never stops the others, whatever the platform says about it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.engine.bulk import Verdict, chunks, isolate
from consumers.engine.wire import Plan, Request, Response


def run(batches: Sequence[Sequence[int]], bad: set[int], said: str) -> tuple[list[Verdict], int]:
    """A platform that refuses a whole request for a bad row, and names the rows, nobody, or rows that do not exist."""
    asked = 0

    def answer(request: Request) -> Response:
        rows = request.body
        guilty = [place for place, row in enumerate(rows) if row in bad]
        if not guilty:
            return Response(202)
        named = {"names": guilty, "one": guilty[:1], "nobody": [], "outside": [len(rows) + 3]}[said]
        return Response(400, ",".join(map(str, named)).encode())

    def blame(response: Response) -> list[int] | None:
        return None if response.ok else [int(place) for place in response.body.decode().split(",") if place]

    plan: Plan[list[Verdict]] = isolate(batches, lambda rows: Request("POST", "/rows", "rows", list(rows)), blame)
    try:
        requests = next(plan)
        while True:
            asked += len(requests)
            requests = plan.send([answer(request) for request in requests])
    except StopIteration as stop:
        return stop.value, asked


@given(
    st.lists(st.lists(st.integers(0, 40), max_size=20), max_size=4),
    st.sets(st.integers(0, 40), max_size=6),
    st.sampled_from(["names", "one", "nobody", "outside"]),
)
def test_every_good_row_is_taken_and_every_bad_one_refused(batches: list[list[int]], bad: set[int], said: str) -> None:
    rows = [row for batch in batches for row in batch]
    verdicts, _ = run(batches, bad, said)
    assert [verdict.response.ok for verdict in verdicts] == [row not in bad for row in rows]


def test_a_named_row_costs_one_more_request() -> None:
    verdicts, asked = run([list(range(1000))], {617}, "names")
    assert asked == 2
    assert verdicts[617].place == 617


def test_an_unnamed_one_is_found_by_halving() -> None:
    _, asked = run([list(range(1024))], {617}, "nobody")
    assert asked == 21  # the whole, then two halves ten times


def test_an_answer_that_settles_all_is_final() -> None:
    plan = isolate([[1, 2, 3]], lambda rows: Request("POST", "/rows", "rows", list(rows)), lambda _: None)
    next(plan)
    with pytest.raises(StopIteration) as stop:
        plan.send([Response(401)])
    assert [verdict.response.status for verdict in stop.value.value] == [401, 401, 401]


def test_nothing_asks_for_nothing() -> None:
    assert run([], set(), "names") == ([], 0)


@given(st.lists(st.integers(0, 12)), st.integers(1, 5), st.integers(1, 20))
def test_chunks_keep_order_and_bounds(rows: list[int], count: int, most: int) -> None:
    cut = list(chunks(rows, count, lambda row: row, most))
    assert [row for batch in cut for row in batch] == rows
    assert all(batch and len(batch) <= count and (len(batch) == 1 or sum(batch) <= most) for batch in cut)
