"""A worker never asks for more than its share in any window of the platform's, at any phase, and uses what it has."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.engine.quota import LONGEST_REST, Endpoint, Gate, Portion, Window
from tests.consumers.engine.stage import Clock, run

Call = tuple[float, float]
"""When a request was sent and when it was answered."""


async def call(endpoint: Gate, seconds: float, remaining: int | None = None) -> Call:
    """One request that takes so long."""
    first = await endpoint.start()
    sent = Clock().monotonic()
    await asyncio.sleep(seconds)
    endpoint.answered(remaining, first=first)
    return sent, Clock().monotonic()


def most_at_once(calls: list[Call], seconds: float, chance: random.Random) -> int:
    """The most requests a platform can have counted in one window, wherever between send and answer it counts."""
    moments = {id(c): sorted({c[0], c[1], chance.uniform(*c)}) for c in calls}
    most = 0
    for pick in (0, -1, 1):
        counted = sorted(moments[id(c)][min(pick, len(moments[id(c)]) - 1)] for c in calls)
        for n, begin in enumerate(counted):
            most = max(most, sum(1 for moment in counted[n:] if moment < begin + seconds - 1e-6))
    return most


@given(
    windows=st.sampled_from([((1.0, 3),), ((1.0, 10), (60.0, 150)), ((10.0, 7),)]),
    share=st.sampled_from([1.0, 0.5, 1 / 3]),
    took=st.lists(st.floats(0.0, 5.0), min_size=1, max_size=8),
    gaps=st.lists(st.floats(0.0, 3.0), min_size=1, max_size=8),
    chance=st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None)
def test_no_window_at_any_phase_sees_more_than_our_share(
    windows: tuple[tuple[float, int], ...],
    share: float,
    took: list[float],
    gaps: list[float],
    chance: random.Random,
) -> None:
    async def story() -> list[Call]:
        endpoint = Endpoint(windows, Clock(), lambda: share)
        calls = []
        for n in range(120):
            if n % 7 == 0:
                await asyncio.sleep(gaps[n % len(gaps)])
            calls.append(asyncio.ensure_future(call(endpoint, took[n % len(took)])))
        return list(await asyncio.gather(*calls))

    calls = run(story())
    for seconds, limit in windows:
        assert most_at_once(calls, seconds, chance) <= max(1, int(limit * share + 1e-9))


@pytest.mark.parametrize(
    ("seconds", "limit", "share", "took"),
    [(1.0, 10, 1.0, 0.01), (60.0, 150, 1.0, 0.2), (1.0, 75, 0.5, 0.02), (10.0, 100, 0.25, 0.1)],
)
def test_nearly_all_of_what_is_possible_is_used(seconds: float, limit: int, share: float, took: float) -> None:
    """A request holds its place until `seconds` after its answer, so `limit * share` in `seconds + took` can go."""

    async def story() -> int:
        endpoint = Endpoint(((seconds, limit),), Clock(), lambda: share)
        done = 0

        async def caller() -> None:
            nonlocal done
            while Clock().monotonic() < 20 * (seconds + took):
                await call(endpoint, took)
                done += 1

        await asyncio.gather(*(caller() for _ in range(200)))
        return done

    possible = 20 * int(limit * share)
    assert run(story()) >= 0.95 * possible


def test_a_share_below_one_request_is_one_in_a_longer_time() -> None:
    """Twelve workers at three a second: each asks every four seconds, and not twelve in one second."""

    async def story() -> list[float]:
        endpoint = Endpoint(((1.0, 3),), Clock(), lambda: 1 / 12)
        return [(await call(endpoint, 0.0))[0] for _ in range(4)]

    assert run(story()) == pytest.approx([0.0, 4.0, 8.0, 12.0], abs=0.01)


def test_a_request_under_way_counts_however_long_it_takes() -> None:
    window = Window(1.0, 1)
    window.start()
    assert window.wait(100.0, 1.0) == float("inf")
    window.answered(100.0)
    assert window.wait(100.0, 1.0) == pytest.approx(1.0)
    assert window.wait(101.0, 1.0) == 0.0


def test_a_request_that_was_not_sent_does_not_count() -> None:
    window = Window(1.0, 1)
    window.start()
    window.unused()
    assert window.wait(0.0, 1.0) == 0.0


def test_the_first_request_goes_alone_and_its_answer_says_what_is_ours() -> None:
    """Of 40 that are left for everybody a third is ours: 13 more go now, the others in the next minute."""

    async def story() -> list[Call]:
        endpoint = Endpoint(((60.0, 150),), Clock(), lambda: 1 / 3)
        return list(await asyncio.gather(*(call(endpoint, 2.0, remaining=40) for _ in range(20))))

    calls = run(story())
    assert [sent for sent, _ in calls[:2]] == [0.0, 2.0]
    assert sum(1 for sent, _ in calls if sent < 60) == 14


def test_after_a_new_assignment_one_goes_alone_again_whatever_is_answered_meanwhile() -> None:
    async def story() -> list[float]:
        endpoint = Endpoint(((1.0, 100),), Clock(), lambda: 1.0)
        await call(endpoint, 0.0)
        old = asyncio.ensure_future(call(endpoint, 3.0))
        await asyncio.sleep(0)
        endpoint.forget_phase()
        sent = [(await c)[0] for c in [asyncio.ensure_future(call(endpoint, 5.0)) for _ in range(3)]]
        await old
        return sent

    assert run(story()) == [0.0, 5.0, 5.0]


def test_a_rest_holds_everybody_back_and_then_one_goes_alone() -> None:
    """F43, F44."""

    async def story() -> list[float]:
        endpoint = Endpoint(((1.0, 100),), Clock(), lambda: 1.0)
        await call(endpoint, 0.0)
        endpoint.rest(30.0)
        return [sent for sent, _ in await asyncio.gather(*(call(endpoint, 2.0) for _ in range(3)))]

    assert run(story()) == pytest.approx([30.0, 32.0, 32.0], abs=0.01)


def test_a_rest_of_a_day_is_asked_about_before() -> None:
    async def story() -> float:
        endpoint = Endpoint(((1.0, 100),), Clock(), lambda: 1.0)
        endpoint.rest(86_400.0)
        return (await call(endpoint, 0.0))[0]

    assert run(story()) == pytest.approx(LONGEST_REST, abs=0.01)


def test_an_endpoint_without_limits_rests_as_well() -> None:
    async def story() -> float:
        endpoint = Endpoint((), Clock(), lambda: 1.0)
        endpoint.rest(5.0)
        return (await call(endpoint, 0.0))[0]

    assert run(story()) == pytest.approx(5.0, abs=0.01)


def test_who_gives_up_waiting_takes_nothing_with_it() -> None:
    async def story() -> tuple[float, float]:
        endpoint = Endpoint(((10.0, 1),), Clock(), lambda: 1.0)
        await call(endpoint, 0.0)
        waiting = asyncio.ensure_future(call(endpoint, 0.0))
        await asyncio.sleep(1)
        waiting.cancel()
        return (await call(endpoint, 0.0))[0], endpoint.waited

    sent, waited = run(story())
    assert sent == pytest.approx(10.0, abs=0.01)
    assert waited == pytest.approx(9.0, abs=0.01)


def test_a_larger_share_counts_at_once() -> None:
    """Partitions came: who waited for its next turn goes now."""

    async def story() -> float:
        shares = [0.25]
        endpoint = Endpoint(((60.0, 4),), Clock(), lambda: shares[0])
        await call(endpoint, 0.0)
        waiting = asyncio.ensure_future(call(endpoint, 0.0))
        await asyncio.sleep(5)
        shares[0] = 1.0
        return (await waiting)[0]

    assert run(story()) <= 6.0


def test_a_portion_leaves_its_part_to_others_and_counts_in_the_whole() -> None:
    async def story() -> tuple[list[Call], list[Call]]:
        whole = Endpoint(((1.0, 10),), Clock(), lambda: 1.0)
        portion = Portion(whole, Endpoint(((1.0, 10),), Clock(), lambda: 0.2, sounds=False))
        await call(whole, 0.0)
        again = [asyncio.ensure_future(call(portion, 0.01)) for _ in range(40)]
        live = [asyncio.ensure_future(call(whole, 0.01)) for _ in range(80)]
        return list(await asyncio.gather(*again)), list(await asyncio.gather(*live))

    again, live = run(story())
    assert most_at_once(again, 1.0, random.Random(1)) <= 2
    assert most_at_once([*again, *live], 1.0, random.Random(1)) <= 10
    assert max(ended for _, ended in live) < 12


def test_who_gives_up_waiting_for_the_whole_gives_the_portion_back() -> None:
    async def story() -> float:
        whole = Endpoint(((60.0, 10),), Clock(), lambda: 1.0)
        narrow = Endpoint(((60.0, 10),), Clock(), lambda: 0.2, sounds=False)
        whole.rest(30)
        waiting = asyncio.ensure_future(Portion(whole, narrow).start())
        await asyncio.sleep(1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        return narrow.remaining_ratio()

    assert run(story()) == 1.0


def test_the_ratio_tells_what_is_left_of_our_share() -> None:
    async def story() -> list[float]:
        endpoint = Endpoint(((1.0, 8),), Clock(), lambda: 0.5)
        before = endpoint.remaining_ratio()
        await call(endpoint, 0.0)
        return [before, endpoint.remaining_ratio()]

    assert run(story()) == [1.0, 0.75]


def test_where_points_are_counted_a_request_takes_as_many_as_it_costs() -> None:
    window = Window(20.0, 100)
    window.start(60)
    window.answered(0.0, 60)
    assert window.wait(1.0, 1.0, 40) == 0.0
    window.start(40)
    assert window.wait(1.0, 1.0, 1) == pytest.approx(19.0)
    window.answered(2.0, 40)
    assert window.wait(3.0, 1.0, 60) == pytest.approx(17.0)
    assert window.wait(3.0, 1.0, 61) == pytest.approx(19.0)


def test_what_costs_more_than_our_share_goes_alone() -> None:
    window = Window(20.0, 100)
    assert window.wait(0.0, 0.25, 40) == 0.0
    window.start(40)
    assert window.wait(0.0, 0.25, 40) == float("inf")
    window.answered(0.0, 40)
    assert window.wait(20.0, 0.25, 40) == 0.0


@given(
    costs=st.lists(st.integers(1, 60), min_size=1, max_size=80),
    gaps=st.lists(st.floats(0.0, 6.0), min_size=1, max_size=8),
)
@settings(max_examples=60, deadline=None)
def test_a_bucket_that_refills_is_never_overdrawn(costs: list[int], gaps: list[float]) -> None:
    """A bucket of 100 points that 5 a second flow into is a window of 100 points in 20 seconds."""

    async def story() -> list[tuple[float, int]]:
        endpoint, spent = Endpoint(((20.0, 100),), Clock(), lambda: 1.0), []
        for n, cost in enumerate(costs):
            await asyncio.sleep(gaps[n % len(gaps)])
            first = await endpoint.start(cost)
            spent.append((Clock().monotonic(), cost))
            endpoint.answered(None, first=first, cost=cost)
        return spent

    level, before = 100.0, 0.0
    for moment, cost in run(story()):
        level, before = min(100.0, level + 5 * (moment - before)) - cost, moment
        assert level >= -1e-6


def test_limits_that_an_answer_tells_hold_from_then_on() -> None:
    async def story() -> list[float]:
        endpoint = Endpoint(((10.0, 1),), Clock(), lambda: 1.0)
        await call(endpoint, 0.0)
        endpoint.limited(((10.0, 3),))
        return [(await call(endpoint, 0.0))[0] for _ in range(3)]

    assert run(story()) == pytest.approx([0.0, 0.0, 10.0], abs=0.01)
