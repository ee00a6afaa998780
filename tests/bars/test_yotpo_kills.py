"""Ten thousand sales and five kills: no order is twice at Yotpo but such as the audit names."""

from __future__ import annotations

import random
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

from operations.audit import examine
from operations.platforms import find
from sandbox.kafka.broker import Broker
from sandbox.yotpo.server import YotpoServer
from tests.consumers.yotpo.test_flow import crowd, ground
from tests.ground import Ground
from tests.waiting import Leap, until

SALES, KILLS = 10_000, 5
UNSETTLED = 500
"""What a worker may have started and not settled when it is killed, as the README says."""


def test_five_kills_send_no_order_twice_but_such_as_are_named(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    with YotpoServer(limits=False, latency=0.005) as yotpo:
        till = ground(kafka, prefix, tmp_path, yotpo)
        till.write(*crowd(SALES))
        for number in range(KILLS):
            with till.worker() as worker:
                least = yotpo.counts()["orders"] + 200
                until(lambda least=least: yotpo.counts()["orders"] >= least, what=f"kill {number} has something to hit")
                time.sleep(chance.uniform(0, 0.4))
                worker.kill()
        assert till.consume() == 0
        unsettled = named(till)
        assert len(unsettled) <= KILLS * UNSETTLED
        for hours in (1, 2, 4):  # what was unclear is looked for after ever longer whiles
            assert till.consume(clock=Leap(timedelta(hours=hours))) == 0
        sent = Counter(order["order_id"] for order in yotpo.orders())
        assert len(sent) == SALES
        twice = {docket for docket, count in sent.items() if count > 1}
        doubted = {told.partition(" ")[0] for told in named(till).values()}
        print(f"{len(unsettled)} not settled at a kill, {len(doubted)} sent again, {len(twice)} twice")
        assert twice <= doubted
        assert till.totals()["orders/delivered"] == SALES


def named(till: Ground) -> dict[str, str]:
    """The sales that the audit names: transaction -> what it says. The books balance."""
    audit = examine(till.settings, find())
    assert audit.balanced
    return {doubt.object: doubt.told for group in audit.groups for doubt in group.doubts}
