"""Share an account's limits among 1, 2 and 4 workers, against a platform that counts in fixed windows."""

from __future__ import annotations

import random
import time

from bench import events
from bench.ground import PARTITIONS, Ground, Post
from bench.measure import Figure
from bench.one_by_one import CUSTOMERS

RECORDS, SECOND, MINUTE = 1_500, 75, 700
WORKERS = (1, 2, 4)


def run(scale: float) -> list[Figure]:
    """A figure for each number of workers; a smaller scale means fewer records and a lower best possible."""
    return [_with(workers, int(RECORDS * scale)) for workers in WORKERS]


def _with(workers: int, count: int) -> Figure:
    dice = random.Random(workers)
    with (
        Post(0.02, SECOND, MINUTE) as post,
        Ground("pigeon", {"url": post.url, "key": "k", "a_second": SECOND, "a_minute": MINUTE}) as ground,
    ):
        ground.share([ground.worker(f"w{number}") for number in range(workers)], PARTITIONS)
        begun = time.monotonic()
        events.orders(ground, [dice.randrange(CUSTOMERS) for _ in range(count)], lines=1)
        seconds = ground.settled() - begun
        log = post.log()
    refused = sum(line.status == 429 for line in log)
    lost = count - len({line.id for line in log if line.status == 201})
    best = best_possible(count)
    return Figure(
        f"quota {SECOND}/s and {MINUTE}/min, {count:,} records, {workers} worker{'s' * (workers > 1)}",
        f"{seconds:.0f} s, {refused} answers 429, {lost} lost",
        f"{seconds / best:.2f} x the best possible {best:.0f} s",
        f"<= {best * 125 / 121:.0f} s, <= 15 answers 429, 0 lost",
        seconds <= best * 125 / 121 and refused <= 15 and lost == 0,
    )


def best_possible(count: int) -> float:
    """Seconds that so many requests need where windows begin with the first.

    >>> round(best_possible(1500))
    121
    """
    minutes, rest = divmod(count - 1, MINUTE)
    return 60 * minutes + (rest + 1) / SECOND
