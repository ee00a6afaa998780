"""Run polls: `tillstream produce apparel21`, and the nightly comparisons beside the webhooks.

Here the producers' rounds meet the platforms' plans: a plan is driven by the same rim as a worker's, in a loop of its
own, while the rounds turn in this thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import uvloop

from consumers.engine.assemble import accounts
from consumers.engine.breaker import Away, Breaker
from consumers.engine.http import Client
from consumers.engine.live import Live, Pools
from consumers.engine.outcome import Misconfigured, Rejected, RetryLater
from consumers.engine.rim import Rim, Trip
from consumers.engine.wire import Remember, Started
from consumers.polls import Look, Poll
from operations import platforms
from operations.arguments import DONE, not_configured
from operations.watching import STOPS, Watch, in_time, largest, persistently, reach, served_until_done, turn_after_turn
from producers.looks import Known, Round, Stands
from producers.office import Lost, Office
from producers.polls import Rounds, Tools
from schemas.topics import Names
from tillstream import logs
from tillstream.clock import SYSTEM
from tillstream.codecs import codec_of
from tillstream.health import Probes
from tillstream.kafka import layout
from tillstream.kafka.client import WrongOptions
from tillstream.kafka.identity import identity
from tillstream.kafka.publisher import Fenced
from tillstream.kafka.topics import ensure
from tillstream.mapping.check import TableErrors
from tillstream.settings import Address, SecretError, Settings

LOG = logs.logger(__name__)
TILLS = "apparel21"
"""The platform that is polled for its own sake; all others are compared at night with what their webhooks brought."""
ASKING, COMPARING = "ingest.polls", "ingest.webhooks"
"""The groups of those who poll the tills, and of those who compare: neither waits for the other, nor for files."""
AT_NIGHT = 0.5
"""The part of a platform's quota that a comparison takes: the platform's worker is at work beside it."""
LEAVING_SECONDS = 20.0
PATIENT_SECONDS = 180.0
"""A list of thousands takes a platform its time."""
TOLD = (TableErrors, SecretError, WrongOptions, *STOPS)
"""What ends the comparisons in words for a person; anything else is a fault of ours."""
T = TypeVar("T")


def find() -> dict[str, Poll]:
    """Every platform's poll, by the platform's name."""
    found = ((name, getattr(platforms.part(name, "poll"), "POLL", None)) for name in platforms.find())
    return {name: poll for name, poll in found if isinstance(poll, Poll)}


def comparisons() -> list[str]:
    """The platforms that are compared at night."""
    return [name for name in find() if name != TILLS]


def polled(settings: Settings, names: Sequence[str], only: str | None = None) -> list[str]:
    """The connections that have an account at one of these platforms."""
    return [
        name
        for name, connection in settings.connections.items()
        if only in (None, name) and any(platform in connection.platforms for platform in names)
    ]


def run(settings: Settings, names: Sequence[str], role: str, connection: str | None, once: bool, http: Address) -> int:
    """Turn what changed at these platforms into events until SIGTERM (or until nothing is due); the exit code."""
    if not polled(settings, names, connection):
        return not_configured(names, connection)
    watch = Watch()
    labour = partial(work, settings, names, watch, role=role, only=connection, once=once)
    return served_until_done(f"polls of {', '.join(names)}", watch, http, labour, once=once)


@contextlib.contextmanager
def beside(settings: Settings, only: str | None, probes: Probes) -> Iterator[None]:
    """The nightly comparisons in a thread of their own, for as long as the block lasts."""
    names, watch = comparisons(), Watch()
    if not polled(settings, names, only):
        yield
        return
    probes.add("comparisons", watch.alive, watch.ready)
    thread = threading.Thread(target=_compare, args=(settings, names, watch, only), name="comparisons", daemon=True)
    thread.start()
    try:
        yield
    finally:
        watch.stop.set()
        thread.join(LEAVING_SECONDS)


def _compare(settings: Settings, names: Sequence[str], watch: Watch, only: str | None) -> None:
    """Work until told to stop; what ends it before, and what it begins anew after, is said by readiness."""

    def ended(error: Exception) -> None:
        told = isinstance(error, TOLD)
        watch.why = f"stopped: {error}" if told else f"failed with {type(error).__name__}, see the log"
        LOG.error("comparisons ended", why=watch.why, exc_info=None if told else error)

    labour = partial(in_time, partial(work, settings, names, watch, role=COMPARING, only=only), watch)
    try:
        persistently(labour, watch.stop, ended, Fenced)
    except Fenced as error:
        ended(error)


def work(
    settings: Settings,
    names: Sequence[str],
    watch: Watch,
    *,
    role: str = ASKING,
    only: str | None = None,
    once: bool = False,
) -> int:
    """Take a place among those who poll these platforms, and work until told to stop; `once`: every poll is due now.

    `role` names the group, the transactional id and the folder of the state.
    """
    kafka, topics = settings.kafka.options(), Names(settings.topics.prefix)
    codec = codec_of(settings, role)
    found = reach(watch, lambda: ensure(kafka, layout.shared(settings)))
    most = reach(watch, lambda: largest(kafka, topics))
    if found is None or most is None or not reach(watch, codec.introduce):
        return DONE
    with identity(settings.state.folder, settings.topics.prefix, role) as own, scouts() as outside:
        folder = settings.state.folder / role / own.rsplit(".", 1)[1]
        office = Office(kafka, topics, found, folder, own, role)
        watch.office = office
        tools = Tools(codec, topics, most, SYSTEM)
        rounds = outside.rounds(settings, names, only)
        with contextlib.closing(Rounds(office, rounds, tools, at_once=once)) as all_rounds:
            return turn_after_turn(all_rounds, watch, once=once)


class Errand:
    """A look that a loop elsewhere is driving."""

    def __init__(self, live: Live, job: Future[Any]) -> None:
        self._live = live
        self._job = job

    def result(self) -> Look | Stands | None:
        """What came of it; None while it goes on."""
        if not self._job.done():
            return None
        try:
            found = self._job.result()
        except (Away, Lost, CancelledError):
            return Stands(self.trouble or "given up")
        match found:
            case Misconfigured(reason=reason, cause=cause):
                return Stands(reason, stopped=cause)
            case RetryLater(reason=reason):
                return Stands(reason)
            case Rejected(message=message):
                return Stands(message)
        return found if isinstance(found, Look) else Stands("the look ended without a word")

    @property
    def trouble(self) -> str:
        """Why it takes so long; "" when all is well."""
        return "the platform does not answer" if self._live.breaker.open_since is not None else ""

    def drop(self) -> None:
        """Nobody waits for it any more."""
        self._job.cancel()


class Outside:
    """The loop in which plans are driven, in a thread of its own, with one pool of connections to all platforms."""

    def __init__(self, loop: asyncio.AbstractEventLoop, client: Client) -> None:
        self._loop = loop
        self._client = client
        self._pools = Pools(SYSTEM, lambda: 1.0)
        self._rim = Rim(client, self._pools, SYSTEM, _at_once)

    def rounds(self, settings: Settings, names: Sequence[str], only: str | None) -> list[Round]:
        """A round for each connection's account at these platforms. Raises TableErrors."""
        made, sinks, known = [], platforms.find(), find()
        for name in names:
            for connection, account in accounts(settings, sinks[name], SYSTEM.now).items():
                if only in (None, connection):
                    live = Live(sinks[name], account, SYSTEM, Breaker(SYSTEM))
                    made.append(self._round(live, known[name]))
        return made

    def _round(self, live: Live, poll: Poll) -> Round:
        account, every = live.account, poll.every(live.account.settings)
        share = 1.0 if isinstance(every, timedelta) else AT_NIGHT

        def ask(position: Any, known: Known) -> Errand:
            live.resume()
            live.refresh()
            if live.stopped:
                return Errand(live, _said(Misconfigured(live.stopped, live.cause)))
            plan = poll.look(account, position, account.now(), known)
            drive = self._rim.drive(live, plan, Trip(share=share), _unheard)
            return Errand(live, asyncio.run_coroutine_threadsafe(drive, self._loop))

        return Round(account.connection, poll.name, poll.topic, every, ask)


def _said(value: T) -> Future[T]:
    future: Future[T] = Future()
    future.set_result(value)
    return future


async def _at_once() -> None:
    return None


async def _unheard(_: Started | Remember) -> None:
    """A look changes nothing at the platform, so there is nothing that an heir must know."""


@contextlib.contextmanager
def scouts() -> Iterator[Outside]:
    """A loop with its connections, in a thread, for as long as the block lasts."""
    loop = uvloop.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="polls", daemon=True)
    thread.start()

    def wait(job: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(job, loop).result()

    client = wait(_client())
    try:
        yield Outside(loop, client)
    finally:
        wait(_leave(client))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _client() -> Client:
    return Client(PATIENT_SECONDS)


async def _leave(client: Client) -> None:
    """Give up what is under way, and close the connections."""
    own = asyncio.current_task()
    jobs = [task for task in asyncio.all_tasks() if task is not own]
    for job in jobs:
        job.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)
    await client.__aexit__(None, None, None)
