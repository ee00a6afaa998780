"""Klaviyo in bulk: customers who have all changed, without limits; and a first load inside the documented limits."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from bench import events
from bench.ground import Ground, until
from bench.measure import Figure
from consumers.klaviyo.settings import LIMITS
from sandbox.klaviyo.remote import Remote
from sandbox.klaviyo.routes import ROUTES
from sandbox.program import free_port

CUSTOMERS = 200_000
LIST = "Y6nRLr"
BARRED = "{id}"


@contextmanager
def klaviyo(*options: str, limits: bool, folder: bool = False) -> Iterator[tuple[Ground, Remote]]:
    """A sandbox Klaviyo in a process of its own, and a ground whose connection is an account there."""
    port = free_port()
    account = {"url": f"http://127.0.0.1:{port}", "private_key": "pk_bench", "list": LIST}
    off: dict[str, Any] = {} if limits else {"limits": {name: [] for name in LIMITS}}
    with Ground("klaviyo", {**account, **off}, folder=folder) as ground:
        command = [
            sys.executable,
            "-m",
            "sandbox.klaviyo",
            "--port",
            str(port),
            *options,
            *(() if limits else ("--no-limits",)),
        ]
        ground.program(command, "klaviyo.log")
        remote = Remote(account["url"])
        until(lambda: _there(remote), "Klaviyo answers", 30)
        yield ground, remote
        remote.close()


def _there(remote: Remote) -> bool:
    try:
        return bool(remote.counts())
    except Exception:  # it is not there yet
        return False


def changed(scale: float) -> list[Figure]:
    """Everybody is known; then everybody has another address."""
    count = int(CUSTOMERS * scale)
    with klaviyo("--job-time", "0", limits=False) as (ground, remote):
        events.customers(ground, count)
        worker = ground.worker()
        worker.await_ready()
        ground.settled()
        worker.stop()
        click.echo(f"{remote.counts()['profiles']:,} profiles known")
        events.customers(ground, count, edition=1)
        worker = ground.worker()
        begun, before = worker.await_ready(), worker.cpu
        seconds, cost = ground.settled() - begun, worker.cpu - before
        sample = remote.profile(events.email(count - 1))
        assert sample["location"]["address1"].startswith("Level 3"), sample
    rate = count / seconds
    return [
        Figure(
            f"{count:,} changed customers by bulk import, quota off, job time 0",
            f"{rate:,.0f} records/s a worker, {1000 * cost / count:.2f} CPU s a 1,000",
            f"{rate / 4_000:.2f} of 4,000/s",
            ">= 4,000 records/s (aim 6,000)",
            rate >= 4_000,
        )
    ]


def first_load(scale: float) -> list[Figure]:
    """Nobody is known; every customer has bought once."""
    count = int(CUSTOMERS * scale)
    with klaviyo("--job-time", "2", limits=True) as (ground, remote):
        events.customers(ground, count)
        events.orders(ground, range(count))
        ground.worker()
        ground.settled()
        times = _quiet(remote)
        calls = remote.counts()
    took, (endpoint, floor) = times[-1] - times[0], _floor(calls["endpoints"])
    done = f"{calls['throttled']} answers 429, {calls['profiles']:,} profiles, {calls['events']:,} events"
    return [
        Figure(
            f"{count:,} customers + {count:,} orders, documented quotas on, job time 2 s",
            f"{took:.0f} s, {done}",
            f"{took / floor:.2f} x {floor:.0f} s ({endpoint})",
            "<= 1.15 x (slowest endpoint's calls / its limit a minute)",
            took <= 1.15 * floor,
        )
    ]


def _quiet(remote: Remote) -> list[float]:
    """When the requests came, once none has come for five seconds."""
    seen = -1

    def still() -> bool:
        nonlocal seen
        before, seen = seen, sum(sum(counts.values()) for counts in remote.counts()["endpoints"].values())
        return before == seen

    until(still, "Klaviyo is left in peace", 600, pause=5)
    return [line["time"] for line in remote.requests()]


def _floor(endpoints: dict[str, dict[str, int]]) -> tuple[str, float]:
    """The endpoint that needs most time, and how much: its calls that were let in / its limit a minute.

    Asking how a job stands is our own choice, so those calls raise no floor.
    """
    steady = {route.endpoint: route.limit.steady for route in ROUTES}
    needs = {
        name: 60 * sum(count for status, count in counts.items() if status != "429") / steady[name]
        for name, counts in endpoints.items()
        if name in steady and BARRED not in name
    }
    slowest = max(needs, key=lambda name: needs[name])
    return slowest, needs[slowest]
