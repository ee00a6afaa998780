"""Tell a worker that gets on from one that only turns."""

from __future__ import annotations

from collections.abc import Mapping

from consumers.engine.crew import Crew
from tillstream.clock import Clock


class Progress:
    """Since when nothing has come on although something could."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._mark: object = None
        self._since = clock.monotonic()

    def note(self, mark: object, *, due: bool) -> None:
        """`mark` differs once something has come on; `due`: something could come on now."""
        if not due or mark != self._mark:
            self._mark, self._since = mark, self._clock.monotonic()

    @property
    def still(self) -> float:
        """Seconds."""
        return self._clock.monotonic() - self._since


def due(crew: Crew, lag: Mapping[str, int]) -> bool:
    """Do records wait that nothing holds up: no plan under way, no lane at rest, no connection that is not well?"""
    unwell = any(live.unwell or live.breaker.state for live in crew.lives.values())
    if unwell or crew.jobs or crew.lanes.next_wake() is not None:
        return False
    return bool(crew.lanes.kinds()) or any(lag.values())
