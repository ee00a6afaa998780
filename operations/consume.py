"""Run one sink's worker: `tillstream consume`."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial

import structlog
import uvloop
from confluent_kafka import KafkaException

from consumers.engine.assemble import Watch, work
from consumers.engine.broker import RetentionLoss
from consumers.engine.dead_letters import TooManyDeadLetters
from operations import platforms, watching
from operations.arguments import not_configured
from operations.batches import work_in_batches
from operations.standing import running
from tillstream import health, logs
from tillstream.settings import Address, Settings

log = structlog.get_logger()
STOPS = (*watching.STOPS, RetentionLoss, TooManyDeadLetters)
"""What ends a worker until a person has seen to it."""
FATAL = (*STOPS, KafkaException)
"""What ends a worker in words for a person; anything else is a fault of ours."""


def run(settings: Settings, sink_name: str, once: bool, http: Address) -> int:
    """Work until SIGTERM (or until nothing is due); the exit code."""
    if sink_name not in running(settings, platforms.find()):
        return not_configured([sink_name])
    logs.set_up()
    work_in_batches()
    watch, probes = Watch(stop=_before_it_begins), health.Probes()
    probes.add(sink_name, lambda: alive(watch), lambda: watch.ready)
    with health.served(http, probes, once=once) as pages, watching.signalled(partial(drain, watch)):
        print(f"listening on {pages.url}", flush=True)  # the first line, for whoever asked for any free port
        try:
            code = labour(settings, sink_name, watch, once=once)
        except FATAL as stop:
            log.error("stopped", group=sink_name, why=str(stop))
            return 1
    for line in watch.waits:
        print(line)  # for the person or the job that asked for one run
    return code


def _before_it_begins() -> None:
    """Told to stop while there is nothing to drain: the role ends as one that was stopped still earlier."""
    raise KeyboardInterrupt


def labour(settings: Settings, sink_name: str, watch: Watch, *, once: bool = False) -> int:
    """The worker in this thread, in a loop of its own. Raises what is in FATAL."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work(settings, platforms.find()[sink_name], watch, once=once))


def alive(watch: Watch) -> str | None:
    """Why the worker should be started anew; None when it should not."""
    return watch.worker.alive if watch.worker else None


def drain(watch: Watch) -> None:
    """Let the worker end; a second time changes nothing, for draining has its own deadline."""
    with contextlib.suppress(RuntimeError):  # its loop has ended already
        watch.stop()
