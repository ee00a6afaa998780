"""Events on real Kafka, the real engine, and a simulated Apparel21 at the end of it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uvloop
from confluent_kafka import Producer, TopicPartition

from consumers.apparel21.sink import SINK
from consumers.engine.assemble import Watch, work
from sandbox.apparel21.server import Apparel21Server
from sandbox.kafka.broker import Broker
from schemas import headers
from schemas.codec import codec
from schemas.topics import EVENT_TOPICS, Names
from tests.consumers.apparel21.counter import event
from tillstream.clock import SYSTEM, Clock
from tillstream.kafka import layout, topics
from tillstream.kafka.client import ends, reader
from tillstream.settings import Settings, load

HOME = Path(__file__).parents[3]
PARTITIONS = 2


class Street:
    """One test's own topics on a shared broker, a connection `au` with an account at the sandbox, and workers."""

    def __init__(self, kafka: Broker, prefix: str, folder: Path, server: Apparel21Server, settings: str) -> None:
        """`settings`: TOML after `[connection.au.apparel21]` with url, user and password."""
        self.names = Names(prefix)
        settings = settings if "gap =" in settings else f'gap = "5ms"\n{settings}'
        self.config = folder / "tillstream.toml"
        self.config.write_text(
            f'[kafka]\n"bootstrap.servers" = "{kafka.bootstrap}"\n[topics]\nprefix = "{prefix}"\n'
            f'partitions = {PARTITIONS}\n[state]\nfolder = "{folder / "state"}"\n[connection.au]\n'
            f'[connection.au.apparel21]\nurl = "{server.api}"\nusername = "tillstream"\npassword = "sandbox"\n'
            f"{settings}\n",
            encoding="utf-8",
        )
        kafka_options = self.load().kafka.options()
        topics.ensure(kafka_options, [*layout.shared(self.load()), *layout.of_sink(self.load(), SINK.name)])
        self.kafka = kafka_options
        self._codec = codec(None)

    def load(self) -> Settings:
        """The configuration, as a worker reads it."""
        return load(self.config, {}, {SINK.name: SINK.settings})

    def write(self, topic: str, **values: Any) -> None:
        """One event, in the form that webhooks give it; `times`: so often."""
        times = values.pop("times", 1)
        thing = event(topic, **values)
        encoded = self._codec.encode(topic, thing.record)
        told = {headers.CONTENT: encoded.content, headers.ORDER: thing.order, headers.OBJECT: thing.object}
        producer = Producer({"bootstrap.servers": self.kafka["bootstrap.servers"], "partitioner": "murmur2_random"})
        for _ in range(times):
            raw: list[tuple[str, str | bytes | None]] = [(name, value.encode()) for name, value in told.items()]
            producer.produce(self.names.topic(topic), encoded.payload, thing.key.encode(), headers=raw)
        producer.flush(30)

    def consume(self, *, clock: Clock = SYSTEM, watch: Watch | None = None, once: bool = True) -> int:
        """One worker in this process, until nothing is due."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work(self.load(), SINK, watch or Watch(), once=once, clock=clock))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A worker in a process of its own; its output is for the caller to read."""
        command = [sys.executable, "-m", "operations.cli", "--config", str(self.config), "consume", SINK.name]
        return subprocess.Popen(
            [*command, "--port", "0", *arguments],
            env={**os.environ, "PYTHONPATH": str(HOME), "LOG_LEVEL": "debug"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def read(self, topic: str) -> list[Any]:
        """All committed records of a topic (full name)."""
        consumer = reader(self.kafka)
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

    def everything(self) -> bytes:
        """Every byte that stands in any topic of this test: keys, values and headers."""
        of_sink = (self.names.state, self.names.dead_letters, self.names.replay)
        names = [*map(self.names.topic, EVENT_TOPICS), self.names.receipts, *(name(SINK.name) for name in of_sink)]
        records = [record for name in names for record in self.read(name)]
        parts = [
            part for one in records for part in (one.key(), one.value(), *(value for _, value in one.headers() or ()))
        ]
        return b"\n".join(part for part in parts if part)

    def dead(self) -> list[dict[str, str]]:
        """The headers of the dead letters, without our prefix."""
        letters = self.read(self.names.dead_letters(SINK.name))
        return [{name.removeprefix("tillstream."): value.decode() for name, value in m.headers()} for m in letters]

    def events(self, topic: str, kind: str) -> list[Mapping[str, Any]]:
        """The events of a kind on a topic."""
        records = [self._codec.decode(topic, one.value()) for one in self.read(self.names.topic(topic))]
        return [record for record in records if record["kind"] == kind]

    def totals(self) -> dict[str, int]:
        """The books of the group: `tiers/delivered` -> count."""
        newest = {(m.partition(), m.key().decode()): m.value() for m in self.read(self.names.state(SINK.name))}
        counted: dict[str, int] = {}
        for (_, key), value in newest.items():
            if key.startswith("~total/"):
                name = "/".join(key.split("/", 4)[3:])
                counted[name] = counted.get(name, 0) + int(value)
        return counted
