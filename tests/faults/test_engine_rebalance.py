"""Members come, go, hang and disagree: order holds, and nobody writes for what is not his any more."""

from __future__ import annotations

import contextlib
import random
import time
from pathlib import Path

from sandbox.kafka.broker import Broker
from tests.flow.road import Road, letters, parcels
from tests.second_platform.loft import Loft
from tests.waiting import until


def test_f31_members_come_and_go_at_random_and_order_holds(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    seed = random.randrange(10_000)
    print(f"seed {seed}")
    chance, count = random.Random(seed), 3000
    with Loft(latency=0.03) as loft, contextlib.ExitStack() as group:
        road = Road(kafka, prefix, tmp_path, loft, engine="in_flight = 10")
        road.orders(parcels(300, count))
        members = [group.enter_context(road.inside())]
        while len(loft.taken) < count:
            if len(members) > 1 and chance.random() < 0.5:
                assert members.pop(chance.randrange(len(members))).stop() == 0
            elif len(members) < 4:
                members.append(group.enter_context(road.inside()))
            time.sleep(chance.uniform(0.2, 1.5))
        for one in members:
            assert one.stop() == 0
        assert (loft.repeats(), loft.disorder()) == (0, 0)
        assert road.totals() == {"orders/delivered": count}


def test_f32_calls_under_way_are_awaited_settled_and_given_up_when_partitions_go(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft(latency=100.0) as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        road.orders(parcels(100, 300))
        with road.inside() as first:
            until(lambda: loft.under_way == 100)
            loft.latency = 1.5
            with road.inside() as second:
                until(lambda: len(loft.taken) == 300)
                assert second.stop() == 0
            assert first.stop() == 0
        assert (loft.repeats(), loft.disorder()) == (0, 0)
        assert road.totals() == {"orders/delivered": 300}


def test_f33_nothing_is_committed_for_partitions_that_were_lost(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    """The member hangs with calls under way; its heir repeats them, and what it says later changes no offset."""
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        road.orders(parcels(50, 50))
        loft.latency = 100.0
        with road.worker(state="first") as first:
            until(lambda: loft.under_way == 50)
            first.freeze()
            loft.latency = 0.0
            with road.worker(state="second") as second:
                until(lambda: road.totals() == {"orders/delivered": 50})
                first.thaw()
                until(lambda: any("state restored" in line for line in first.lines))
                assert second.stop() == 0
            assert first.stop() == 0, first.lines
        assert road.totals() == {"orders/delivered": 50}
        assert set(road.lag().values()) == {0}


def test_f34_a_partition_that_returns_brings_what_its_other_owner_did(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        with road.inside() as first:
            road.customers(letters(40, 40))
            until(lambda: len(loft.taken) == 40)
            with road.inside() as second:
                until(lambda: second.watch.ready is None and first.watch.ready is None)
                road.customers([(f"p{n}", 100, "newer") for n in range(40)])
                until(lambda: len(loft.taken) == 80)
                assert second.stop() == 0
            until(lambda: first.watch.ready is None)
            road.customers([(f"p{n}", 50, "older") for n in range(40)])
            road.customers([(f"p{n}", 100, "newer") for n in range(40)])
            until(lambda: set(road.lag().values()) == {0})
            assert first.stop() == 0
        assert (len(loft.taken), loft.disorder()) == (80, 0)
        assert road.totals() == {"customers/delivered": 80, "customers/superseded": 40, "customers/unchanged": 40}
