"""Plans under way: what each carries, what an heir will find of it, and how it is brought to an end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from consumers.engine.item import Record
from consumers.engine.lanes import Kind
from consumers.engine.live import Live
from consumers.engine.rim import Trip
from consumers.engine.slot import Slot
from consumers.engine.wire import Remember, Started
from tillstream.clock import Clock

LOOK_AGAIN_SECONDS = 0.05


@dataclass(slots=True, eq=False)
class Job:
    """A running plan and the records it carries."""

    kind: Kind
    live: Live
    works: list[tuple[Record, ...]]
    bulk: bool
    trip: Trip
    probe: bool
    told: bool = True  # does its end say whether a stopped connection may go on?
    task: asyncio.Task[None] | None = None

    @property
    def slots(self) -> set[Slot]:
        """The partitions that its records came from."""
        return {work[0].slot for work in self.works}

    @property
    def done(self) -> bool:
        """Has it come to its end?"""
        return self.task is None or self.task.done()

    def cancel(self) -> None:
        """Give it up."""
        if self.task is not None:
            self.task.cancel()


def write_down(job: Job, told: Started | Remember) -> None:
    """What an heir of a plan's records will find."""
    head = job.works[0][0]
    if isinstance(told, Remember):
        head.slot.remember(f"{head.key}#{told.part}", told.value)
        return
    for slot in job.slots:
        slot.note_job(told.job, [r for work in job.works for r in work if r.slot is slot])


async def outlast(jobs: Sequence[Job], seconds: float, clock: Clock) -> int:
    """Wait for plans, and give each up as soon as that repeats nothing. How many were given up at the deadline."""
    deadline = clock.monotonic() + seconds
    waiting = {job for job in jobs if not job.done}
    while waiting and clock.monotonic() < deadline:
        for job in waiting:
            if job.trip.harmless:
                job.cancel()
        await clock.sleep(LOOK_AGAIN_SECONDS)
        waiting = {job for job in waiting if not job.done}
    late = sum(not job.trip.harmless for job in waiting)
    for job in waiting:
        job.cancel()
    await asyncio.gather(*(job.task for job in waiting if job.task), return_exceptions=True)
    return late
