"""The ground that a test of the whole way stands on: topics of its own on a real broker, a configuration, and roles."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import uvloop
from click.testing import CliRunner, Result
from confluent_kafka import Producer, TopicPartition

from consumers.engine.assemble import Watch, work
from operations import platforms
from operations.cli import tillstream
from producers.ledger import Entry
from producers.ledger import load as page
from schemas import headers
from schemas.codec import codec
from schemas.topics import Names
from tests.consumers.desk import Thing
from tests.role import Inside, Role
from tillstream.clock import SYSTEM, Clock
from tillstream.kafka import layout, topics
from tillstream.kafka.client import ends, reader
from tillstream.settings import Settings, load

HOME = Path(__file__).parents[1]
ROLES = ("consume", "produce", "run")


class Ground:
    """One test's own topics on a shared broker, and the configuration of its connections."""

    environ: ClassVar[Mapping[str, str]] = {"PYTHONPATH": str(HOME)}

    def __init__(
        self,
        bootstrap: str,
        prefix: str,
        folder: Path,
        tables: str,
        *,
        sink: str = "",
        partitions: int = 2,
        replication: int = 1,
    ) -> None:
        """`tables`: the connections and what else is to be said, as TOML; `sink`: who is meant where none is named."""
        self.names, self.sink, self.partitions, self.codec = Names(prefix), sink, partitions, codec(None)
        self.config = folder / "tillstream.toml"
        self._head = (
            f'[kafka]\n"bootstrap.servers" = "{bootstrap}"\n'
            f'[topics]\nprefix = "{prefix}"\npartitions = {partitions}\nreplication = {replication}\n'
            f'[state]\nfolder = "{folder / "state"}"\n'
        )
        self.configure(tables)

    def configure(self, tables: str) -> None:
        """Write the configuration (anew)."""
        self.config.write_text(f"{self._head}{tables}\n", encoding="utf-8")

    @property
    def settings(self) -> Settings:
        """The configuration, as a role that starts now reads it."""
        return load(self.config, {}, {name: sink.settings for name, sink in platforms.find().items()})

    @property
    def kafka(self) -> dict[str, Any]:
        """How Kafka is reached."""
        return dict(self.settings.kafka.options())

    def create(self) -> None:
        """All topics that are missing are there, and empty."""
        settings = self.settings
        sinks = {name for one in settings.connections.values() for name in one.platforms} | {self.sink} - {""}
        own = [plan for sink in sorted(sinks) for plan in layout.of_sink(settings, sink)]
        topics.ensure(self.kafka, [*layout.shared(settings), *layout.of_webhooks(settings), *own])

    # -- what is written ------------------------------------------------------------------------------------------

    def write(self, *things: Thing) -> None:
        """Events, in this order, as a producer of ours writes them."""
        producer = self._producer()
        for thing in things:
            encoded = self.codec.encode(thing.topic, thing.record)
            told = {headers.CONTENT: encoded.content, headers.ORDER: thing.order, headers.OBJECT: thing.object}
            if thing.record["sha256"]:
                told |= {headers.SHA256: thing.record["sha256"], headers.LINE: str(thing.record["line"])}
            raw: list[Any] = [(name, value.encode()) for name, value in told.items()]
            producer.produce(self.names.topic(thing.topic), encoded.payload, thing.key.encode(), headers=raw)
            producer.poll(0)
        assert producer.flush(30) == 0

    def raw(
        self, topic: str, key: bytes | None, value: bytes | None, told: Mapping[str, bytes], partition: int = -1
    ) -> None:
        """One record as it is."""
        producer, where = self._producer(), dict[str, Any](partition=partition) if partition >= 0 else {}
        producer.produce(self.names.topic(topic), value, key, headers=list(told.items()), **where)
        assert producer.flush(30) == 0

    def _producer(self) -> Producer:
        return Producer({**self.kafka, "partitioner": "murmur2_random", "enable.idempotence": True})

    # -- who works ------------------------------------------------------------------------------------------------

    def consume(self, sink: str = "", *, clock: Clock = SYSTEM, watch: Watch | None = None, once: bool = True) -> int:
        """One worker in this process, until nothing is due."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            found = platforms.find()[sink or self.sink]
            return runner.run(work(self.settings, found, watch or Watch(), once=once, clock=clock))

    def inside(self, clock: Clock = SYSTEM) -> Inside:
        """A worker in a thread of this process, until it is stopped."""
        return Inside(lambda watch: self.consume(clock=clock, watch=watch, once=False))

    def start(self, *words: str, state: str = "state", **environ: str) -> Role:
        """A command in a process of its own: `produce folder`, `consume klaviyo`, `dlq redrive` ..."""
        port = ("--port", "0") if words[0] in ROLES else ()
        folder = {"TILLSTREAM_STATE_FOLDER": str(self.config.parent / state)}
        return Role(self.config, *words, *port, environ={**self.environ, **folder, **environ})

    def worker(self, *arguments: str, state: str = "state", **environ: str) -> Role:
        """A worker in a process of its own."""
        return self.start("consume", self.sink, *arguments, state=state, **environ)

    def command(self, *words: str) -> Result:
        """A command, to its end."""
        return CliRunner().invoke(tillstream, [*words], env={"TILLSTREAM_CONFIG": str(self.config)})

    # -- what is read ---------------------------------------------------------------------------------------------

    def read(self, topic: str) -> list[Any]:
        """All committed records of a topic (full name), one partition after the other."""
        return committed(self.kafka, topic, range(self.partitions))

    def newest(self, topic: str) -> dict[tuple[int, bytes], bytes | None]:
        """What a compacted topic (full name) holds, by partition and key."""
        return {(one.partition(), one.key()): one.value() for one in self.read(topic)}

    def events(self, topic: str) -> list[tuple[str, dict[str, Any]]]:
        """Key and record of every committed event of a topic."""
        return [(m.key().decode(), self.codec.decode(topic, m.value())) for m in self.read(self.names.topic(topic))]

    def records(self, topic: str) -> list[dict[str, Any]]:
        """Every committed event of a topic."""
        return [record for _, record in self.events(topic)]

    def pages(self) -> list[Entry]:
        """The producers' books."""
        return [page(value) for value in self.newest(self.names.ledger).values() if value]

    def totals(self, sink: str = "") -> dict[str, int]:
        """A group's books, all files and connections together: `customers/delivered` -> count."""
        counted: Counter[str] = Counter()
        for (_, key), value in self.newest(self.names.state(sink or self.sink)).items():
            if key.startswith(b"~total/"):
                _, _, _, topic, outcome = key.decode().split("/", 4)
                counted[f"{topic}/{outcome}"] += int(value or b"")
        return dict(counted)

    def shelved(self) -> int:
        """How many records wait on the shelf."""
        waiting = self.newest(self.names.state(self.sink)).items()
        return sum(1 for (_, key), value in waiting if value and key.startswith((b"~at/", b"~on/")))

    def dead(self) -> list[dict[str, str]]:
        """The headers of the dead letters, without our prefix."""
        return [plain(letter) for letter in self.read(self.names.dead_letters(self.sink))]


def plain(message: Any) -> dict[str, str]:
    """The headers of a record, without our prefix."""
    return {name.removeprefix("tillstream."): value.decode() for name, value in message.headers()}


def committed(kafka: Mapping[str, Any], topic: str, partitions: Iterable[int]) -> list[Any]:
    """All committed records of these partitions; a transaction that is under way now is waited for."""
    with closing(reader(kafka, committed=False)) as bounds, closing(reader(kafka)) as consumer:
        kept = {partition: ends(bounds, topic, partition) for partition in partitions}
        parts = [TopicPartition(topic, partition, low) for partition, (low, high) in kept.items() if low < high]
        consumer.assign(parts)
        found: list[Any] = []
        while any(part.offset < kept[part.partition][1] for part in parts):
            found += [message for message in consumer.consume(10_000, 0.02) if message.error() is None]
            parts = consumer.position(parts)
    return sorted(found, key=lambda message: (message.partition(), message.offset()))
