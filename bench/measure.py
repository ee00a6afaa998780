"""What a program measured, beside its bar; and how seconds, bytes and shares are taken from a running process."""

from __future__ import annotations

import os
import statistics
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")


class Figure(NamedTuple):
    """One line of the table: `measured` with its unit, `ratio` to what was measured or known in the same run."""

    what: str
    measured: str
    ratio: str
    bar: str
    holds: bool


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far, all its threads (proc(5), /proc/PID/stat, utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def anonymous_mb(pid: int) -> float:
    """Memory that is the process's own, with no file behind it and no page cache (proc(5), smaps_rollup)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Anonymous:")) / 1024


class Memory:
    """Samples a process's own memory four times a second while the block runs; `samples` in MB."""

    def __init__(self, pid: int) -> None:
        self.samples: list[float] = []
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def _sample(self) -> None:
        while not self._over.wait(0.25):
            try:
                self.samples.append(anonymous_mb(self._pid))
            except (FileNotFoundError, ProcessLookupError):
                return

    @property
    def most(self) -> float:
        """The largest sample."""
        return max(self.samples, default=0.0)

    @property
    def growth(self) -> float:
        """The last quarter's median over the second quarter's: 1.0 is flat."""
        quarter = max(1, len(self.samples) // 4)
        return statistics.median(self.samples[-quarter:]) / statistics.median(self.samples[quarter : 2 * quarter])

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of the values do not exceed.

    >>> percentile([5, 1, 2, 3, 4], 0.8)
    4
    """
    return sorted(values)[max(0, -(-int(len(values) * share * 1000) // 1000) - 1)]


def table(figures: Sequence[Figure]) -> str:
    """All figures as a table of Markdown."""
    lines = ["| what | measured | ratio | bar | held |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([*lines, *(f"| {' | '.join([*one[:-1], 'yes' if one.holds else 'no'])} |" for one in figures), ""])
