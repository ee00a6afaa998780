"""Run every role that the configuration names in one process: `tillstream run`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import click

from consumers.engine.assemble import Watch
from operations import consume, platforms, polls, produce, webhooks
from operations.arguments import DONE, FAILED, WRONG
from operations.standing import running
from operations.watching import Watch as Place
from operations.watching import in_time, persistently, signalled
from producers.webhooks.server import Watch as Heard
from tillstream import logs
from tillstream.health import Health, Probe, Probes
from tillstream.kafka.client import WrongOptions
from tillstream.mapping.check import TableErrors
from tillstream.settings import Address, SecretError, Settings

LOG = logs.logger(__name__)
LOOK_SECONDS = 0.2
STOPS = (*consume.STOPS, TableErrors, SecretError, WrongOptions)
"""What ends a role until a person has seen to it."""


@dataclass
class Role:
    """One role in a thread of its own. `labour` works until `halt` is called (which may come too early to be heard, and
    then comes again) and returns the exit code. A fault lets it begin anew; what waits for a person ends it."""

    name: str
    labour: Callable[[], int]
    halt: Callable[[], object]
    alive: Probe
    ready: Probe
    code: int = DONE
    why: str = ""
    thread: threading.Thread = field(init=False)
    told: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, name=self.name, daemon=True)

    def stop(self) -> None:
        """Let it end."""
        self.told.set()
        self.halt()

    def _run(self) -> None:
        try:
            self.code = persistently(self._begin, self.told, self._failed, STOPS) or self.code
        except (TableErrors, SecretError, WrongOptions) as error:
            self._ended(WRONG, str(error))
        except STOPS as error:
            self._ended(FAILED, str(error))

    def _begin(self) -> int:
        self.code, self.why = DONE, ""
        return self.labour()

    def _failed(self, error: Exception) -> None:
        LOG.error("a role failed", role=self.name, exc_info=error)
        self.code, self.why = FAILED, f"failed with {type(error).__name__}, see the log"

    def _ended(self, code: int, why: str) -> None:
        self.code, self.why = code, why
        LOG.error("stopped", role=self.name, why=why)

    def not_alive(self) -> str | None:
        """A role that has ended for a reason is not brought back by a restart of the others."""
        return None if self.why else self.alive()

    def not_ready(self) -> str | None:
        """Why it does not work: it has ended, or it waits for Kafka or its state."""
        return f"stopped: {self.why}" if self.why else self.ready()


def run(settings: Settings, http: Address) -> int:
    """Run all roles until SIGTERM, which drains them side by side; the worst of their exit codes.

    A role that fails begins anew, one that waits for a person ends; the others stay at work, and readiness says so.
    """
    roles = found(settings)
    if not roles:
        click.echo("tillstream: the configuration names no files to take and no platform to bring them to", err=True)
        return WRONG
    logs.set_up()
    probes, stopping = Probes(), threading.Event()
    for role in roles:
        probes.add(role.name, role.not_alive, role.not_ready)
    with Health(http, probes) as pages, signalled(stopping.set):
        click.echo(f"listening on {pages.url}")
        LOG.info("roles", names=[role.name for role in roles])
        work(roles, stopping)
    return max(role.code for role in roles)


def found(settings: Settings) -> list[Role]:
    """The roles: one producer for all files, one for what changes at the tills, the server of webhooks where an account
    has a token for its path, one for the nightly comparisons, one worker for each platform that a connection has an
    account at."""
    roles = [_consumer(settings, name) for name in running(settings, platforms.find())]
    asked = {
        f"produce {polls.TILLS}": ([polls.TILLS], polls.ASKING),
        "comparisons": (polls.comparisons(), polls.COMPARING),
    }
    roles[:0] = [_poller(settings, name, *which) for name, which in asked.items() if polls.polled(settings, which[0])]
    connections = {
        name: connection for name, connection in settings.connections.items() if connection.sftp or connection.folder
    }
    if connections:
        watch = Place()

        def take() -> int:
            return in_time(partial(produce.work, settings, "files", connections, watch, once=False), watch)

        roles.insert(0, Role("produce files", take, watch.stop.set, watch.alive, watch.ready))
    if any(webhooks.accounts(settings)):
        roles.insert(0, _hearer(settings))
    return roles


def _hearer(settings: Settings) -> Role:
    heard = Heard()
    return Role("produce webhooks", lambda: webhooks.labour(settings, heard), heard.stop.set, heard.alive, heard.ready)


def _poller(settings: Settings, name: str, platforms: Sequence[str], group: str) -> Role:
    watch = Place()
    labour = partial(in_time, partial(polls.work, settings, platforms, watch, role=group), watch)
    return Role(name, labour, watch.stop.set, watch.alive, watch.ready)


def _consumer(settings: Settings, name: str) -> Role:
    watch = Watch()
    return Role(
        f"consume {name}",
        lambda: consume.labour(settings, name, watch),
        lambda: consume.drain(watch),
        lambda: consume.alive(watch),
        lambda: watch.ready,
    )


def work(roles: list[Role], stopping: threading.Event) -> None:
    """Start the roles and return when all have ended."""
    for role in roles:
        role.thread.start()
    while any(role.thread.is_alive() for role in roles):
        if stopping.wait(LOOK_SECONDS):
            for role in roles:
                role.stop()
                role.thread.join(LOOK_SECONDS)
