"""Events on real Kafka, the real engine, and a simulated Yotpo at the end of it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import uvloop
from confluent_kafka import Producer, TopicPartition

from consumers.engine.assemble import Watch, work
from consumers.yotpo.sink import SINK
from sandbox.kafka.broker import Broker
from sandbox.yotpo.server import YotpoServer
from schemas import headers
from schemas.codec import codec
from schemas.topics import Names
from tests.consumers.klaviyo.shop import Thing
from tillstream.clock import SystemClock
from tillstream.kafka import layout, topics
from tillstream.kafka.client import ends, reader
from tillstream.settings import Settings, load

HOME = Path(__file__).parents[3]
PARTITIONS = 2


class Ahead(SystemClock):
    """The clock of this machine, some time later."""

    def __init__(self, by: timedelta) -> None:
        self._by = by

    def now(self) -> datetime:
        return super().now() + self._by


class Till:
    """One test's own topics on a shared broker, a connection `au` with an account at the sandbox, and workers."""

    def __init__(self, kafka: Broker, prefix: str, folder: Path, server: YotpoServer, settings: str = "") -> None:
        """`settings`: TOML beside url and keys."""
        self.names, self._kafka, self._codec = Names(prefix), kafka, codec(None)
        self.config = folder / "tillstream.toml"
        self.config.write_text(
            f'[kafka]\n"bootstrap.servers" = "{kafka.bootstrap}"\n[topics]\nprefix = "{prefix}"\n'
            f'partitions = {PARTITIONS}\n[state]\nfolder = "{folder / "state"}"\n[connection.au]\n'
            f'[connection.au.yotpo]\nurl = "{server.api}"\nguid = "g"\napi_key = "k"\nstart = "earliest"\nrate = 1000\n'
            f"{settings}\n",
            encoding="utf-8",
        )
        plans = [*layout.shared(self.load()), *layout.of_sink(self.load(), SINK.name)]
        topics.ensure(self.load().kafka.options(), plans)

    def load(self) -> Settings:
        """The configuration, as a worker reads it."""
        return load(self.config, {}, {SINK.name: SINK.settings})

    def write(self, *things: Thing) -> None:
        """Events, in this order."""
        producer = Producer({"bootstrap.servers": self._kafka.bootstrap, "partitioner": "murmur2_random"})
        for thing in things:
            encoded = self._codec.encode(thing.topic, thing.record)
            told = {headers.CONTENT: encoded.content, headers.ORDER: thing.order, headers.OBJECT: thing.object}
            raw: list[tuple[str, str | bytes | None]] = [(name, value.encode()) for name, value in told.items()]
            producer.produce(self.names.topic(thing.topic), encoded.payload, thing.key.encode(), headers=raw)
            producer.poll(0)
        producer.flush(30)

    def consume(self, *, later: timedelta = timedelta(0), watch: Watch | None = None) -> int:
        """One worker in this process, until nothing is due; `later`: by a clock that is so much ahead."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work(self.load(), SINK, watch or Watch(), once=True, clock=Ahead(later)))

    def start(self) -> subprocess.Popen[bytes]:
        """A worker in a process of its own."""
        command = [
            sys.executable,
            "-m",
            "operations.cli",
            "--config",
            str(self.config),
            "consume",
            SINK.name,
            "--port",
            "0",
        ]
        return subprocess.Popen(command, cwd=HOME, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def totals(self) -> dict[str, int]:
        """The books of the group: `orders/delivered` -> count."""
        consumer = reader(self.load().kafka.options())
        newest: dict[str, bytes | None] = {}
        try:
            for partition in range(PARTITIONS):
                topic = self.names.state(SINK.name)
                low, high = ends(consumer, topic, partition)
                consumer.assign([TopicPartition(topic, partition, low)])
                while low < high:
                    for message in consumer.consume(5000, 0.1):
                        if message.error() is None:
                            newest[f"{partition}{(message.key() or b'').decode()}"] = message.value()
                    low = max(low, consumer.position([TopicPartition(topic, partition)])[0].offset)
        finally:
            consumer.close()
        counted: dict[str, int] = {}
        for key, value in newest.items():
            if "~total/" in key and value:
                _, _, _, topic, outcome = key.split("/", 4)
                counted[f"{topic}/{outcome}"] = counted.get(f"{topic}/{outcome}", 0) + int(value)
        return counted
