"""Kill a worker in the middle of its work, start it again, and see what was lost and what came twice."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from typing import NamedTuple

from bench import events
from bench.ground import Answered, Ground, Post, Role, until
from bench.measure import Figure
from bench.one_by_one import CUSTOMERS, RECORDS
from sandbox.kafka.broker import QUICK_GROUPS

LATENCY, UNSETTLED = 0.02, 500
KILLS = (0.25, 0.5, 0.75)
"""Shares of the records after which the worker is killed."""


class Kill(NamedTuple):
    """One kill: its place in the platform's log, and the ids that the killed worker had asked for and not settled."""

    at: int
    open: set[str]


def run(scale: float) -> list[Figure]:
    """Lost: never asked for. Repeated: asked for again after a kill; by each kill at most what it found open."""
    count = int(RECORDS * scale)
    dice = random.Random(9)
    with Post(LATENCY) as post, Ground("pigeon", {"url": post.url, "key": "k"}, broker=QUICK_GROUPS) as ground:
        events.orders(ground, [dice.randrange(CUSTOMERS) for _ in range(count)], lines=1)
        kills: list[Kill] = []
        worker = ground.worker()
        for share in KILLS:
            _await(post, int(count * share))
            kills.append(_kill(ground, post, worker, kills[-1].at if kills else 0))
            worker = ground.worker()
        ground.settled()
        log = post.log()
    return [_figure(count, log, kills)]


def _await(post: Post, count: int) -> None:
    until(lambda: post.taken >= count, "the moment of a kill", 120, pause=0.01)


def _kill(ground: Ground, post: Post, worker: Role, start: int) -> Kill:
    worker.kill()
    time.sleep(0.5)  # what was on its way arrives
    log = post.log()
    settled = {record.key().decode().rpartition("#order/")[2] for record in ground.remembered("#order/")}
    return Kill(len(log), {line.id for line in log[start:]} - settled)


def _figure(count: int, log: list[Answered], kills: list[Kill]) -> Figure:
    asked = {line.id for line in log}
    lost, repeated = count - len(asked), [len(kill.open & {line.id for line in log[kill.at :]}) for kill in kills]
    others = len(log) - len(asked) - sum(repeated)
    started = [len(kill.open) for kill in kills]
    return Figure(
        f"kill -9, restart ({len(kills)} times)",
        f"{lost} lost, {_listed(repeated)} repeated, {others} repeated without a kill",
        f"of {_listed(started)} started and not settled",
        f"0 lost; repeats <= started and not settled <= {UNSETTLED}",
        lost == 0 and others == 0 and max(started) <= UNSETTLED,
    )


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))
