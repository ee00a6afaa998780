"""A platform that does not answer is left in peace: one question at a time, and all go on when it is answered."""

from __future__ import annotations

import asyncio

import pytest

from consumers.engine.breaker import FAILURES, LONGEST_PAUSE, Away, Breaker
from tests.consumers.engine.stage import Clock, run


def opened() -> Breaker:
    breaker = Breaker(Clock())
    for _ in range(FAILURES):
        breaker.failed(probe=False)
    return breaker


async def passed(breaker: Breaker) -> float:
    """When the next request may go."""
    await breaker.enter()
    return Clock().monotonic()


def test_it_opens_after_some_failures_in_a_row_and_not_before() -> None:
    async def story() -> list[int]:
        breaker = Breaker(Clock())
        states = []
        for _ in range(FAILURES - 1):
            breaker.failed(probe=False)
        breaker.answered()
        for _ in range(FAILURES):
            states.append(breaker.state)
            breaker.failed(probe=False)
        return [*states, breaker.state]

    assert run(story()) == [0] * FAILURES + [2]


def test_closed_it_lets_all_go_and_none_is_the_probe() -> None:
    async def story() -> list[bool]:
        breaker = Breaker(Clock())
        return [await breaker.enter() for _ in range(3)]

    assert run(story()) == [False, False, False]


def test_open_it_lets_one_try_and_its_answer_lets_all_go() -> None:
    """F52."""

    async def story() -> tuple[int, int, list[bool], int]:
        breaker = opened()
        waiting = [asyncio.ensure_future(breaker.enter()) for _ in range(10)]
        await asyncio.sleep(30)
        tried, state = sum(one.done() for one in waiting), breaker.state
        breaker.answered()
        return tried, state, list(await asyncio.gather(*waiting)), breaker.state

    tried, half, went, closed = run(story())
    assert (tried, half, closed) == (1, 1, 0)
    assert went.count(True) == 1


def test_each_failed_probe_makes_the_pause_longer_up_to_a_limit() -> None:
    async def story() -> list[float]:
        breaker = opened()
        pauses = []
        for _ in range(10):
            before = Clock().monotonic()
            assert await breaker.enter()
            pauses.append(Clock().monotonic() - before)
            breaker.failed(probe=True)
        return pauses

    pauses = run(story())
    assert 0.5 <= pauses[0] <= 1.0
    assert all(pause <= LONGEST_PAUSE for pause in pauses)
    assert pauses[-1] >= LONGEST_PAUSE / 2


def test_a_late_failure_of_what_was_sent_before_does_not_count_as_the_probes() -> None:
    async def story() -> int:
        breaker = opened()
        assert await breaker.enter()
        breaker.failed(probe=False)
        return breaker.state

    assert run(story()) == 1


def test_a_probe_that_is_given_up_leaves_its_place_to_another() -> None:
    async def story() -> bool:
        breaker = opened()
        assert await breaker.enter()
        breaker.abandoned(probe=True)
        return await breaker.enter()

    assert run(story())


def test_who_waits_gives_up_when_told_so_and_one_may_try_when_admitted_again() -> None:
    async def story() -> tuple[list[object], bool]:
        breaker = opened()
        waiting = [asyncio.ensure_future(breaker.enter()) for _ in range(3)]
        await asyncio.sleep(0)
        breaker.evict()
        told: list[object] = list(await asyncio.gather(*waiting, return_exceptions=True))
        with pytest.raises(Away):
            await breaker.enter()
        breaker.readmit()
        return told, await breaker.enter()

    told, probe = run(story())
    assert all(isinstance(one, Away) for one in told)
    assert probe
