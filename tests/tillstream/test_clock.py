"""The clock of this machine is aware, moves forward, and lets others work."""

import asyncio
from datetime import UTC, timedelta

from tillstream.clock import SYSTEM


def test_now_is_aware_and_in_utc() -> None:
    assert SYSTEM.now().tzinfo is UTC
    assert SYSTEM.now() - SYSTEM.now() <= timedelta(0)


def test_no_time_is_waited_for_without_end() -> None:
    before = SYSTEM.monotonic()
    asyncio.run(SYSTEM.sleep(-1))
    assert 0 <= SYSTEM.monotonic() - before < 5
