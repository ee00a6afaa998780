"""`python -m bench [NAME ...] [--scale 0.1]`: run programs, print what they measured; all write RESULTS.md."""

from __future__ import annotations

import argparse
import pkgutil
import platform
import signal
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import consumers
from bench import PLATFORMS, daily, hot, imports, ingest, kill, latency, one_by_one, quota
from bench.measure import Figure, table

PROGRAMS: Mapping[str, Callable[[float], list[Figure]]] = {
    "20ms": one_by_one.quick,
    "100ms": one_by_one.slow,
    "hot": hot.run,
    "kill": kill.run,
    "quota": quota.run,
    "daily": daily.run,
    "changed": imports.changed,
    "first-load": imports.first_load,
    "ingest": ingest.against_bare,
    "latency": latency.run,
    "long-file": ingest.long_file,  # the longest last
}
RESULTS = Path(__file__).with_name("RESULTS.md")


def main() -> None:
    """Run what was asked for. SIGTERM ends whatever was started, too."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.path[:0] = [str(folder) for folder in PLATFORMS]
    consumers.__path__ = pkgutil.extend_path(consumers.__path__, "consumers")
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(PROGRAMS)}; none: all")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full size, for a quick look")
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in PROGRAMS]
    if unknown:
        parser.error(f"there is no {unknown[0]}; there are {', '.join(PROGRAMS)}")
    figures: list[Figure] = []
    for name in given.names or PROGRAMS:
        begun = time.monotonic()
        found = PROGRAMS[name](given.scale)
        figures += found
        print(table(found).split("\n", 2)[2], f"({name}: {time.monotonic() - begun:.0f} s)", sep="", flush=True)
        if not given.names:  # after each, so that what was measured is kept whatever comes
            RESULTS.write_text(_page(figures, given.scale), encoding="utf-8")
    print(table(figures))


def _page(figures: list[Figure], scale: float) -> str:
    return (
        "# What was measured\n\n"
        f"By `python -m bench` on {datetime.now(UTC):%Y-%m-%d}, at {scale:g} of the full size, on {_machine()}.\n"
        "Broker, platform and everything of ours shared the processors. Every ratio is of one run.\n\n"
        f"{table(figures)}"
    )


def _machine() -> str:
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return (
        f"{len(models)} processors ({models[0] if models else platform.machine()}), Python {platform.python_version()}"
    )


if __name__ == "__main__":
    main()
