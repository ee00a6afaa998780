"""A road for tests: a configuration, events on real Kafka, and workers of the pigeon post beside them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvloop
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from consumers.engine.assemble import Watch, work
from operations import platforms
from sandbox.kafka.broker import Broker
from schemas import headers as names
from schemas.codec import codec
from schemas.definitions import blank
from schemas.topics import Names
from tillstream.clock import SYSTEM, Clock
from tillstream.kafka import layout, topics
from tillstream.kafka.client import admin, ends, reader
from tillstream.settings import Settings, load

HOME = Path(__file__).parents[2]
SECOND_PLATFORM = HOME / "tests" / "second_platform"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)

if str(SECOND_PLATFORM) not in sys.path:
    sys.path.insert(0, str(SECOND_PLATFORM))
    import pkgutil

    import consumers

    consumers.__path__ = pkgutil.extend_path(consumers.__path__, "consumers")


class Road:
    """One test's own topics on a shared broker, its configuration file, and what it does with them."""

    def __init__(
        self,
        kafka: Broker,
        prefix: str,
        folder: Path,
        connections: Mapping[str, Mapping[str, Any]],
        partitions: int = 4,
        engine: str = "",
    ) -> None:
        """`connections`: name -> the pigeon account's settings."""
        self.kafka, self.names, self.partitions = kafka, Names(prefix), partitions
        self.config = folder / "tillstream.toml"
        blocks = "\n".join(
            f"[connection.{name}]\n[connection.{name}.pigeon]\n{_toml(account)}"
            for name, account in connections.items()
        )
        self.config.write_text(
            f'[kafka]\n"bootstrap.servers" = "{kafka.bootstrap}"\n'
            f'[topics]\nprefix = "{prefix}"\npartitions = {partitions}\n'
            f'[state]\nfolder = "{folder / "state"}"\n[engine]\n{engine}\n{blocks}\n',
            encoding="utf-8",
        )
        self.settings = self.load()
        self.ids = topics.ensure(
            self.settings.kafka.options(), [*layout.shared(self.settings), *layout.of_sink(self.settings, "pigeon")]
        )
        self._codec = codec(None)

    def load(self) -> Settings:
        return load(self.config, {}, {name: sink.settings for name, sink in platforms.find().items()})

    def customers(self, rows: Iterable[tuple[str, int, str]], connection: str = "au", file: str = "ab12") -> int:
        """Write customer events: (who, minutes after noon, first name). The number written."""
        return self._write(
            "customers",
            [
                _customer(connection, who, minutes, name, file, line)
                for line, (who, minutes, name) in enumerate(rows, start=2)
            ],
        )

    def orders(self, rows: Iterable[tuple[str, str]], connection: str = "au", file: str = "cd34") -> int:
        """Write order events: (who, transaction)."""
        return self._write(
            "orders", [_order(connection, who, number, file, line) for line, (who, number) in enumerate(rows, start=2)]
        )

    def _write(self, topic: str, records: Sequence[dict[str, Any]]) -> int:
        producer = Producer(
            {"bootstrap.servers": self.kafka.bootstrap, "partitioner": "murmur2_random", "enable.idempotence": True}
        )
        for record in records:
            encoded = self._codec.encode(topic, record)
            thing = record["person_id"] if topic == "customers" else record["tran_idx"]
            order = names.order(record["source_time"], None, record["line"])
            headers = {
                names.CONTENT: encoded.content,
                names.ORDER: order,
                names.OBJECT: thing,
                names.SHA256: record["sha256"],
                names.LINE: str(record["line"]),
            }
            self.raw(
                topic,
                f"{record['connection']}/{record['email']}".encode(),
                encoded.payload,
                {name: value.encode() for name, value in headers.items()},
                producer=producer,
            )
        producer.flush(30)
        return len(records)

    def raw(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Mapping[str, bytes],
        *,
        producer: Producer | None = None,
        partition: int = -1,
    ) -> None:
        """Write one record as it is."""
        sender = producer or Producer({"bootstrap.servers": self.kafka.bootstrap, "partitioner": "murmur2_random"})
        where: dict[str, Any] = {} if partition < 0 else {"partition": partition}
        while True:
            try:
                sender.produce(self.names.topic(topic), value, key, headers=list(headers.items()), **where)
            except BufferError:
                sender.poll(0.1)
            else:
                break
        if producer is None:
            sender.flush(30)

    def consume(self, *, clock: Clock = SYSTEM, watch: Watch | None = None, once: bool = True) -> int:
        """One worker in this process, until nothing is due."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            job = work(self.load(), platforms.find()["pigeon"], watch or Watch(), once=once, clock=clock)
            return runner.run(job)

    def inside(self, clock: Clock = SYSTEM) -> Inside:
        """A worker in a thread of this process, until it is stopped."""
        return Inside(self, clock)

    def start(self, *arguments: str, name: str = "w", environ: Mapping[str, str] | None = None) -> Started:
        """A worker in a process of its own, with a state folder of its name."""
        return Started(self.config, arguments, name, environ or {})

    def read(self, topic: str) -> list[Any]:
        """All committed records of a topic (full name)."""
        consumer = reader(self.settings.kafka.options())
        found: list[Any] = []
        try:
            for partition in range(self.partitions):
                low, high = ends(consumer, topic, partition)
                consumer.assign([TopicPartition(topic, partition, low)])
                found += _until(consumer, topic, partition, low, high)
        finally:
            consumer.close()
        return found

    def remove(self, topic: str, before: int) -> None:
        """What retention does: the records of partition 0 before an offset are gone."""
        client = admin(self.settings.kafka.options())
        next(iter(client.delete_records([TopicPartition(topic, 0, before)]).values())).result(20)

    def delete(self, topic: str) -> None:
        """The topic is gone when this returns."""
        client = admin(self.settings.kafka.options())
        next(iter(client.delete_topics([topic]).values())).result(20)
        until(lambda: topic not in client.list_topics(timeout=10).topics, 20, f"{topic} is gone")

    def create(self) -> None:
        """All topics that are missing are there anew, and empty."""
        plans = [*layout.shared(self.settings), *layout.of_sink(self.settings, "pigeon")]
        topics.ensure(self.settings.kafka.options(), plans)

    def end(self, topic: str) -> int:
        """The offset after the last record of partition 0 of a topic."""
        consumer = reader(self.settings.kafka.options())
        try:
            return ends(consumer, self.names.topic(topic), 0)[1]
        finally:
            consumer.close()

    def totals(self) -> dict[str, int]:
        """The books of the group: `customers/delivered` -> count, all files together."""
        newest = {(m.partition(), m.key().decode()): m.value() for m in self.read(self.names.state("pigeon"))}
        counted: dict[str, int] = {}
        for (_, key), value in newest.items():
            if not key.startswith("~total/"):
                continue
            _, _, _, topic, outcome = key.split("/", 4)
            name = f"{topic}/{outcome}"
            counted[name] = counted.get(name, 0) + int(value)
        return counted

    def lag(self) -> dict[str, int]:
        """Offsets after the group's committed one (all, where there is none), by full topic name."""
        group = self.names.group("pigeon")
        consumer = Consumer({**self.settings.kafka.options(), "group.id": group, "isolation.level": "read_uncommitted"})
        lag: dict[str, int] = {}
        try:
            for topic in (self.names.topic("customers"), self.names.topic("orders"), self.names.replay("pigeon")):
                for partition in range(self.partitions):
                    found = _committed(consumer, TopicPartition(topic, partition))
                    low, high = ends(consumer, topic, partition)
                    lag[topic] = lag.get(topic, 0) + high - max(found, low)
        finally:
            consumer.close()
        return lag

    def dead(self) -> list[dict[str, str]]:
        """The headers of the dead letters, without our prefix."""
        letters = self.read(self.names.dead_letters("pigeon"))
        return [{n.removeprefix("tillstream."): v.decode() for n, v in m.headers()} for m in letters]

    def store(self, name: str = "state") -> Path:
        """The folder of a worker's local stores."""
        return self.config.parent / name / "pigeon"

    def shelved(self) -> int:
        """How many records wait on the shelf."""
        newest = {(m.partition(), m.key()): m.value() for m in self.read(self.names.state("pigeon"))}
        return sum(1 for (_, key), value in newest.items() if value and key.startswith((b"~at/", b"~on/")))


class Leap:
    """A clock that a test sets ahead, while everything else takes its time."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def leap(self, seconds: float) -> None:
        self._ahead += seconds

    def now(self) -> datetime:
        return SYSTEM.now() + timedelta(seconds=self._ahead)

    def monotonic(self) -> float:
        return SYSTEM.monotonic() + self._ahead

    async def sleep(self, seconds: float) -> None:
        """As long as it says, or until a leap has passed the end."""
        end = self.monotonic() + seconds
        while (left := end - self.monotonic()) > 0:
            await SYSTEM.sleep(min(left, 0.1))


class Inside:
    """A worker in a thread. Leaving the block stops it; `code` is its exit code, `error` what it raised."""

    def __init__(self, road: Road, clock: Clock) -> None:
        self.watch, self.code, self.error = Watch(), -1, ""
        self._thread = threading.Thread(target=self._run, args=(road, clock), daemon=True)
        self._thread.start()

    def _run(self, road: Road, clock: Clock) -> None:
        try:
            self.code = road.consume(clock=clock, watch=self.watch, once=False)
        except Exception as error:
            self.error = f"{type(error).__name__}: {error}"

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def stop(self, seconds: float = 60) -> int:
        assert self.running, f"the worker had ended by itself: {self.error}"
        self.watch.stop()
        self._thread.join(seconds)
        assert not self.running, "the worker did not stop"
        assert not self.error, self.error
        return self.code

    def __enter__(self) -> Inside:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self.running:
            self.watch.stop()
            self._thread.join(60)


class Started:
    """A worker process. Leaving the block ends it."""

    def __init__(self, config: Path, arguments: Sequence[str], name: str, environ: Mapping[str, str]) -> None:
        environment = {
            **os.environ,
            "PYTHONPATH": f"{HOME}:{SECOND_PLATFORM}",
            "TILLSTREAM_STATE_FOLDER": str(config.parent / name),
            **environ,
        }
        command = [
            sys.executable,
            "-m",
            "operations.cli",
            "--config",
            str(config),
            "consume",
            "pigeon",
            "--port",
            "0",
            *arguments,
        ]
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._follow, daemon=True)
        self._reader.start()

    def _follow(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(self.process.stdout)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(20)

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

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
        if self.process.stdout is not None:
            self._reader.join(5)
            self.process.stdout.close()


def letters(people: int, count: int) -> list[tuple[str, int, str]]:
    """Customer rows: so many, turn by turn of so many people, each newer than the one before."""
    return [(f"p{n % people}", n, f"name {n}") for n in range(count)]


def parcels(people: int, count: int, start: int = 0) -> list[tuple[str, str]]:
    """Order rows: so many, turn by turn of so many people."""
    return [(f"p{n % people}", f"{n:06d}") for n in range(start, start + count)]


def _committed(consumer: Consumer, part: TopicPartition) -> int:
    """Asked again while a young broker has nobody to tell."""
    while True:
        try:
            (found,) = consumer.committed([part], 10)
        except KafkaException as error:
            if not error.args[0].retriable():
                raise
            time.sleep(0.2)
        else:
            return int(found.offset)


def until(true: Any, seconds: float = 60, what: str = "") -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what or true}"
        time.sleep(0.05)


def _until(consumer: Consumer, topic: str, partition: int, position: int, high: int) -> list[Any]:
    found: list[Any] = []
    while position < high:
        found += [m for m in consumer.consume(5000, 0.1) if m.error() is None]
        position = max(position, consumer.position([TopicPartition(topic, partition)])[0].offset)
    return found


def _toml(account: Mapping[str, Any]) -> str:
    return "\n".join(
        f'{name} = "{value}"' if isinstance(value, str) else f"{name} = {value}" for name, value in account.items()
    )


def _envelope(connection: str, minutes: int, file: str, line: int) -> dict[str, Any]:
    return {
        "connection": connection,
        "origin": "apparel21-file",
        "source_time": NOON + timedelta(minutes=minutes),
        "file": "f.csv",
        "sha256": file,
        "line": line,
    }


def _customer(connection: str, who: str, minutes: int, name: str, file: str, line: int) -> dict[str, Any]:
    return {
        **blank("customers"),
        **_envelope(connection, minutes, file, line),
        "person_id": who,
        "email": f"{who}@customer.example",
        "firstname": name,
    }


def _order(connection: str, who: str, number: str, file: str, line: int) -> dict[str, Any]:
    return {
        **blank("orders"),
        **_envelope(connection, int(number), file, line),
        "tran_idx": number,
        "tran_number": f"D{number}",
        "email": f"{who}@customer.example",
        "person_id": who,
    }
