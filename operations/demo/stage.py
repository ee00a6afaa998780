"""Put up what the demo plays on: Kafka, a place where files arrive, a simulated Klaviyo, and the ordinary roles."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import httpx

from operations import platforms
from sandbox.kafka.broker import QUICK_GROUPS, Broker
from sandbox.kafka.embedded import EmbeddedKafka
from sandbox.kafka.jars import VERSION, jars, java
from sandbox.klaviyo.server import KlaviyoServer
from sandbox.program import MissingProgramError, Program, ProgramDiedError
from sandbox.sftp import FOLDERS, SftpServer
from tillstream.settings import Settings, load

KEY = "pk_sandbox"
JOB_SECONDS = 2.0
PATIENCE = 60.0
"""Seconds that a role may take until it is ready."""

OURS = ("TILLSTREAM_", "KAFKA_", "SCHEMA_REGISTRY_", "LOG_LEVEL")
"""Variables that would steer the demo's roles to somebody's real installation."""

Say = Callable[[str, str], None]
"""Called with what has come up, and where or how."""


class ShowStopper(Exception):
    """The demo cannot go on; the message says why, for a person."""


class Neighbour(NamedTuple):
    """Something that is there: its settings in the configuration, how it is told to a person, whether it is real."""

    settings: str
    told: str
    real: bool = True


class Role:
    """One ordinary role of tillstream, started as anybody would start it, in a process of its own."""

    def __init__(self, config: Path, name: str, *words: str) -> None:
        self.words = " ".join([name, *words])
        self.log = config.parent / f"{name}.log"
        command = [sys.executable, "-m", "operations.cli", name, *words, "--port", "0", "--config", str(config)]
        self._program = Program(command, self.log, ours())
        self.url = ""

    def await_ready(self) -> None:
        """Return when it says that it is ready. Raises ShowStopper."""
        patience = time.monotonic() + PATIENCE
        while not self._ready():
            self.check()
            if time.monotonic() > patience:
                raise ShowStopper(f"tillstream {self.words} did not become ready; its log is {self.log}")
            time.sleep(0.1)

    def check(self) -> None:
        """Raises ShowStopper when it does not run any more."""
        if not self._program.running:
            raise ShowStopper(
                f"tillstream {self.words} ended by itself; its log is {self.log}:\n{self._program.tail()}"
            )

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
    """All that runs. `files` is the folder on this machine that holds /pending/au and its neighbours.

    `real_kafka`: librdkafka's mock answers no question about groups, or about offsets by time.
    """

    folder: Path
    config: Path
    settings: Settings
    files: Path
    klaviyo: KlaviyoServer
    producer: Role
    worker: Role
    real_kafka: bool

    @property
    def pending(self) -> Path:
        """Where files land."""
        return self.files / "pending" / "au"

    def check(self) -> None:
        """Raises ShowStopper when a role does not run any more."""
        self.producer.check()
        self.worker.check()


@contextmanager
def put_up(folder: Path, say: Say) -> Iterator[Stage]:
    """Everything, running; it all ends with the context. Raises ShowStopper."""
    with ExitStack() as hold:
        kafka = _kafka(folder / "kafka", hold)
        say("Kafka", kafka.told)
        files, door, source = _door(folder / "files", hold)
        say("Files", door.told)
        klaviyo = hold.enter_context(KlaviyoServer(keys=[KEY], job_time=JOB_SECONDS))
        say("Klaviyo", f"simulated, at {klaviyo.url}: the real limits, import jobs take {JOB_SECONDS:.0f} s")
        config = folder / "tillstream.toml"
        config.write_text(_configuration(kafka, door, klaviyo.url), "utf-8")
        accounts = {name: sink.settings for name, sink in platforms.find().items()}
        settings = load(config, {}, accounts)
        producer = _role(hold, Role(config, "produce", source))
        worker = _role(hold, Role(config, "consume", "klaviyo"))
        for role in (producer, worker):
            role.await_ready()
            say("tillstream", f"{role.words}: its figures are at {role.url}/metrics")
        yield Stage(folder, config, settings, files, klaviyo, producer, worker, kafka.real)


def ours() -> Mapping[str, str]:
    """The environment without what would point somewhere else."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)}


def _role(hold: ExitStack, role: Role) -> Role:
    hold.callback(role.stop)
    return role


def _kafka(folder: Path, hold: ExitStack) -> Neighbour:
    try:
        java()
        libs = jars()
    except (MissingProgramError, ProgramDiedError) as error:
        mock = EmbeddedKafka()
        hold.callback(mock.stop)
        return Neighbour(mock.bootstrap, _instead(str(error), mock.bootstrap), real=False)
    try:
        broker = Broker.start(folder, libs=libs, settings=QUICK_GROUPS)
    except ProgramDiedError as error:
        raise ShowStopper(str(error)) from error
    hold.callback(broker.kill)  # its data goes with the folder
    return Neighbour(broker.bootstrap, f"Apache Kafka {VERSION}, a real broker, on {broker.bootstrap}")


def _instead(why: str, bootstrap: str) -> str:
    return (
        f"librdkafka's in-process broker on {bootstrap}, no real Kafka, for {why.splitlines()[0]}\n"
        "not shown then: retention and compaction, that data outlives its process, `tillstream lag` and `status`"
    )


def _door(folder: Path, hold: ExitStack) -> tuple[Path, Neighbour, str]:
    """The folder on this machine, the table of the configuration, and which of the sources takes it."""
    try:
        server = hold.enter_context(SftpServer.start(folder))
    except (MissingProgramError, ProgramDiedError) as error:
        for name in FOLDERS:
            (folder / name / "au").mkdir(parents=True)
        table = f'[connection.au.folder]\npath = "{folder}"\npoll = "1s"\nstill = "0.5s"\n'
        return (
            folder,
            Neighbour(table, f"the folder {folder}, no SFTP server, for {str(error).splitlines()[0]}"),
            "folder",
        )
    return (
        server.root,
        Neighbour(_sftp_table(server), f"OpenSSH, a real SFTP server, on {server.host}:{server.port}"),
        "sftp",
    )


def _sftp_table(server: SftpServer) -> str:
    secret = f'password = "{server.password}"' if server.password else f'private_key_file = "{server.private_key_file}"'
    places = "".join(f'{name} = "{server.remote(f"/{name}/au")}"\n' for name in FOLDERS)
    return f"""[connection.au.sftp]
host = "{server.host}"
port = {server.port}
username = "{server.username}"
{secret}
known_hosts_file = "{server.known_hosts_file}"
{places}poll = "1s"
still = "0.5s"
"""


def _configuration(kafka: Neighbour, door: Neighbour, klaviyo: str) -> str:
    return f"""# Written by `tillstream demo`.
[kafka]
"bootstrap.servers" = "{kafka.settings}"

[topics]
partitions = 4

[connection.au]
country = "AU"
currency = "AUD"
timezone = "Australia/Melbourne"

{door.settings}
[connection.au.klaviyo]
url = "{klaviyo}"
private_key = "{KEY}"
list = "Y6nRLr"
"""
