"""Between a plan and the network: only answers that mean something come through; a platform in trouble is spared."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.engine.breaker import FAILURES, Away
from consumers.engine.quota import LONGEST_REST
from consumers.engine.rim import ATTEMPTS, UNSAID_REST, Trip, retry_after
from consumers.engine.wire import Plan, Response, ask, ask_all, nap, started
from tests.consumers.engine.post import Desk, Office, letter
from tests.consumers.engine.stage import MORNING, Clock, run

YES = Response(202)
BUSY = Response(429, headers={"Retry-After": "7"})


def one() -> Plan[int]:
    """The whole of the shortest plan."""
    response = yield from ask(letter())
    return response.status


def once() -> Plan[int]:
    """The same, where a second sending would do harm."""
    response = yield from ask(letter(repeatable=False))
    return response.status


def drive(desk: Desk, plan: Plan[int], trip: Trip | None = None) -> int:
    return run(desk.rim.drive(desk.live, plan, trip or Trip(), desk.note))


def test_a_plans_requests_go_one_after_the_other_with_the_accounts_headers() -> None:
    def plan() -> Plan[list[int]]:
        first = yield from ask(letter("a"))
        second = yield from ask(letter("b"))
        return [first.status, second.status]

    async def story() -> tuple[list[int], Desk]:
        desk = Desk(Office([Response(201), Response(404)]))
        return await desk.rim.drive(desk.live, plan(), Trip(), desk.note), desk

    statuses, desk = run(story())
    assert statuses == [201, 404]
    assert [asked.path for asked in desk.office.asked] == ["/letters/a", "/letters/b"]
    assert desk.office.headers == [{"Authorization": "stamp"}] * 2


def test_requests_that_may_travel_side_by_side_do_and_are_answered_in_order() -> None:
    def plan() -> Plan[list[str]]:
        responses = yield from ask_all([letter(name) for name in "abc"])
        return [response.body.decode() for response in responses]

    async def story() -> tuple[list[str], float]:
        desk = Desk(Office([lambda asked: Response(200, asked.path.encode())], seconds=5.0))
        return await desk.rim.drive(desk.live, plan(), Trip(), desk.note), Clock().monotonic()

    assert run(story()) == (["/letters/a", "/letters/b", "/letters/c"], 5.0)


def test_a_job_is_settled_before_the_plan_goes_on_and_a_nap_takes_its_time() -> None:
    def plan() -> Plan[None]:
        yield from ask(letter("start"))
        yield from started("job-7")
        yield from nap(30.0)
        yield from ask(letter("poll"))

    async def story() -> tuple[Desk, Trip, list[float]]:
        desk, trip = Desk(Office([YES])), Trip()
        await desk.rim.drive(desk.live, plan(), trip, desk.note)
        return desk, trip, desk.office.times

    desk, trip, times = run(story())
    assert desk.noted == [("job-7", 1)]
    assert (trip.job, trip.sent, trip.harmless, trip.under_way) == ("job-7", 2, True, 0)
    assert times == [0.0, 30.0]


def test_a_plan_may_be_given_up_while_nothing_is_under_way_or_done_or_once_a_job_is_known() -> None:
    """The platform refused the first letter, so it may go again; the second it may be writing down."""

    async def story() -> list[bool]:
        desk, trip = Desk(Office([BUSY, YES], seconds=1.0)), Trip()
        driven = asyncio.ensure_future(desk.rim.drive(desk.live, one(), trip, desk.note))
        told = [trip.harmless]
        for moment in (0.5, 2.0):
            await asyncio.sleep(moment - Clock().monotonic())
            told.append(trip.harmless)
        await driven
        return [*told, trip.harmless, Trip("job-7").harmless]

    assert run(story()) == [True, False, True, False, True]


def test_a_429_rests_the_quota_and_the_request_goes_again() -> None:
    async def story() -> tuple[int, list[float]]:
        desk = Desk(Office([BUSY, BUSY, YES]), windows=((1.0, 10),))
        return await desk.rim.drive(desk.live, one(), Trip(), desk.note), desk.office.times

    status, times = run(story())
    assert status == 202
    assert 7.0 <= times[1] <= 8.5
    assert 7.0 <= times[2] - times[1] <= 8.5


def test_a_429_rests_all_requests_of_its_endpoint_even_those_that_must_not_be_repeated() -> None:
    """F43: the quota rests, not one request. What was refused so was not acted on, so it may go again."""

    async def story() -> list[float]:
        desk = Desk(Office([BUSY, YES]), windows=((1.0, 10),))
        plans = [desk.rim.drive(desk.live, once(), Trip(), desk.note) for _ in range(4)]
        assert await asyncio.gather(*plans) == [202] * 4
        return desk.office.times

    assert sorted(run(story()))[1] >= 7.0


@pytest.mark.parametrize("status", [500, 502, 503, 504, 0])
def test_trouble_is_tried_again_with_growing_pauses(status: int) -> None:
    """F45."""

    async def story() -> tuple[int, list[float]]:
        desk = Desk(Office([Response(status), Response(status), YES]))
        return await desk.rim.drive(desk.live, one(), Trip(), desk.note), desk.office.times

    answered, times = run(story())
    assert (answered, len(times)) == (202, 3)
    assert 0.5 <= times[1] <= 1.0
    assert 1.0 <= times[2] - times[1] <= 2.0


@pytest.mark.parametrize("status", [500, 503, 0])
def test_what_must_not_be_repeated_goes_back_to_the_plan_at_once(status: int) -> None:
    async def story() -> tuple[int, int]:
        desk = Desk(Office([Response(status)]))
        return await desk.rim.drive(desk.live, once(), Trip(), desk.note), len(desk.office.asked)

    assert run(story()) == (status, 1)


def test_one_request_that_always_fails_beside_others_that_go_is_told_to_its_plan() -> None:
    async def story() -> int:
        desk = Desk(Office([lambda asked: Response(500 if asked.path.endswith("/bad") else 200)]))
        response = asyncio.ensure_future(desk.rim.perform(desk.live, letter("bad"), Trip()))
        while not response.done():
            await desk.rim.perform(desk.live, letter("good"), Trip())
            await asyncio.sleep(0.1)
        assert sum(asked.path.endswith("/bad") for asked in desk.office.asked) == ATTEMPTS
        return (await response).status

    assert run(story()) == 500


def test_a_platform_that_answers_nobody_is_asked_one_question_at_a_time_until_it_answers() -> None:
    """F38, F52: twenty requests wait half an hour for a platform that is away, and then all go."""
    back = 1800.0

    async def story() -> tuple[list[int], list[float], int]:
        desk = Desk(Office([lambda _: Response(202 if Clock().monotonic() >= back else 503)]))
        plans = [desk.rim.drive(desk.live, one(), Trip(), desk.note) for _ in range(20)]
        return await asyncio.gather(*plans), desk.office.times, desk.live.breaker.state

    statuses, times, state = run(story())
    assert (statuses, state) == ([202] * 20, 0)
    questions = [time for time in times if 60 < time < back]
    assert len(questions) <= (back - 60) / 15
    assert min(after - before for before, after in pairwise(questions)) > 10
    assert max(times) < back + 35


def test_what_waits_for_the_quota_does_not_pass_a_breaker_that_opened_meanwhile() -> None:
    async def story() -> int:
        desk = Desk(Office([Response(503)]), windows=((1.0, 1),))
        waiting = [asyncio.ensure_future(desk.rim.drive(desk.live, one(), Trip(), desk.note)) for _ in range(50)]
        await asyncio.sleep(60)
        for plan in waiting:
            plan.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return len(desk.office.asked)

    assert run(story()) <= FAILURES + 8


def test_who_is_told_that_the_platform_is_away_gives_up_its_place_in_the_quota_too() -> None:
    async def story() -> tuple[list[object], float]:
        desk = Desk(Office([YES]), windows=((60.0, 3),))
        for _ in range(FAILURES):
            desk.live.breaker.failed(probe=False)
        desk.live.breaker.evict()
        plans = [desk.rim.drive(desk.live, one(), Trip(), desk.note) for _ in range(10)]
        told: list[object] = list(await asyncio.gather(*plans, return_exceptions=True))
        assert not desk.office.asked
        return told, desk.pools.endpoint(desk.live.sink, desk.live.account, "letters").remaining_ratio()

    told, free = run(story())
    assert all(isinstance(one, Away) for one in told)
    assert free == 1.0


def test_where_one_of_several_requests_is_given_up_the_others_come_to_their_end_first() -> None:
    """Else they would go on beside the plan's own repetition."""

    def plan() -> Plan[None]:
        yield from ask_all([letter("slow"), letter("second")])

    async def story() -> tuple[float, int]:
        desk, trip = Desk(Office([YES], seconds=20.0)), Trip()
        driven = asyncio.ensure_future(desk.rim.drive(desk.live, plan(), trip, desk.note))
        desk.pools.endpoint(desk.live.sink, desk.live.account, "letters")
        await asyncio.sleep(0)
        for _ in range(FAILURES):
            desk.live.breaker.failed(probe=False)
        desk.live.breaker.evict()
        with pytest.raises(Away):
            await driven
        return Clock().monotonic(), trip.under_way

    ended, under_way = run(story())
    assert under_way == 0
    assert ended in {0.0, 20.0}


def test_a_plan_that_is_given_up_is_closed_and_leaves_no_request_behind() -> None:
    closed = []

    def plan() -> Plan[None]:
        try:
            yield from ask(letter())
        finally:
            closed.append(True)

    async def story() -> tuple[int, int]:
        desk, trip = Desk(Office([YES], seconds=60.0), windows=((1.0, 5),)), Trip()
        driven = asyncio.ensure_future(desk.rim.drive(desk.live, plan(), trip, desk.note))
        await asyncio.sleep(1)
        driven.cancel()
        await asyncio.gather(driven, return_exceptions=True)
        return trip.sent, trip.under_way

    assert run(story()) == (1, 0)
    assert closed == [True]


def test_four_workers_do_not_come_back_in_one_moment() -> None:
    """F44."""

    async def story() -> list[float]:
        desks = [Desk(Office([BUSY, YES]), windows=((1.0, 10),)) for _ in range(4)]
        await asyncio.gather(*(desk.rim.drive(desk.live, one(), Trip(), desk.note) for desk in desks))
        return [desk.office.times[1] for desk in desks]

    assert len({round(time, 3) for time in run(story())}) == 4


def rest(said: str | None) -> float:
    """How long a 429 with this header rests."""

    async def story() -> float:
        return retry_after(Response(429, headers={} if said is None else {"Retry-After": said}), Clock())

    return run(story())


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("0", 0.0),
        ("86400", 86_400.0),
        (format_datetime(MORNING + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(MORNING - timedelta(days=1), usegmt=True), 0.0),
        ("Tue, 01 Apr 2025 06:00:30 -0000", 30.0),
        ("Tuesday, 01-Apr-25 06:00:30 GMT", 30.0),
        ("Tue Apr  1 06:00:30 2025", 30.0),
        (None, UNSAID_REST),
        ("", UNSAID_REST),
        ("soon", UNSAID_REST),
        ("-5", UNSAID_REST),
        ("²", UNSAID_REST),
        ("nan", UNSAID_REST),
        ("9" * 400, UNSAID_REST),
    ],
)
def test_every_form_of_retry_after_is_a_rest(said: str | None, seconds: float) -> None:
    """F43. Dates in all three forms of RFC 9110, section 5.6.7."""
    assert rest(said) == seconds


@given(st.one_of(st.text(), st.datetimes().map(lambda d: format_datetime(d.replace(tzinfo=UTC)))))
def test_whatever_retry_after_says_there_is_a_rest_and_no_error(said: str) -> None:
    assert 0.0 <= rest(said) < float("inf")


def test_a_day_long_rest_is_cut_and_one_asks_again() -> None:
    async def story() -> list[float]:
        day = format_datetime(datetime.now(UTC) + timedelta(days=9999), usegmt=True)
        desk = Desk(Office([Response(429, headers={"Retry-After": day}), YES]), windows=((1.0, 10),))
        await desk.rim.drive(desk.live, one(), Trip(), desk.note)
        return desk.office.times

    assert run(story())[1] == pytest.approx(LONGEST_REST, abs=0.01)


def test_a_platform_that_says_200_to_everything_is_understood_by_what_it_means() -> None:
    """An answer that means 429 rests the quota and the request goes again; it tells the true limits, too."""
    throttled = Response(200, b"throttled")

    def plainly(response: Response) -> Response:
        return Response(429, response.body, {"Retry-After": "7"}) if response.body == b"throttled" else response

    async def story() -> tuple[int, list[float]]:
        desk = Desk(Office([YES, throttled, YES], seconds=0.0), windows=((20.0, 1),))
        desk.live.sink = replace(desk.live.sink, plainly=plainly, limits=lambda _: ((20.0, 100),))
        await desk.rim.drive(desk.live, one(), Trip(), desk.note)
        return await desk.rim.drive(desk.live, one(), Trip(), desk.note), desk.office.times

    status, times = run(story())
    assert (status, times[:2]) == (202, [0.0, 0.0])
    assert 7.0 <= times[2] < 9.0


def test_a_yes_that_is_a_page_for_people_is_none() -> None:
    """A gateway's page says nothing of what the platform did: the request goes again, or counts as unclear."""
    page = Response(200, b"\n<!DOCTYPE html>\n<html><title>Back soon</title></html>")

    async def story(plan: Plan[int]) -> tuple[int, int]:
        desk = Desk(Office([page, YES]))
        return await desk.rim.drive(desk.live, plan, Trip(), desk.note), len(desk.office.asked)

    assert run(story(one())) == (202, 2)
    assert run(story(once())) == (502, 1)


def test_a_request_takes_what_it_costs() -> None:
    def dear() -> Plan[int]:
        response = yield from ask(replace(letter(), cost=60))
        return response.status

    async def story() -> list[float]:
        desk = Desk(Office([YES]), windows=((20.0, 100),))
        for _ in range(3):
            await desk.rim.drive(desk.live, dear(), Trip(), desk.note)
        return desk.office.times

    assert run(story()) == pytest.approx([0.0, 20.0, 40.0], abs=0.1)
