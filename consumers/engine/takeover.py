"""After an unclean hand-over, what a former owner started at a platform comes to its end before anything else goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import structlog

from consumers.engine.breaker import Away
from consumers.engine.live import Live
from consumers.engine.rim import Rim, Trip
from consumers.engine.sink import Sink

log = structlog.get_logger()


class Takeovers:
    """The connections at which a worker still waits for a former owner's work; `in` says which."""

    def __init__(
        self,
        sink: Sink,
        lives: Mapping[str, Live],
        rim: Rim,
        go_on: Callable[[], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        """`go_on` is called when a connection is free, `failed` when its plan raised."""
        self._sink, self._lives, self._rim, self._go_on, self._failed = sink, lives, rim, go_on, failed
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def __contains__(self, connection: str) -> bool:
        return connection in self._tasks

    def __len__(self) -> int:
        return len(self._tasks)

    def begin(self) -> None:
        """Wait at every connection, where the platform has a plan for it. One that is waited at already begins anew:
        the work of this owner may be newer than its answers."""
        if self._sink.takeover is None:
            return
        for name, live in self._lives.items():
            if (former := self._tasks.get(name)) is not None:
                former.cancel()
            task = asyncio.get_running_loop().create_task(self._wait(live))
            self._tasks[name] = task
            task.add_done_callback(lambda task, name=name: self._ended(name, task))  # type: ignore[misc]

    async def _wait(self, live: Live) -> None:
        assert self._sink.takeover is not None  # noqa: S101  # looked at by the only caller
        try:
            await self._rim.drive(live, self._sink.takeover(live.account), Trip(), _nothing)
        except Away:
            log.warning("the platform is away; what a former worker left there is not known", connection=live.name)

    def _ended(self, name: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(name) is not task:
            return
        del self._tasks[name]
        if not task.cancelled():
            if (error := task.exception()) is not None:
                self._failed(error)
            self._go_on()

    def end(self) -> None:
        """Wait no longer."""
        for task in self._tasks.values():
            task.cancel()


async def _nothing(_: object) -> None:
    return None
