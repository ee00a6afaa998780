"""Ask Kafka something now and then, aside of a worker's turns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor

import structlog

log = structlog.get_logger()


class Aside:
    """One question at a time; `what` says in the log what is not known when it fails. It is asked again later."""

    def __init__(self, where: Executor, what: str, group: str) -> None:
        self._where, self._what, self._group = where, what, group
        self._asked: asyncio.Future[None] | None = None

    def ask(self, look: Callable[..., None], *given: object) -> None:
        """Have the look taken, unless one is being taken."""
        if self.free:
            self._asked = asyncio.get_running_loop().run_in_executor(self._where, look, *given)

    @property
    def free(self) -> bool:
        """Has the last question its answer?"""
        if self._asked is not None and self._asked.done():
            if (error := self._asked.exception()) is not None:
                log.warning("not known yet", what=self._what, group=self._group, why=str(error))
            self._asked = None
        return self._asked is None
