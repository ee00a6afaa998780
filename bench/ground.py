"""The ground a measurement stands on: a real Kafka of its own, a configuration, and roles in processes of their own."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import httpx
import orjson
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from bench import HOME, PLATFORMS
from bench.measure import cpu_seconds
from operations import platforms
from operations.reading import records, spans
from sandbox.kafka.broker import Broker
from sandbox.program import Program
from schemas.topics import Names
from tillstream.kafka import layout, topics
from tillstream.settings import Settings, load

PARTITIONS = 6
PATIENCE = 1800.0


class Answered(NamedTuple):
    """One request as the platform saw it; `left` is when its answer left (0: never). Times are Unix seconds."""

    arrived: float
    status: int
    left: float
    key: str
    order: str
    id: str


class Ground:
    """Topics, settings and roles of one measurement. Leaving the block ends and removes everything."""

    def __init__(
        self, sink: str, account: Mapping[str, Any], *, folder: bool = False, broker: Mapping[str, str] | None = None
    ) -> None:
        """`account`: settings of `au` at the sink; `folder`: its files arrive in `shop`; `broker`: Kafka's settings."""
        self.sink = sink
        self.folder = Path(tempfile.mkdtemp(prefix="tillstream-bench-"))
        self.broker = Broker.start(self.folder / "kafka", settings=broker)
        self.config = self.folder / "tillstream.toml"
        self.shop = self.folder / "shop"
        self.config.write_text(self._text(account, folder=folder), encoding="utf-8")
        self.settings: Settings = load(
            self.config, {}, {name: found.settings for name, found in platforms.find().items()}
        )
        self.names = Names("")
        self.kafka = dict(self.settings.kafka.options())
        topics.ensure(self.kafka, [*layout.shared(self.settings), *layout.of_sink(self.settings, sink)])
        self.events = [self.names.topic(topic) for topic in platforms.find()[sink].topics]
        self._offsets = Consumer(
            {
                "bootstrap.servers": self.broker.bootstrap,
                "group.id": self.names.group(sink),
                "enable.auto.commit": False,
            }
        )
        self._running: list[Program] = []

    def _text(self, account: Mapping[str, Any], *, folder: bool) -> str:
        place = f'[connection.au.folder]\npath = "{self.shop}"\n' if folder else ""
        own = "\n".join(f"{name} = {_toml(value)}" for name, value in account.items())
        return (
            f'[kafka]\n"bootstrap.servers" = "{self.broker.bootstrap}"\n[topics]\npartitions = {PARTITIONS}\n'
            f'[connection.au]\ncountry = "AU"\ncurrency = "AUD"\ntimezone = "Australia/Melbourne"\n'
            f"[connection.au.{self.sink}]\n{own}\n{place}"
        )

    def worker(self, name: str = "w", *more: str) -> Role:
        """A worker with a state folder of its own, started."""
        return Role(self, name, "consume", self.sink, *more)

    def program(self, command: Iterable[str], log: str, environ: Mapping[str, str] | None = None) -> Program:
        """Any program, ended with us."""
        path = os.pathsep.join(str(folder) for folder in (HOME, *PLATFORMS))
        started = Program(list(command), self.folder / log, {**os.environ, "PYTHONPATH": path, **(environ or {})})
        self._running.append(started)
        return started

    def waiting(self) -> int:
        """Records of the group's event topics that are not settled yet."""
        parts = [TopicPartition(topic, number) for topic in self.events for number in range(PARTITIONS)]
        left = 0
        for part in self._offsets.committed(parts, 20):
            low, high = self._offsets.get_watermark_offsets(part, 20, cached=False)
            left += high - (part.offset if part.offset >= 0 else low)
        return left

    def remembered(self, part: str) -> Iterator[Any]:
        """Committed records of the group's state whose key has this in it."""
        topic = self.names.state(self.sink)
        found = records(self.kafka, spans(self.kafka, {topic: PARTITIONS}))
        return (record for record in found if part.encode() in record.key())

    def share(self, workers: Sequence[Role], partitions: int) -> None:
        """Wait until all partitions are held, every worker has some, and all are ready."""
        client = AdminClient({"bootstrap.servers": self.broker.bootstrap})

        def whole() -> bool:
            group = self.names.group(self.sink)
            asked = client.describe_consumer_groups([group], request_timeout=10)[group]
            if asked.exception() is not None:  # nobody has joined yet
                return False
            held = [
                {part.partition for part in member.assignment.topic_partitions} for member in asked.result().members
            ]
            return (
                len(held) == len(workers)
                and all(held)
                and sum(map(len, held)) == partitions
                and all(w.ready for w in workers)
            )

        until(whole, "all hold partitions", 120, pause=0.5)

    def settled(self, seconds: float = PATIENCE) -> float:
        """Wait until nothing waits; when that was, in monotonic seconds."""
        until(lambda: self.waiting() == 0, "everything is settled", seconds, pause=0.1)
        return time.monotonic()

    def rate(self) -> float:
        """Records a second, from the first settlement that is seen to the one after which nothing waits."""
        whole = self.waiting()
        until(lambda: self.waiting() < whole, "the first records are settled", 300, pause=0.02)
        left, begun = self.waiting(), time.monotonic()
        return left / (self.settled() - begun)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for program in self._running:
            program.kill()
        self._offsets.close()
        self.broker.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Role:
    """A command of ours that runs as a service."""

    def __init__(self, ground: Ground, name: str, *command: str) -> None:
        self.begun = time.monotonic()
        self.state = ground.folder / "state" / name
        self._log = ground.folder / f"{name}-{time.monotonic_ns()}.log"
        whole = [sys.executable, "-m", "operations.cli", "--config", str(ground.config), *command, "--port", "0"]
        self._program = ground.program(whole, self._log.name, {"TILLSTREAM_STATE_FOLDER": str(self.state)})
        self.pid = self._program.pid

    def _page(self, path: str) -> str:
        """A page of its health server; "" while it has none. Raises RuntimeError when the role has ended."""
        if not self._program.running:
            raise RuntimeError(f"it has ended:\n{self._program.tail()}")
        first = next(iter(self._log.read_text("utf-8", "replace").splitlines()), "")
        if not first.startswith("listening on "):
            return ""
        try:
            answer = httpx.get(first.removeprefix("listening on ") + path, timeout=5, trust_env=False)
        except httpx.TransportError:
            return ""
        return answer.text or "nothing" if answer.is_success else ""

    def metric(self, name: str) -> float:
        """The value of its metric, all labels together."""
        lines = (line for line in self._page("/metrics").splitlines() if line.startswith(f"{name}{{"))
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    @property
    def ready(self) -> bool:
        """Does /readyz say so?"""
        return bool(self._page("/readyz"))

    def await_ready(self) -> float:
        """When it became ready, in monotonic seconds."""
        until(lambda: self.ready, "the role is ready", 120, pause=0.02)
        return time.monotonic()

    def told(self, event: str) -> list[Mapping[str, Any]]:
        """Lines of its log that say this."""
        lines = (line for line in self._log.read_bytes().splitlines() if line.startswith(b"{"))
        return [found for found in map(orjson.loads, lines) if found.get("message") == event]

    @property
    def cpu(self) -> float:
        """Processor seconds so far."""
        return cpu_seconds(self.pid)

    def stop(self) -> None:
        """SIGTERM."""
        self._program.stop(60)

    def kill(self) -> None:
        """SIGKILL."""
        self._program.kill()


class Post:
    """The platform of `bench.platform`, in a process of its own."""

    def __init__(self, latency: float = 0.0, second: int = 0, minute: int = 0) -> None:
        log = Path(tempfile.mkdtemp(prefix="tillstream-post-")) / "post.log"
        given = ["--latency", str(latency), "--second", str(second), "--minute", str(minute)]
        self._folder = log.parent
        self._program = Program(
            [sys.executable, "-m", "bench.platform", *given], log, {**os.environ, "PYTHONPATH": str(HOME)}
        )
        until(lambda: log.read_text().strip().isdigit(), "the platform listens", 20, pause=0.05)
        self.url = f"http://127.0.0.1:{log.read_text().strip()}"
        self._client = httpx.Client(timeout=60, trust_env=False)

    @property
    def taken(self) -> int:
        """How many requests it said yes to."""
        return int(self._ask("/count"))

    def log(self) -> list[Answered]:
        """Every request, in the order of arrival."""
        return [Answered(*line) for line in orjson.loads(self._ask("/log"))]

    def _ask(self, path: str) -> bytes:
        return self._client.get(self.url + path).content

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self._program.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


def until(true: Callable[[], bool], what: str, seconds: float = 60, pause: float = 0.05) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s: {what}")
        time.sleep(pause)


def disorder(log: Iterable[Answered]) -> int:
    """Requests that came before the answer to an earlier one of the same customer, or after a newer record."""
    newest: dict[str, tuple[str, float]] = {}
    wrong = 0
    for line in log:
        order, free = newest.get(line.key, ("", 0.0))
        wrong += line.order < order or line.arrived < free
        newest[line.key] = (max(order, line.order), line.left or float("inf"))
    return wrong


def _toml(value: Any) -> str:
    """A value as TOML writes it.

    >>> _toml({"a-b": [[1, 2]]}), _toml("x"), _toml(True)
    ('{ "a-b" = [[1, 2]] }', '"x"', 'true')
    """
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f'"{name}" = {_toml(inner)}' for name, inner in value.items()) + " }"
    return orjson.dumps(value).decode().replace(",", ", ") if isinstance(value, list) else orjson.dumps(value).decode()
