"""Put up what the demo plays on: Kafka, places where files arrive, five simulated platforms, and `tillstream run`."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from operations import platforms
from operations.demo import town
from operations.demo.neighbours import Neighbour, ShowStopper, make_folders, put_up_door, put_up_kafka
from operations.demo.town import Town
from sandbox.program import Program, free_port
from tillstream.settings import Settings, load

PATIENCE = 60.0
"""Seconds that the roles may take until they are ready."""

OURS = ("TILLSTREAM_", "KAFKA_", "SCHEMA_REGISTRY_", "LOG_LEVEL")
"""Variables that would steer the demo's roles to somebody's real installation."""

Say = Callable[[str, str], None]
"""Called with what has come up, and where or how."""


class Roles:
    """`tillstream run`, started as anybody would start it, in a process of its own."""

    def __init__(self, config: Path) -> None:
        self.log = config.parent / "run.log"
        command = [sys.executable, "-m", "operations.cli", "run", "--port", "0", "--config", str(config)]
        self._program = Program(command, self.log, ours())
        self.url = ""

    def await_ready(self) -> None:
        """Return when all of them say that they are ready. Raises ShowStopper."""
        patience = time.monotonic() + PATIENCE
        while not self._ready():
            self.check()
            if time.monotonic() > patience:
                raise ShowStopper(f"tillstream run did not become ready; its log is {self.log}")
            time.sleep(0.1)

    def check(self) -> None:
        """Raises ShowStopper when it does not run any more."""
        if not self._program.running:
            raise ShowStopper(f"tillstream run ended by itself; its log is {self.log}:\n{self._program.tail()}")

    def stop(self) -> None:
        """Let it drain and end."""
        self._program.stop()

    def _ready(self) -> bool:
        first = next((line for line in self._program.tail(1000).splitlines() if line.startswith("listening on ")), "")
        self.url = first.removeprefix("listening on ")
        try:
            return bool(self.url) and httpx.get(f"{self.url}/readyz", timeout=5, trust_env=False).is_success
        except httpx.HTTPError:
            return False


@dataclass(frozen=True, slots=True)
class Stage:
    """All that runs. `files` and `outlet` are the folders of this machine that hold /pending/au and /pending/outlet.

    `real_kafka`: librdkafka's mock answers no question about groups, or about offsets by time.
    """

    folder: Path
    config: Path
    settings: Settings
    files: Path
    outlet: Path
    town: Town
    roles: Roles
    real_kafka: bool

    def landing(self, place: str) -> Path:
        """Where files land: `bulk/au`, `pending/au` or `pending/outlet`."""
        return (self.outlet if place.endswith("outlet") else self.files) / place


@contextmanager
def put_up(folder: Path, say: Say) -> Iterator[Stage]:
    """Everything, running; it all ends with the context. Raises ShowStopper."""
    with ExitStack() as hold:
        kafka = put_up_kafka(folder / "kafka", hold)
        say("Kafka", kafka.told)
        files, door = put_up_door(folder / "files", hold)
        say("Files", door.told)
        outlet = folder / "outlet"
        make_folders(outlet, "outlet")
        webhooks = f"127.0.0.1:{free_port()}"
        there = town.put_up(hold, f"http://{webhooks}/webhooks")
        for name, told in there.told():
            say(name, told)
        config = folder / "tillstream.toml"
        config.write_text(_configuration(kafka, door, webhooks, there, outlet), "utf-8")
        settings = load(config, {}, {name: sink.settings for name, sink in platforms.find().items()})
        roles = Roles(config)
        hold.callback(roles.stop)
        roles.await_ready()
        say("tillstream", f"run: files, polls, webhooks, five workers; figures at {roles.url}/metrics")
        yield Stage(folder, config, settings, files, outlet, there, roles, kafka.real)


def ours() -> Mapping[str, str]:
    """The environment without what would point somewhere else."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)}


def _configuration(kafka: Neighbour, door: Neighbour, webhooks: str, there: Town, outlet: Path) -> str:
    return f"""# Written by `tillstream demo`.
[kafka]
"bootstrap.servers" = "{kafka.settings}"

[topics]
partitions = 4

[webhooks]
listen = "{webhooks}"

[connection.au]
country = "AU"
currency = "AUD"
timezone = "Australia/Melbourne"

{door.settings}{town.accounts(there)}{town.outlet(there, outlet)}"""
