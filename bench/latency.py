"""How soon a platform is asked about a row, once the row's file is complete."""

from __future__ import annotations

import time

from bench import exports
from bench.ground import Ground, Role, until
from bench.imports import klaviyo
from bench.measure import Figure, percentile
from sandbox.klaviyo.remote import Remote

FILES = 60
STILL = 2.0
"""Seconds that a file must not have changed (the default of `still`): so long after its last byte it is complete."""


def run(scale: float) -> list[Figure]:
    """Small files, one after the other; producer and worker run as services with their defaults."""
    count = max(5, int(FILES * scale))
    with klaviyo("--job-time", "2", limits=True, folder=True) as (ground, remote):
        for role in (Role(ground, "p", "produce", "folder"), ground.worker()):
            role.await_ready()
        waits = [_wait(ground, remote, number) for number in range(count)]
    most = percentile(waits, 0.95)
    return [
        Figure(
            f"{count} small files complete (second look) -> Klaviyo asked",
            f"p95 {most:.2f} s, median {percentile(waits, 0.5):.2f} s",
            f"{most / 3:.2f} of 3 s",
            "p95 <= 3 s",
            most <= 3,
        )
    ]


def _wait(ground: Ground, remote: Remote, number: int) -> float:
    time.sleep(0.1 + number * 0.37 % 1.9)  # at no fixed distance from the producer's own rhythm
    pending = ground.shop / "pending" / "au"
    exports.customers(pending / f"customers_20260401T{number // 60:02d}{number % 60:02d}00Z.csv", 1, first=number)
    complete = time.time() + STILL
    address = f"priya.{number}@customer.example"
    asked: list[float] = []

    def seen() -> bool:
        asked[:] = [line["time"] for line in remote.requests() if address in line["body"] or address in line["path"]]
        return bool(asked)

    until(seen, "Klaviyo is asked", 60, pause=0.1)
    return asked[0] - complete
