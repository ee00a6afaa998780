"""Partitions are opened while everything else goes on, the end of the worker included."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from consumers.engine.post import Post
from consumers.engine.slot import Slot
from consumers.engine.tenure import Tenure
from schemas.topics import Names
from tests.consumers.engine.stage import FirstOf
from tillstream.kafka.state import State
from tillstream.kafka.topics import Timing


class Side:
    """The Kafka side, in whose thread it takes a while until reading of a partition has begun."""

    held = {3: {"customers"}}  # noqa: RUF012  # nobody changes it

    def __init__(self) -> None:
        self.asked, self.may = threading.Event(), threading.Event()

    def tenancy(self, number: int) -> int:
        return 1

    def begin(self, *_: object) -> bool:
        self.asked.set()
        return self.may.wait(60)


class Remembering(Tenure):
    """Its partitions need no Kafka to be restored."""

    def _restore(self, number: int) -> Slot:
        return Slot(number, state(self._post.folder), FirstOf())


def state(folder: Path) -> State:
    return State("state", 3, "topic-id", folder)


def test_a_partition_that_is_being_opened_while_the_worker_leaves_is_closed_again(tmp_path: Path) -> None:
    """Else it would be given up in the middle of leaving, when Kafka takes nothing of ours any more."""
    post = Post({}, Names(""), "pigeon", {"customers": "customers"}, {}, 4, tmp_path, Timing(6.0, 0.5))
    kafka, restorers = ThreadPoolExecutor(1), ThreadPoolExecutor(1)

    async def story() -> None:
        side: Any = Side()
        tenure = Remembering(post, kafka, restorers, lambda: None)
        tenure.follow(side)
        await asyncio.to_thread(side.asked.wait, 60)
        tenure.close()
        side.may.set()
        await tenure.closed()
        assert tenure.slots == {}

    asyncio.run(story())
    state(tmp_path).close()  # which nobody else holds
