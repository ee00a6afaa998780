"""What roles share: how health pages see a producer, how it waits for Kafka, and how any of them is told to stop."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import wait
from types import FrameType
from typing import Any, Protocol, TypeVar

import click
from confluent_kafka import KafkaException
from confluent_kafka.admin import ConfigResource, ResourceType  # type: ignore[attr-defined]  # public, all the same

from consumers.engine.threads import AWAY_SECONDS, Loose
from operations.arguments import DONE, FAILED, WRONG
from producers.office import Office
from schemas.lookup import RegistryAway, RegistryRefused
from schemas.topics import EVENT_TOPICS, Names
from tillstream import logs
from tillstream.health import Probes, served
from tillstream.kafka.client import admin
from tillstream.kafka.publisher import Fenced
from tillstream.kafka.topics import WrongTopics, mocked
from tillstream.mapping.check import TableErrors
from tillstream.settings import Address

LOG = logs.logger(__name__)
STUCK_SECONDS, SLOW_SECONDS, JOINING_SECONDS = 120.0, 15.0, 5.0
LONGEST_PAUSE, LOOK_SECONDS = 60.0, 0.2
AT_ONCE = "stopped at once; what was in hand is taken up again at the next start"
PATIENCE = 15.0
"""Seconds that a run with `--once` waits for the connections before it says that another producer works them."""
STOPS = (WrongTopics, Fenced, RegistryRefused)
"""What ends any role until a person has seen to it."""
T = TypeVar("T")


class Shared(Protocol):
    """Work that several processes may share by connections."""

    @property
    def elsewhere(self) -> list[str]:
        """The connections that another process works, or that nobody has been given yet."""

    @property
    def over(self) -> bool:
        """Is nothing due any more?"""

    @property
    def troubles(self) -> Mapping[str, str]:
        """What stands, and why."""

    def turn(self, seconds: float) -> object:
        """Do what is due; wait for more at most so long."""

    def left(self) -> Iterable[str]:
        """What a run that ends by itself leaves behind, in words."""


class Watch:
    """A producer as health pages and signals see it."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.office: Office | None = None
        self.why = "starting"
        self.started = self.turned = time.monotonic()

    def alive(self) -> str | None:
        """The loop made a turn lately, or has said why it waits."""
        idle = time.monotonic() - self.turned
        return f"no turn for {idle:.0f} s" if idle > STUCK_SECONDS and self.ready() is None else None

    def ready(self) -> str | None:
        """Kafka takes what we write, and what we remember has been read."""
        if self.why:
            return self.why
        writing = self.office.writing_since if self.office else None
        if writing is not None and time.monotonic() - writing > SLOW_SECONDS:
            return f"Kafka has not taken a transaction for {time.monotonic() - writing:.0f} s"
        return None

    @property
    def silent(self) -> bool:
        """Does Kafka keep us waiting?"""
        writing = self.office.writing_since if self.office else self.started
        return writing is not None and time.monotonic() - writing > AWAY_SECONDS

    def note(self, work: Shared) -> None:
        """A turn was made."""
        self.turned = time.monotonic()
        waiting = ", ".join(work.elsewhere)
        joining = self.turned - self.started < JOINING_SECONDS
        self.why = waiting and f"waiting for {waiting}: {'joining' if joining else 'another producer works there'}"


def reach(watch: Watch, ask: Callable[[], T]) -> T | None:
    """What Kafka (or the schema registry) says, however long it takes to answer; None when told to stop meanwhile."""
    pause = 0.5
    while not watch.stop.is_set():
        try:
            return ask()
        except KafkaException as error:
            watch.why = f"Kafka does not answer: {error.args[0].str()}"
            LOG.warning("waiting for Kafka", why=error.args[0].str())
        except RegistryAway as error:
            watch.why = str(error)
            LOG.warning("waiting for the schema registry", why=watch.why)
        watch.turned = time.monotonic()
        watch.stop.wait(pause)
        pause = min(2 * pause, 10.0)
    return None


def persistently(
    labour: Callable[[], T],
    stop: threading.Event,
    failed: Callable[[Exception], object],
    final: type | tuple[type, ...],
) -> T | None:
    """What a labour returns. Where a fault ends it (a disk was full), it begins anew after a while, as a process of its
    own would; None when told to stop meanwhile. Raises what is `final`: that waits for a person."""
    pause = 1.0
    while True:
        try:
            return labour()
        except Exception as error:
            if isinstance(error, final):
                raise
            failed(error)
        if stop.wait(pause):
            return None
        pause = min(2 * pause, LONGEST_PAUSE)


def in_time(labour: Callable[[], int], watch: Watch) -> int:
    """What a labour returns or raises. Told to stop, it may end what is in hand; where that takes too long, it is left
    as a kill would leave it, and nobody waits for its thread."""
    answer, begun = Loose(1, "labour").submit(labour), time.monotonic()
    while not answer.done():
        wait((answer,), LOOK_SECONDS)
        if not watch.stop.is_set():
            begun = time.monotonic()
        elif time.monotonic() - begun > (AWAY_SECONDS if watch.silent else SLOW_SECONDS):
            LOG.warning(AT_ONCE)
            return DONE
    return answer.result()


def largest(kafka: Mapping[str, Any], names: Names) -> int:
    """The largest event that every topic takes it goes to, in bytes. Raises KafkaException.

    A third less than our client sends: what a worker lays aside of an event stands in base64, with its headers.
    """
    return largest_of(kafka, map(names.topic, EVENT_TOPICS)) * 7 // 10


def largest_of(kafka: Mapping[str, Any], topics: Iterable[str]) -> int:
    """The largest record that our client sends and all of these topics take, in bytes. Raises KafkaException."""
    asked = [ConfigResource(ResourceType.TOPIC, topic) for topic in topics]
    client = admin(kafka)  # held until all have answered: without it they never do
    answers = {} if mocked(client) else client.describe_configs(asked, request_timeout=20)
    limits = [int(answer.result()["max.message.bytes"].value) for answer in answers.values()]
    return min([int(kafka.get("message.max.bytes", 1_000_000)), *limits])


def turn_after_turn(shared: Shared, watch: Watch, *, once: bool) -> int:
    """Work until stopped or (`once`) until nothing is due, which then says what it leaves behind; the exit code."""
    started, told = time.monotonic(), ""
    while not watch.stop.is_set():
        shared.turn(0.2)
        watch.note(shared)
        if watch.why != told:
            told = watch.why
            LOG.info(told or "all connections are ours")
        here = not shared.elsewhere or time.monotonic() - started > PATIENCE
        if once and here and shared.over:
            break
    if not once:
        return DONE
    for line in shared.left():
        click.echo(line)
    return FAILED if shared.troubles else DONE


def served_until_done(name: str, watch: Watch, http: Address, labour: Callable[[], int], *, once: bool) -> int:
    """Do a producer's work beside its pages, until SIGTERM or its end; the exit code."""
    logs.set_up()
    probes = Probes()
    probes.add(name, watch.alive, watch.ready)
    with served(http, probes, once=once) as pages, stopping(watch.stop):
        click.echo(f"listening on {pages.url}")
        try:
            return in_time(labour, watch)
        except TableErrors as errors:
            click.echo(str(errors), err=True)
            return WRONG
        except STOPS as stop:
            LOG.error("stopped", why=str(stop))
            return FAILED


@contextlib.contextmanager
def stopping(stop: threading.Event) -> Iterator[None]:
    """SIGTERM and SIGINT end the work after what is in hand; a second one at once, which loses nothing."""

    def told() -> None:
        if stop.is_set():
            LOG.warning(AT_ONCE)
            raise SystemExit(DONE)
        stop.set()

    with signalled(told):
        yield


@contextlib.contextmanager
def signalled(told: Callable[[], object]) -> Iterator[None]:
    """Call this at each SIGTERM and SIGINT, for as long as the block lasts."""

    def call(_number: int, _frame: FrameType | None) -> None:
        told()

    former = {number: signal.signal(number, call) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
