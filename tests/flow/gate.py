"""A shop that hears of webhooks, for tests: one configuration, the server in its own process, workers beside it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import uvloop
from click.testing import CliRunner, Result
from confluent_kafka import TopicPartition

from consumers.engine.assemble import Watch, work
from operations import platforms
from operations.cli import tillstream
from sandbox.program import free_port
from schemas.codec import codec
from schemas.topics import Names
from tests.flow.road import HOME, until
from tillstream.kafka import layout, topics
from tillstream.kafka.client import ends, reader
from tillstream.settings import Settings, load

PARTITIONS = 2
TOKEN = "t0ken-of-the-path"


class Gate:
    """One test's own topics and configuration. `accounts`: platform -> TOML of its table for the connection `au`."""

    def __init__(self, bootstrap: str, prefix: str, folder: Path, accounts: Mapping[str, str]) -> None:
        self.names, self.folder, self.port = Names(prefix), folder, free_port()
        self.config = folder / "tillstream.toml"
        tables = "\n".join(f"[connection.au.{name}]\n{table}" for name, table in accounts.items())
        self.config.write_text(
            f'[kafka]\n"bootstrap.servers" = "{bootstrap}"\n[topics]\nprefix = "{prefix}"\npartitions = {PARTITIONS}\n'
            f'[state]\nfolder = "{folder / "state"}"\n[webhooks]\nlisten = "127.0.0.1:{self.port}"\n'
            f"[connection.au]\n{tables}\n",
            encoding="utf-8",
        )
        self.sinks = [name for name in accounts if name in platforms.find()]

    def load(self) -> Settings:
        """The configuration, as a role reads it."""
        return load(self.config, {}, {name: sink.settings for name, sink in platforms.find().items()})

    def topics(self) -> None:
        """Make all topics."""
        settings = self.load()
        plans = [*layout.shared(settings), *layout.of_webhooks(settings)]
        topics.ensure(settings.kafka.options(), plans + [p for s in self.sinks for p in layout.of_sink(settings, s)])

    def url(self, platform: str, token: str = TOKEN) -> str:
        """What is pasted into a platform's page."""
        return f"http://127.0.0.1:{self.port}/webhooks/au/{platform}/{token}"

    def server(self) -> Started:
        """`tillstream produce webhooks`."""
        return Started(self.config, "produce", "webhooks")

    def started(self, *words: str) -> Started:
        """Any other role, in a process of its own."""
        return Started(self.config, *words)

    def command(self, *words: str) -> Result:
        """A command, to its end."""
        return CliRunner().invoke(tillstream, [*words], env={"TILLSTREAM_CONFIG": str(self.config)})

    def worker(self, sink: str, *arguments: str) -> Started:
        """`tillstream consume SINK`."""
        return Started(self.config, "consume", sink, *arguments)

    def consume(self, sink: str) -> int:
        """One worker in this process, until nothing is due."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work(self.load(), platforms.find()[sink], Watch(), once=True))

    def read(self, topic: str) -> list[Any]:
        """All committed records of a topic (full name)."""
        consumer = reader(self.load().kafka.options())
        found: list[Any] = []
        try:
            for partition in range(PARTITIONS):
                position, high = ends(consumer, topic, partition)
                consumer.assign([TopicPartition(topic, partition, position)])
                while position < high:
                    found += [m for m in consumer.consume(500, 0.1) if m.error() is None]
                    position = max(position, consumer.position([TopicPartition(topic, partition)])[0].offset)
        finally:
            consumer.close()
        return found

    def events(self, topic: str) -> list[dict[str, Any]]:
        """The records of an event topic."""
        return [codec(None).decode(topic, one.value()) for one in self.read(self.names.topic(topic))]

    def totals(self, sink: str) -> dict[str, int]:
        """The books of a group: `tiers/delivered` -> count."""
        newest = {(m.partition(), m.key().decode()): m.value() for m in self.read(self.names.state(sink))}
        counted: dict[str, int] = {}
        for (_, key), value in newest.items():
            if key.startswith("~total/"):
                name = "/".join(key.split("/", 4)[3:])
                counted[name] = counted.get(name, 0) + int(value)
        return counted

    def letters(self) -> list[tuple[bytes, dict[str, str]]]:
        """Bodies that nobody could read, each with its headers without our prefix."""
        found = self.read(self.names.webhooks_dead_letters)
        return [(m.value(), {n.removeprefix("tillstream."): v.decode() for n, v in m.headers()}) for m in found]


class Started:
    """A role in a process of its own. Leaving the block ends it."""

    def __init__(self, config: Path, *words: str) -> None:
        self._config, self._words = config, words
        self.lines: list[str] = []
        self.begin()

    def begin(self) -> None:
        """Start it (again)."""
        command = [sys.executable, "-m", "operations.cli", "--config", str(self._config), *self._words, "--port", "0"]
        self.process = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": str(HOME), "LOG_LEVEL": "debug"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._said = len(self.lines)
        self._reader = threading.Thread(target=self._follow, args=(self.process,), daemon=True)
        self._reader.start()

    def _follow(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.lines.extend(process.stdout)

    @property
    def told(self) -> str:
        """Everything it has said."""
        return "".join(self.lines)

    @property
    def pages(self) -> str:
        """Where its health pages are; "" while it has not said so."""
        found = re.search(r"listening on (\S+)", "".join(self.lines[self._said :]))
        return found[1] if found else ""

    def page(self, name: str) -> httpx.Response:
        """One of its pages."""
        return httpx.get(f"{self.pages}/{name}", trust_env=False, timeout=5)

    def ready(self) -> Started:
        """Itself, once it can do its work."""
        until(lambda: self.process.poll() is None and self.pages and self.page("readyz").is_success, 60, self.told)
        return self

    def metric(self, name: str) -> Callable[[], float]:
        """A number of its metrics page: `name{labels}` as it stands there."""

        def read() -> float:
            found = re.search(rf"^{re.escape(name)} (\S+)$", self.page("metrics").text, re.MULTILINE)
            return float(found[1]) if found else 0.0

        return read

    def kill(self) -> None:
        """As the power does it."""
        self.process.kill()
        self.process.wait(20)
        self._heard_out()

    def _heard_out(self) -> None:
        self._reader.join(5)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def freeze(self) -> None:
        """Make it stand still."""
        self.process.send_signal(signal.SIGSTOP)

    def stop(self, seconds: float = 40) -> int:
        """SIGTERM, and its exit code."""
        self.process.terminate()
        return self.process.wait(seconds)

    def __enter__(self) -> Started:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.kill()
        self._heard_out()
