"""A connection at a platform: which quota it draws on, and whether it is open, stopped or away."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime

import pytest

from consumers.engine.breaker import FAILURES, Breaker
from consumers.engine.live import AWAY_SECONDS, PROBE_SECONDS, Live, Pools
from consumers.engine.outcome import Misconfigured
from tests.consumers.engine.post import Post, account, sink
from tests.consumers.engine.stage import MORNING, Clock, run

KEY, LIST = Misconfigured("the key is wrong", "credentials"), Misconfigured("a list is missing")


class Starting(Post):
    """An account whose facts begin at some time."""

    start: str | date = "earliest"


def live(settings: Post | None = None) -> Live:
    return Live(sink(), account(settings), Clock(), Breaker(Clock()))


@pytest.mark.parametrize(
    ("start", "seconds"),
    [
        ("earliest", 0.0),
        ("now", MORNING.timestamp()),
        (date(2025, 4, 1), datetime(2025, 3, 31, 13, tzinfo=UTC).timestamp()),
    ],
)
def test_facts_are_for_a_group_from_its_start_on_by_the_shops_own_midnight(start: str | date, seconds: float) -> None:
    """The shop is in Melbourne, eleven hours ahead of UTC until the first Sunday in April."""
    assert live(Starting(start=start)).first_start == seconds


def test_connections_of_one_account_share_its_quota_and_others_do_not() -> None:
    async def story() -> list[bool]:
        pools, post = Pools(Clock(), lambda: 1.0), sink(((1.0, 3),))
        au, nz = account(name="au"), account(name="nz")
        other = account(Post(owner="two"), "uk")
        first = pools.endpoint(post, au, "letters")
        return [
            first is pools.endpoint(post, nz, "letters"),
            first is pools.endpoint(post, au, "parcels"),
            first is pools.endpoint(post, other, "letters"),
        ]

    assert run(story()) == [True, False, False]


def test_a_share_that_a_merchant_grants_is_a_part_of_ours() -> None:
    async def story() -> int:
        pools = Pools(Clock(), lambda: 0.5)
        endpoint = pools.endpoint(sink(((1.0, 100),)), account(Post(quota_share=0.2)), "letters")
        endpoint.answered(None, first=await endpoint.start())
        went = 1
        while endpoint.remaining_ratio() > 0:
            await endpoint.start()
            went += 1
        return went

    assert run(story()) == 10


def test_a_stopped_connection_lets_one_plan_try_now_and_then_and_goes_on_when_it_went_through() -> None:
    """F49."""

    async def story() -> list[object]:
        stopped = live()
        told: list[object] = [stopped.may_start > 1000, stopped.stop(KEY), stopped.may_start]
        told += [stopped.stop(KEY), stopped.stop(LIST), stopped.unwell]
        await asyncio.sleep(PROBE_SECONDS)
        told.append(stopped.may_start)
        stopped.probing = True
        told.append(stopped.may_start)
        return [*told, stopped.resume(), stopped.resume(), stopped.unwell]

    assert run(story()) == [True, True, 0, False, True, "a list is missing", 1, 0, True, False, ""]


def test_a_platform_is_away_when_it_has_not_answered_for_a_while() -> None:
    async def story() -> list[bool]:
        quiet = live()
        for _ in range(FAILURES):
            quiet.breaker.failed(probe=False)
        told = [bool(quiet.unwell)]
        await asyncio.sleep(AWAY_SECONDS + 1)
        told.append(bool(quiet.unwell))
        quiet.breaker.answered()
        return [*told, bool(quiet.unwell)]

    assert run(story()) == [False, True, False]
