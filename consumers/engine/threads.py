"""Threads for calls to Kafka, which may take for ever: nobody who is to stop waits for them to the end."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import Any, TypeVar

import structlog

log = structlog.get_logger()
T = TypeVar("T")
AWAY_SECONDS, SLOW_SECONDS = 3.0, 15.0
"""How long who is to stop waits for a Kafka that is away, and for one that is only slow."""


class Unanswered(Exception):
    """We are to stop, and Kafka does not answer."""


class Loose(Executor):
    """A pool whose threads end with the process, whatever they are at (`ThreadPoolExecutor` waits for its own)."""

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        for number in range(count):
            threading.Thread(target=self._work, name=f"{name}_{number}", daemon=True).start()

    def submit(self, call: Callable[..., T], /, *given: Any, **named: Any) -> Future[T]:
        """Have it called by the next thread that is free."""
        answer: Future[T] = Future()

        def run() -> None:
            if answer.set_running_or_notify_cancel():
                try:
                    result = call(*given, **named)
                except BaseException as error:
                    answer.set_exception(error)
                else:
                    answer.set_result(result)

        self._calls.put(run)
        return answer

    def _work(self) -> None:
        while (run := self._calls.get()) is not None:
            run()
            del run  # and with it what it was given

    def shutdown(self, *_: object, **__: object) -> None:
        """End the threads once they have done what they were given; nobody waits for it."""
        for _number in range(self._count):
            self._calls.put(None)


class KafkaThread:
    """The one thread that speaks with Kafka for a worker. Lives in one event loop."""

    def __init__(self, group: str, away: Callable[[], str | None]) -> None:
        """`away`: why Kafka keeps us waiting, None while it does not."""
        self.executor = Loose(1, f"kafka-{group}")
        self._away = away
        self._hurried = asyncio.get_running_loop().create_future()
        self.answers = True

    def hurry(self) -> None:
        """We are to stop: wait for nothing without end from now on."""
        if not self._hurried.done():
            self._hurried.set_result(None)

    async def __call__(self, call: Callable[..., T], *given: object) -> T:
        """What a call returns or raises; in a hurry perhaps Unanswered, and then nothing more is asked."""
        if not self.answers:
            raise Unanswered
        answer = asyncio.get_running_loop().run_in_executor(self.executor, call, *given)
        await asyncio.wait((answer, self._hurried), return_when=asyncio.FIRST_COMPLETED)
        begun = time.monotonic()
        while not answer.done():
            waited = time.monotonic() - begun
            if waited > (AWAY_SECONDS if self._away() else SLOW_SECONDS):
                self.answers = False
                log.warning("stopped without Kafka, which does not answer; the next owner repeats what is not settled")
                raise Unanswered
            await asyncio.wait((answer,), timeout=0.2)
        return answer.result()
