"""Files to Kafka: what checking, books and memory cost beside the bare minimum, and that size costs no memory."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

from bench import HOME, exports
from bench.ground import Ground, Role, until
from bench.measure import Figure, Memory
from tillstream.kafka import topics

ROWS, LONG = 300_000, 10_000_000
BARS = {"customers": 0.35, "orders": 0.30}


def against_bare(scale: float) -> list[Figure]:
    """Rows a processor second of `produce folder`, against the bare loop on the same file."""
    rows = int(ROWS * scale)
    with _ground() as ground:
        topics.ensure(ground.kafka, [topics.Plan("bare.customers", 6, 1, {}), topics.Plan("bare.orders", 6, 1, {})])
        files = {
            "customers": exports.customers(ground.folder / "made" / "customers_20260401T000000Z.csv", rows),
            "orders": exports.orders(ground.folder / "made" / "orders_20260401T010000Z.csv", rows, rows // 10),
        }
        producer = Role(ground, "p", "produce", "folder")
        producer.await_ready()
        time.sleep(2)
        return [_compared(ground, producer, kind, file, rows) for kind, file in files.items()]


def _compared(ground: Ground, producer: Role, kind: str, file: Path, rows: int) -> Figure:
    said = subprocess.run(
        [sys.executable, "-m", "bench.bare", kind, str(file), ground.broker.bootstrap],
        cwd=HOME,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert int(said[0]) == rows
    bare = rows / float(said[1])
    before = producer.cpu
    _drop(ground, file)
    ours = rows / (producer.cpu - before)
    ratio, bar = ours / bare, BARS[kind]
    return Figure(
        f"ingest, validated, a core: {'customers' if kind == 'customers' else 'order lines'}",
        f"{ours:,.0f} rows a CPU second; bare loop {bare:,.0f}",
        f"{ratio:.2f} of the bare loop",
        f">= {bar:.2f} (aim 0.50)",
        ratio >= bar,
    )


def long_file(scale: float) -> list[Figure]:
    """One orders file: its lines are sorted on disk, and nothing of it is held."""
    rows = int(LONG * scale)
    with _ground() as ground:
        made = exports.orders(ground.folder / "made" / "orders_20260401T010000Z.csv", rows, 1_000_000)
        producer = Role(ground, "p", "produce", "folder")
        producer.await_ready()
        begun = time.monotonic()
        with Memory(producer.pid) as memory:
            _drop(ground, made)
        took = time.monotonic() - begun
    return [
        Figure(
            f"{rows:,} rows in one file",
            f"{memory.most:.0f} MB anonymous at most, {rows / took:,.0f} rows/s",
            f"last quarter {memory.growth:.2f} x the second",
            "flat memory (<= 1.1 x), below 250 MB",
            memory.most < 250 and memory.growth <= 1.1,
        )
    ]


def _ground() -> Ground:
    return Ground("klaviyo", {"private_key": "pk_bench"}, folder=True)


def _drop(ground: Ground, file: Path) -> None:
    """Put a file where files arrive, and wait until it is put away."""
    waiting = ground.shop / "pending" / "au" / file.name
    part = waiting.with_name(f"{file.name}.part")
    waiting.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(file, part)
    part.rename(waiting)
    until((ground.shop / "processed" / "au" / file.name).exists, f"{file.name} is read", 7200, pause=0.05)
