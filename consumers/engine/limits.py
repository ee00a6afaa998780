"""How much a worker takes on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one worker: plans at once, plans started and not settled (what a crash may repeat), records in memory,
    offsets past the committed one, seconds to drain, and how long a refused record is tried again."""

    in_flight: int = 100
    unsettled: int = 500
    in_memory: int = 10_000
    ahead: int = 20_000
    settle_seconds: float = 0.2
    drain_seconds: float = 25.0
    exhausted_after: timedelta = timedelta(hours=24)
