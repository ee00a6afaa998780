"""F65: the clock jumps, and nothing rests longer or shorter for it."""

from __future__ import annotations

import random
import time
from datetime import datetime, timedelta
from pathlib import Path

from sandbox.kafka.broker import Broker
from tests.flow.road import Road, letters, parcels
from tests.second_platform.loft import Loft
from tillstream.clock import SYSTEM


class Jumping:
    """Its wall clock is somewhere else at every look; its steady one is steady."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    def now(self) -> datetime:
        return SYSTEM.now() + timedelta(hours=self._chance.uniform(-36, 36))

    def monotonic(self) -> float:
        return SYSTEM.monotonic()

    async def sleep(self, seconds: float) -> None:
        await SYSTEM.sleep(seconds)


def test_f65_rests_and_quotas_keep_to_steady_time_while_the_clock_jumps(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, {"au": {"url": loft.url, "key": "k", "a_second": 100}})
        road.customers(letters(50, 150))
        road.orders(parcels(50, 150))
        answers = iter([201] * 40 + [429] * 3 + [201] * 40 + [503] * 5)
        loft.headers = {"Retry-After": "1"}
        loft.answer = lambda _: next(answers, 201)
        begun = time.monotonic()
        assert road.consume(clock=Jumping(65)) == 0
        assert time.monotonic() - begun < 60, "a day back is not waited for"
        seconds = [int(letter.at - loft.taken[0].at) for letter in loft.taken]
        assert max(seconds.count(second) for second in seconds) <= 200, "a day ahead frees no quota"
        assert (loft.repeats(), loft.disorder(), road.dead()) == (0, 0, [])
        counted = road.totals()
        assert counted["orders/delivered"] == 150
        assert sum(count for name, count in counted.items() if name.startswith("customers/")) == 150
