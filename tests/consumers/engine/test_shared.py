"""A quota that all endpoints share, a note that comes before a request, and who waits for whom in a lane."""

from __future__ import annotations

from dataclasses import replace

from consumers.engine.live import Pools
from consumers.engine.quota import Endpoint
from consumers.engine.rim import Trip, retry_after
from consumers.engine.sink import EVERY, Quota
from consumers.engine.wire import Plan, Remember, Response, ask, remember
from tests.consumers.engine.post import Desk, Office, account, letter, sink
from tests.consumers.engine.stage import KIM, Clock, record, run
from tests.consumers.engine.test_lanes import ROBIN, lanes


def test_what_is_to_be_remembered_is_settled_before_the_request_goes() -> None:
    def plan() -> Plan[int]:
        yield from remember("order/7", {"begun": "now"})
        response = yield from ask(letter(repeatable=False))
        return response.status

    async def story() -> tuple[int, Desk]:
        desk = Desk(Office([Response(0)]))
        return await desk.rim.drive(desk.live, plan(), Trip(), desk.note), desk

    status, desk = run(story())
    assert status == 0
    assert desk.noted == [(Remember("order/7", {"begun": "now"}), 0)]
    assert len(desk.office.asked) == 1


def test_endpoints_without_a_quota_of_their_own_share_the_one_of_all() -> None:
    async def story() -> list[Endpoint]:
        quotas = (Quota("letters", ((1.0, 1),)), Quota(EVERY, ((1.0, 4),)))
        platform = replace(sink(), quotas=lambda _: quotas)
        pools = Pools(Clock(), lambda: 1.0)
        return [pools.endpoint(platform, account(), name) for name in ("letters", "parcels", "stamps", "letters")]

    letters, parcels, stamps, again = run(story())
    assert parcels is stamps
    assert letters is again
    assert letters is not parcels


def test_a_429_may_say_its_rest_as_a_reset() -> None:
    async def story() -> tuple[float, float]:
        both = {"Retry-After": "9", "RateLimit-Reset": "3"}
        return (
            retry_after(Response(429, headers={"RateLimit-Reset": "3"}), Clock()),
            retry_after(Response(429, headers=both), Clock()),
        )

    assert run(story()) == (3.0, 9.0)


def test_a_lane_tells_which_topics_wait_in_it() -> None:
    made = lanes(record(0, 1, KIM, "orders"), record(0, 2, KIM, "customers"))
    assert made.holds(KIM, "customers")
    assert not made.holds(KIM, "rewards")
    assert not made.holds(ROBIN, "customers")
