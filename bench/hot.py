"""One customer makes 31 % of the records: everybody else must not wait for them."""

from __future__ import annotations

import random

from bench import events
from bench.measure import Figure, percentile
from bench.one_by_one import CUSTOMERS, IN_FLIGHT, RECORDS, carried

LATENCY, SHARE = 0.02, 0.31


def run(scale: float) -> list[Figure]:
    """The others' floor is what they would need alone: their records x latency / in flight."""
    buyers = _buyers(int(RECORDS * scale))
    others = sum(buyer > 0 for buyer in buyers)
    log = carried(LATENCY, buyers, lambda lines: sum(events.email(0) not in line.key for line in lines) >= others).log
    done = [line.left - log[0].arrived for line in log if events.email(0) not in line.key]
    floor = others * LATENCY / IN_FLIGHT
    most = percentile(done, 0.95)
    return [
        Figure(
            "one customer makes 31 % of the records",
            f"95 % of the others' {others:,} records done after {most:.1f} s",
            f"{most / floor:.2f} x their floor of {floor:.1f} s",
            "<= 3 x their floor",
            most <= 3 * floor,
        )
    ]


def _buyers(records: int) -> list[int]:
    dice = random.Random(31)
    return [0 if dice.random() < SHARE else dice.randrange(1, CUSTOMERS) for _ in range(records)]
