"""One request a record, in order, with state and settlement, at 20 and at 100 milliseconds a request."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from bench import events
from bench.ground import Answered, Ground, Post, disorder, until
from bench.measure import Figure

RECORDS, CUSTOMERS, IN_FLIGHT = 20_000, 2_000, 100


class Run(NamedTuple):
    """What came of a run: the platform's log, and the worker's processor seconds from its first request on."""

    log: list[Answered]
    cpu: float

    @property
    def rate(self) -> float:
        """Records a second, from the first request to the last."""
        return (len(self.log) - 1) / (self.log[-1].arrived - self.log[0].arrived)


def quick(scale: float) -> list[Figure]:
    """At 20 ms."""
    run = carried(0.02, _buyers(int(RECORDS * scale)))
    share, cost, wrong = run.rate / (IN_FLIGHT / 0.02), 1000 * run.cpu / len(run.log), disorder(run.log)
    return [
        Figure(
            "20 ms, one request a record, in order, state and settlement included",
            f"{run.rate:,.0f} records/s, {wrong} order violations, {cost:.2f} CPU s a 1,000",
            f"{share:.2f} of 100 / latency",
            ">= 0.25 (aim 0.40), 0 violations, <= 0.9 CPU s (aim 0.5)",
            share >= 0.25 and wrong == 0 and cost <= 0.9,
        )
    ]


def slow(scale: float) -> list[Figure]:
    """At 100 ms."""
    run = carried(0.1, _buyers(int(RECORDS * scale)))
    share, wrong = run.rate / (IN_FLIGHT / 0.1), disorder(run.log)
    measured = f"{run.rate:,.0f} records/s, {wrong} order violations"
    return [
        Figure("100 ms", measured, f"{share:.2f} of 100 / latency", ">= 0.85 (aim 0.95)", share >= 0.85 and wrong == 0)
    ]


def carried(latency: float, buyers: list[int], enough: Callable[[list[Answered]], bool] | None = None) -> Run:
    """Let one worker carry an order of each buyer, until all is settled, or until the platform's log is `enough`."""
    with Post(latency) as post, Ground("pigeon", {"url": post.url, "key": "k"}) as ground:
        events.orders(ground, buyers, lines=1)
        worker = ground.worker()
        worker.await_ready()
        before = worker.cpu
        if enough is None:
            ground.settled()
        else:
            until(lambda: enough(post.log()), "enough is done", 600, pause=1)
        return Run([line for line in post.log() if line.left], worker.cpu - before)


def _buyers(records: int) -> list[int]:
    dice = random.Random(7)
    return [dice.randrange(CUSTOMERS) for _ in range(records)]
