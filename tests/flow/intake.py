"""Producers on real Kafka, for tests: a configuration, files that arrive, and what a reader of committed data sees."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from operations.produce import chosen_connections, work
from operations.watching import Watch
from producers.ledger import Entry, load
from sandbox.kafka.broker import Broker
from schemas.codec import codec
from schemas.topics import EVENT_TOPICS, Names
from tillstream import settings as configuration
from tillstream.kafka.client import ends, reader

HOME = Path(__file__).parents[2]
PARTITIONS = 3
CODEC = codec(None)


class Intake:
    """One test's own topics on a shared broker, and a folder (or server) where files arrive for connection `au`."""

    def __init__(self, kafka: Broker, prefix: str, folder: Path, source: str = "", more: str = "") -> None:
        """`source`: the connection's sftp table, else a folder is used; `more`: further TOML."""
        self.names = Names(prefix)
        self.data = folder / "data"
        self.kind = "sftp" if source else "folder"
        self.config = folder / "tillstream.toml"
        table = source or f'path = "{self.data}"\n'
        self.config.write_text(
            f'[kafka]\n"bootstrap.servers" = "{kafka.bootstrap}"\n'
            f'[topics]\nprefix = "{prefix}"\npartitions = {PARTITIONS}\n'
            f'[state]\nfolder = "{folder / "state"}"\n[connection.au]\n{more}\n'
            f'[connection.au.{self.kind}]\n{table}poll = "500ms"\nstill = "100ms"\n',
            encoding="utf-8",
        )
        self.settings = configuration.load(self.config, {}, {})
        self.kafka = self.settings.kafka.options()

    def place(self, folder: str, name: str = "") -> Path:
        """`/folder/au/name` on this machine."""
        path = self.data / folder / "au"
        path.mkdir(parents=True, exist_ok=True)
        return path / name

    def drop(self, name: str, content: str | bytes, folder: str = "pending") -> Path:
        """A file arrives."""
        path = self.place(folder, name)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def names_in(self, folder: str) -> list[str]:
        """The files in a folder."""
        return sorted(path.name for path in self.place(folder).iterdir())

    def once(self) -> int:
        """Produce in this process until nothing is due; the exit code."""
        chosen = chosen_connections(self.settings, self.kind, None)
        return work(self.settings, self.kind, chosen, Watch(), once=True)

    def start(self, *arguments: str, state: str = "state") -> Running:
        """A producer in a process of its own, with its own (or a shared) state folder."""
        return Running(self.config, ["produce", self.kind, "--port", "0", *arguments], state)

    def read(self, topic: str) -> list[Any]:
        """All committed messages of a topic (full name), partition by partition."""
        consumer, found = reader(self.kafka), []
        try:
            for partition in range(PARTITIONS):
                low, high = ends(consumer, topic, partition)
                consumer.assign([TopicPartition(topic, partition, low)])
                found += _until(consumer, topic, partition, low, high)
        finally:
            consumer.close()
        return found

    def events(self, topic: str) -> list[tuple[str, dict[str, Any]]]:
        """Key and record of every committed event of a topic."""
        return [(m.key().decode(), CODEC.decode(topic, m.value())) for m in self.read(self.names.topic(topic))]

    def rows_seen(self) -> Counter[tuple[str, str, int]]:
        """How often a reader sees each row: (topic, sha-256, line)."""
        return Counter(
            (topic, record["sha256"], record["line"]) for topic in EVENT_TOPICS for _, record in self.events(topic)
        )

    def books(self) -> dict[str, Entry]:
        """The ledger: file name -> its page."""
        newest = {message.key(): message.value() for message in self.read(self.names.ledger)}
        return {entry.name: entry for entry in map(load, newest.values())}


def _until(consumer: Consumer, topic: str, partition: int, position: int, high: int) -> list[Any]:
    found: list[Any] = []
    while position < high:
        found += [m for m in consumer.consume(10_000, 0.1) if m.error() is None]
        position = max(position, consumer.position([TopicPartition(topic, partition)])[0].offset)
    return found


class Running:
    """A producer process; leaving the block ends it."""

    def __init__(self, config: Path, arguments: list[str], state: str) -> None:
        environment: Mapping[str, str] = {
            **os.environ,
            "PYTHONPATH": str(HOME),
            "TILLSTREAM_STATE_FOLDER": str(config.parent / state),
        }
        command = [sys.executable, "-m", "operations.cli", "--config", str(config), *arguments]
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._follow, daemon=True)
        self._reader.start()

    def _follow(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(self.process.stdout)

    def said(self, words: str) -> bool:
        """Was it said?"""
        return any(words in line for line in self.lines)

    @property
    def url(self) -> str:
        """Where it tells its health; known once the first line is out."""
        return next(line.split()[-1] for line in self.lines if line.startswith("listening on"))

    def kill(self) -> None:
        """As a power cut does."""
        self.process.kill()
        self.process.wait(20)

    def freeze(self) -> None:
        """Let it hang."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Wake it."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self, seconds: float = 30) -> int:
        """SIGTERM, and its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()
        self._reader.join(5)
        if self.process.stdout is not None:
            self.process.stdout.close()
