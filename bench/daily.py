"""The daily case: everybody is exported again, nobody has changed; what a worker needs then, how fast it is back."""

from __future__ import annotations

import shutil
import time

from bench import events
from bench.ground import Ground, Post
from bench.measure import Figure, Memory

CUSTOMERS = 1_000_000


def run(scale: float) -> list[Figure]:
    """Deliver everybody once; export again; take a warm start, the run, and a cold start of the same worker."""
    count = int(CUSTOMERS * scale)
    with Post() as post, Ground("mule", {"url": post.url}) as ground:
        _deliver(ground, count)
        events.customers(ground, count, export=1)
        calls = post.taken
        worker = ground.worker()
        with Memory(worker.pid) as memory:
            warm = worker.await_ready() - worker.begun
            before = worker.cpu
            rate = ground.rate()
            cost = worker.cpu - before
        asked = post.taken - calls
        worker.stop()
        shutil.rmtree(worker.state)
        cold, restored = _cold_start(ground)
    return [_unchanged(count, rate, cost, asked), *_needs(count, memory, warm, cold, restored)]


def _deliver(ground: Ground, count: int) -> None:
    events.customers(ground, count)
    worker, begun = ground.worker(), time.monotonic()
    took = ground.settled() - begun
    print(f"{count:,} customers known, delivered in {took:.0f} s ({count / took:,.0f} a second)", flush=True)
    worker.stop()


def _cold_start(ground: Ground) -> tuple[float, int]:
    """How long a start without a local store read the state, and how many records."""
    worker = ground.worker()
    worker.await_ready()
    took = worker.metric("tillstream_state_restore_seconds")
    restored = sum(line["records"] for line in worker.told("state restored"))
    worker.stop()
    return took, restored


def _unchanged(count: int, rate: float, cost: float, asked: int) -> Figure:
    return Figure(
        f"{count:,} unchanged customers re-exported (the daily case)",
        f"{rate:,.0f} records/s a worker, {1000 * cost / count:.3f} CPU s a 1,000, {asked} calls",
        f"{rate / 15_000:.2f} of 15,000/s",
        ">= 15,000 records/s (aim 25,000), not one call",
        rate >= 15_000 and asked == 0,
    )


def _needs(count: int, memory: Memory, warm: float, cold: float, restored: int) -> list[Figure]:
    rate = restored / cold
    return [
        Figure(
            f"worker with {count:,} customers of state and {count:,} records waiting: memory",
            f"{memory.most:.0f} MB anonymous at most",
            f"{memory.most / 350:.2f} of 350 MB",
            "< 350 MB",
            memory.most < 350,
        ),
        Figure(
            "the same: warm restart", f"{warm:.1f} s from start to ready", f"{warm / 5:.2f} of 5 s", "< 5 s", warm < 5
        ),
        Figure(
            "the same: cold restore",
            f"{rate:,.0f} records/s ({restored:,} records in {cold:.1f} s)",
            f"{rate / 50_000:.2f} of 50,000/s",
            ">= 50,000 records/s",
            rate >= 50_000,
        ),
    ]
