"""Hold partitions: restore what is remembered of them, start reading, and give them up in good order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import Any, TypeVar

import structlog
from confluent_kafka import KafkaError, KafkaException

from consumers.engine.broker import KafkaSide
from consumers.engine.erasure import heed
from consumers.engine.firsts import Firsts
from consumers.engine.item import REPLAYS
from consumers.engine.position import Position
from consumers.engine.post import Post
from consumers.engine.slot import Slot
from consumers.engine.threads import AWAY_SECONDS
from tillstream import telemetry
from tillstream.kafka.state import State

log = structlog.get_logger()
T = TypeVar("T")
LASTING = {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError._AUTHENTICATION}


async def patiently(where: Executor, call: Callable[..., T], *given: Any) -> T:
    """The result of a call, tried again for as long as Kafka is away."""
    while True:
        try:
            return await asyncio.get_running_loop().run_in_executor(where, call, *given)
        except KafkaException as error:
            if error.args[0].fatal() or error.args[0].code() in LASTING:
                raise
            log.warning("Kafka does not answer; trying again", why=error.args[0].str())
            await asyncio.sleep(1.0)


class Tenure:
    """The slots of a worker: `slots` are open, others are being restored."""

    def __init__(self, post: Post, kafka: Executor, restorers: Executor, unclean: Callable[[], None]) -> None:
        """`unclean` is called when reading has started from a slot that its former owner left in disorder."""
        self._post, self._kafka, self._restorers, self._unclean = post, kafka, restorers, unclean
        self.slots: dict[int, Slot] = {}
        self._opening: dict[int, asyncio.Task[None]] = {}
        self._parts: dict[int, set[str]] = {}
        self._firsts = Firsts(post.kafka, post.names.state(post.group), post.partitions)
        self._closing = False
        self.failure: BaseException | None = None

    def follow(self, side: KafkaSide) -> None:
        """Open the partitions of which every topic is held; say once which are not whole."""
        wanted = set(self._post.topics)
        for number, topics in list(side.held.items()):
            if number in self.slots or number in self._opening:
                continue
            if topics == wanted:
                task = asyncio.get_running_loop().create_task(self._open(number, side))
                self._opening[number] = task
                task.add_done_callback(partial(self._ended, number))
            elif self._parts.get(number) != topics:
                missing = sorted(wanted - topics)
                log.warning(
                    "partition is not whole: another member lists other topics", partition=number, missing=missing
                )
            self._parts[number] = set(topics)

    def _ended(self, number: int, task: asyncio.Task[None]) -> None:
        self._opening.pop(number, None)
        if not task.cancelled() and task.exception() is not None:
            self.failure = self.failure or task.exception()

    async def _open(self, number: int, side: KafkaSide) -> None:
        begun, tenancy = time.monotonic(), side.tenancy(number)
        slot = await patiently(self._restorers, self._restore, number)
        try:
            started = not self._closing and await patiently(self._kafka, side.begin, slot, self._post, tenancy)
        except BaseException:
            slot.state.close()
            raise
        if not started or self._closing:  # what is opened after a leave nobody would give up in time
            slot.state.close()
            return
        former = slot.left_by_former().values()
        self.slots[number] = slot
        self._firsts.held = len(self.slots)
        slot.prune_jobs()
        telemetry.STATE_RESTORE.labels(self._post.group).set(time.monotonic() - begun)
        if any(not clean for _, _, clean in former):
            self._unclean()

    def _restore(self, number: int) -> Slot:
        topic = self._post.names.state(self._post.group)
        state = State(topic, number, self._post.topic_ids[topic], self._post.folder)
        try:
            count = state.restore(self._post.kafka)
            if count:
                log.info("state restored", group=self._post.group, partition=number, records=count)
            slot = Slot(number, state, self._firsts)
            heed(slot, self._post.kafka, self._post.names.replay(self._post.group), self._unread(slot))
            return slot
        except BaseException:
            state.close()
            raise

    def _unread(self, slot: Slot) -> int:
        """Where reading of a slot's replay topic goes on, as far as its state knows."""
        topic_id = self._post.topic_ids[self._post.names.replay(self._post.group)]
        former, known_id, _ = slot.left_by_former().get(REPLAYS, (Position(0), topic_id, True))
        return former.next if known_id == topic_id else 0

    @property
    def opening(self) -> int:
        """How many partitions are being restored."""
        return len(self._opening)

    def leave(self, numbers: set[int]) -> set[Slot]:
        """The open slots of these partitions, taken out. One that is being restored finds out by itself, in `begin`."""
        left = {self.slots.pop(number) for number in numbers if number in self.slots}
        self._firsts.held = len(self.slots)
        return left

    def close(self) -> None:
        """Open nothing more."""
        self._closing = True

    async def closed(self) -> None:
        """Return once nothing is being restored, or Kafka has had time enough for it."""
        if self._opening:
            await asyncio.wait(self._opening.values(), timeout=AWAY_SECONDS)
