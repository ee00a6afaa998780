"""Polls on real Kafka, for tests: simulated platforms with a connection `au`, and what a poll publishes of them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from operations import platforms, polls
from operations.watching import Watch
from producers.ledger import Entry, load
from sandbox.kafka.broker import Broker
from schemas.codec import codec
from schemas.topics import Names
from tillstream import settings as configuration
from tillstream.kafka.client import ends, reader

HOME = Path(__file__).parents[2]
PARTITIONS = 2
CODEC = codec(None)


class Till:
    """One test's own topics on a shared broker, and a connection `au` with accounts at simulated platforms."""

    def __init__(self, kafka: Broker, prefix: str, folder: Path, accounts: str) -> None:
        """`accounts`: the TOML of the connection's platforms."""
        self.names = Names(prefix)
        self.config = folder / "tillstream.toml"
        self.config.write_text(
            f'[kafka]\n"bootstrap.servers" = "{kafka.bootstrap}"\n[topics]\nprefix = "{prefix}"\n'
            f'partitions = {PARTITIONS}\n[state]\nfolder = "{folder / "state"}"\n[connection.au]\n{accounts}\n',
            encoding="utf-8",
        )
        sinks = platforms.find()
        self.settings = configuration.load(self.config, {}, {name: sink.settings for name, sink in sinks.items()})
        self.kafka = self.settings.kafka.options()

    def once(self, *names: str, role: str = "ingest.polls") -> int:
        """Every poll of these platforms now, in this process; the exit code."""
        return polls.work(self.settings, names or ("apparel21",), Watch(), role=role, once=True)

    def start(self, *arguments: str, state: str = "state") -> Process:
        """A process of its own: `produce apparel21`, `consume yotpo` ..."""
        return Process(self.config, list(arguments), state)

    def read(self, topic: str) -> list[Any]:
        """All messages of a topic (full name) whose transaction is over by now, partition by partition."""
        consumer, bounds, found = reader(self.kafka), reader(self.kafka, committed=False), []
        try:
            for partition in range(PARTITIONS):
                low, high = ends(bounds, topic, partition)  # right after a commit committed readers may be behind it
                consumer.assign([TopicPartition(topic, partition, low)])
                found += _until(consumer, topic, partition, low, high)
        finally:
            consumer.close()
            bounds.close()
        return found

    def events(self, topic: str) -> list[tuple[str, dict[str, Any]]]:
        """Key and record of every committed event of a topic."""
        return [(m.key().decode(), CODEC.decode(topic, m.value())) for m in self.read(self.names.topic(topic))]

    def page(self, poll: str) -> Entry:
        """The newest page of a poll's books."""
        newest = {message.key(): message.value() for message in self.read(self.names.ledger)}
        return max((page for page in map(load, newest.values()) if page.folder == poll), key=lambda page: page.started)


def _until(consumer: Consumer, topic: str, partition: int, position: int, high: int) -> list[Any]:
    found: list[Any] = []
    while position < high:
        found += [m for m in consumer.consume(10_000, 0.1) if m.error() is None]
        position = max(position, consumer.position([TopicPartition(topic, partition)])[0].offset)
    return found


class Process:
    """A role in a process of its own; leaving the block ends it."""

    def __init__(self, config: Path, arguments: list[str], state: str) -> None:
        command = [sys.executable, "-m", "operations.cli", "--config", str(config), *arguments, "--port", "0"]
        folder = {"TILLSTREAM_STATE_FOLDER": str(config.parent / state)}
        self.process = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": str(HOME), **folder},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
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

    def kill(self) -> None:
        """As a power cut does."""
        self.process.kill()
        self.process.wait(20)

    def stop(self, seconds: float = 40) -> int:
        """SIGTERM, and its exit code."""
        self.process.terminate()
        return self.process.wait(seconds)

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()
        self._reader.join(5)
        if self.process.stdout is not None:
            self.process.stdout.close()
