"""Fixed windows: at most a burst a second and a steady number a minute, and a refusal costs nothing."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from sandbox.klaviyo.limits import Full, Limit, Room, Windows
from sandbox.klaviyo.server import KlaviyoServer
from tests.sandbox.klaviyo.conftest import Api

GAPS = st.lists(st.floats(0, 3, allow_nan=False), min_size=1, max_size=200)


@given(GAPS)
def test_no_window_holds_more_than_its_limit(gaps: list[float]) -> None:
    windows, now, passed = Windows(), 1_800_000_000.0, []
    for gap in gaps:
        now += gap
        if isinstance(windows.take("GET /api/lists", Limit(3, 20), now), Room):
            passed.append(now)
    seconds = [int(moment) for moment in passed]
    minutes = [int(moment // 60) for moment in passed]
    assert all(seconds.count(second) <= 3 for second in seconds)
    assert all(minutes.count(minute) <= 20 for minute in minutes)


@given(GAPS)
def test_who_waits_as_told_gets_in(gaps: list[float]) -> None:
    windows, now = Windows(), 1_800_000_000.0
    for gap in gaps:
        now += gap
        told = windows.take("GET /api/lists", Limit(3, 20), now)
        if isinstance(told, Full):
            now += told.wait
            assert isinstance(windows.take("GET /api/lists", Limit(20, 20), now), Room)


def test_limits_can_be_set_for_one_endpoint_or_all(api: Api, klaviyo: KlaviyoServer) -> None:
    klaviyo.settings(overrides={"*": [1000, 1000], "GET /api/lists": [1000, 2]})
    klaviyo.advance(60 - time.time() % 60)  # to the beginning of a minute
    assert [api.get("/api/lists").status_code for _ in range(3)] == [200, 200, 429]
    assert {api.get("/api/accounts").status_code for _ in range(5)} == {200}
