"""One real Apache Kafka broker (KRaft, no Docker) on this machine, that tests may stop, kill and start again."""

from __future__ import annotations

import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from sandbox.kafka.jars import jars, java
from sandbox.program import Program, ProgramDiedError, free_port

_PATIENCE = 60.0  # seconds; two are usual, a busy machine may need many
_JAVA = ("-Xmx400m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j2.level=WARN")

SETTINGS: Mapping[str, str] = {
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    # A killed broker may come back at once: its former self is forgotten after 3 s, not 9.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "4",
    "log.cleaner.dedupe.buffer.size": "16777216",
    "num.network.threads": "2",
    "num.io.threads": "4",
}
"""What a small broker of one needs (Kafka documentation, "Broker Configs")."""

QUICK_GROUPS: Mapping[str, str] = {
    "group.consumer.min.heartbeat.interval.ms": "200",
    "group.consumer.heartbeat.interval.ms": "500",
    "group.consumer.min.session.timeout.ms": "3000",
    "group.consumer.session.timeout.ms": "6000",
    "group.min.session.timeout.ms": "3000",
}
"""Groups that notice a dead member after six seconds instead of 45; a member may ask for three."""


class Broker:
    """One broker. Its data and port stay the same over `stop`, `kill`, `start` and `restart`."""

    def __init__(
        self,
        folder: Path,
        port: int | None,
        libs: Path | None,
        settings: Mapping[str, str],
        *,
        leader: Self | None = None,
    ) -> None:
        """`leader`: the broker whose cluster it joins, which alone is a controller; without one it is its own."""
        self._folder = folder.resolve()
        self._libs = libs or jars()
        self.port = port or free_port()
        self.controller: int = leader.controller if leader else free_port()
        self.cluster: str = leader.cluster if leader else urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        listeners = f"PLAINTEXT://127.0.0.1:{self.port}"
        self._settings = {
            **SETTINGS,
            "process.roles": "broker" if leader else "broker,controller",
            "listeners": listeners if leader else f"{listeners},CONTROLLER://127.0.0.1:{self.controller}",
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self.controller}",
            "log.dirs": str(self._folder / "data"),
            **settings,
        }
        self._joins = leader is not None
        self._program: Program | None = None

    @classmethod
    def start(
        cls, folder: Path, port: int | None = None, libs: Path | None = None, settings: Mapping[str, str] | None = None
    ) -> Self:
        """A running broker with its data under `folder`; formats the storage on the first start of a folder.

        Raises MissingProgramError without Java or Maven, ProgramDiedError when the broker does not come up.
        """
        broker = cls(folder, port, libs, settings or {})
        broker.resume()
        return broker

    @property
    def bootstrap(self) -> str:
        """What clients put into `bootstrap.servers`."""
        return f"127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        """Whether its process runs."""
        return self._program is not None and self._program.running

    def resume(self) -> None:
        """Start it on the data it has (formats its storage, where there is none), and return when it answers."""
        if not self.running:
            self._format()
            command = [java(), *_JAVA, "-cp", f"{self._libs}/*", "kafka.Kafka", str(self._file)]
            self._program = Program(command, self._folder / "broker.log")
            self._await_answer(self._program)

    def stop(self) -> None:
        """End it in an orderly way."""
        if self._program is not None:
            self._program.stop()

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._program is not None:
            self._program.kill()

    def restart(self) -> None:
        """Stop it, if it runs, and start it on the same data and port."""
        self.stop()
        self.resume()

    def freeze(self) -> None:
        """Let it hang without closing a connection; `thaw` wakes it."""
        if self._program is not None:
            self._program.pause()

    def thaw(self) -> None:
        """Wake it from `freeze`."""
        if self._program is not None:
            self._program.resume()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def _file(self) -> Path:
        return self._folder / "server.properties"

    def _format(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file.write_text("".join(f"{key}={value}\n" for key, value in self._settings.items()), "utf-8")
        if Path(self._settings["log.dirs"], "meta.properties").exists():
            return
        tool = [java(), *_JAVA, "-cp", f"{self._libs}/*", "kafka.tools.StorageTool", "format"]
        which = [f"--cluster-id={self.cluster}", "-c", str(self._file), *([] if self._joins else ["--standalone"])]
        ran = subprocess.run([*tool, *which], capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            raise ProgramDiedError(f"Kafka could not format its storage:\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}")

    def _await_answer(self, program: Program) -> None:
        patience = time.monotonic() + _PATIENCE
        while not _answers(self.bootstrap):
            if not program.running or time.monotonic() > patience:
                program.kill()
                raise ProgramDiedError(f"Kafka did not come up on {self.bootstrap}:\n{program.tail()}")
            time.sleep(0.1)


def _answers(bootstrap: str) -> bool:
    """Whether a broker is there; asked by a fresh client, because a failed one rests before it tries again."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0, "socket.timeout.ms": 1000})
    try:
        return bool(admin.list_topics(timeout=1).brokers)
    except KafkaException:
        return False
