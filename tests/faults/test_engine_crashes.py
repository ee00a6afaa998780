"""Workers that are killed, frozen, joined and left: nothing is lost, order holds, repeats are what was not settled."""

from __future__ import annotations

import random
import time
from pathlib import Path

from sandbox.kafka.broker import Broker
from tests.flow.road import Road, parcels
from tests.second_platform.loft import Loft
from tests.waiting import until

UNSETTLED = 500


def test_f30_a_clean_restart_repeats_nothing(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft(latency=0.02) as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        road.orders(parcels(300, 6000))
        for count in (800, 2500):
            with road.worker() as worker:
                until(lambda count=count: len(loft.taken) > count)
                assert worker.stop() == 0, worker.lines
        with road.worker("--once") as worker:
            assert worker.end() == 0, worker.lines
        assert (len(loft.taken), loft.repeats(), loft.disorder()) == (6000, 0, 0)
        assert road.totals() == {"orders/delivered": 6000}


def test_f30_a_killed_worker_loses_nothing_and_repeats_at_most_what_was_not_settled(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    seed = random.randrange(10_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    with Loft(latency=0.01) as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        road.orders(parcels(300, 16000))
        kills = 0
        while kills < 4:
            with road.worker() as worker:
                before = len(loft.taken)
                until(lambda before=before: len(loft.taken) > before)
                time.sleep(chance.uniform(0.05, 0.8))
                worker.kill()
                kills += 1
        with road.worker("--once") as worker:
            assert worker.end() == 0, worker.lines
        keys = {letter.body["id"] for letter in loft.taken}
        assert len(keys) == 16000
        assert loft.repeats() <= kills * UNSETTLED
        assert road.totals() == {"orders/delivered": 16000}


def test_f30_a_frozen_worker_sends_nothing_before_it_knows_what_is_still_its_own(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft(latency=0.05) as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        road.orders(parcels(100, 3000))
        with road.worker(state="first") as first:
            until(lambda: len(loft.taken) > 300)
            first.freeze()
            with road.worker(state="second") as second:
                until(lambda: len({letter.body["id"] for letter in loft.taken}) == 3000)
                before = len(loft.taken)
                first.thaw()
                time.sleep(10)
                assert len(loft.taken) == before
                assert second.stop() == 0
            assert first.stop() == 0, first.lines
        assert loft.repeats() <= UNSETTLED
        assert road.totals() == {"orders/delivered": 3000}
