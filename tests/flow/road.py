"""A road for tests: workers of the pigeon post, and customers and orders for it to carry."""

from __future__ import annotations

import pkgutil
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from confluent_kafka import Consumer, KafkaException, TopicPartition

import consumers
from sandbox.kafka.broker import Broker
from sandbox.kafka.cluster import Cluster
from schemas import headers
from schemas.definitions import blank
from tests.consumers.desk import Thing
from tests.ground import HOME, Ground
from tests.role import Role
from tests.second_platform.loft import Loft
from tests.waiting import until
from tillstream.kafka.client import admin, ends, reader

SECOND_PLATFORM = HOME / "tests" / "second_platform"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)

if str(SECOND_PLATFORM) not in sys.path:
    sys.path.insert(0, str(SECOND_PLATFORM))
    consumers.__path__ = pkgutil.extend_path(consumers.__path__, "consumers")


class Road(Ground):
    """A ground whose connections have accounts at the pigeon post."""

    environ: ClassVar[Mapping[str, str]] = {"PYTHONPATH": f"{HOME}:{SECOND_PLATFORM}"}

    def __init__(
        self,
        kafka: Broker | Cluster,
        prefix: str,
        folder: Path,
        connections: Loft | Mapping[str, Mapping[str, Any]],
        *,
        partitions: int = 4,
        engine: str = "",
        more: str = "",
    ) -> None:
        """`connections`: name -> the account's settings, or the loft of `au`; `engine`, `more`: further TOML."""
        if isinstance(connections, Loft):
            connections = {"au": {"url": connections.url, "key": "k"}}
        blocks = [
            f"[connection.{name}]\n[connection.{name}.pigeon]\n{_toml(account)}"
            for name, account in connections.items()
        ]
        tables, copies = "\n".join([f"[engine]\n{engine}", *blocks, more]), isinstance(kafka, Cluster) * 2 + 1
        super().__init__(
            kafka.bootstrap, prefix, folder, tables, sink="pigeon", partitions=partitions, replication=copies
        )
        self.create()

    def customers(self, rows: Iterable[tuple[str, int, str]], connection: str = "au", file: str = "ab12") -> None:
        """Write customer events: (who, minutes after noon, first name)."""
        self.write(*(_customer(connection, *row, file, line) for line, row in enumerate(rows, start=2)))

    def orders(self, rows: Iterable[tuple[str, str]], connection: str = "au", file: str = "cd34") -> None:
        """Write order events: (who, transaction)."""
        self.write(*(_order(connection, *row, file, line) for line, row in enumerate(rows, start=2)))

    def worker(self, *arguments: str, state: str = "w", **environ: str) -> Role:
        """A worker in a process of its own, with a state folder that is not the test's."""
        return super().worker(*arguments, state=state, **environ)

    def remove(self, topic: str, before: int) -> None:
        """What retention does: the records of partition 0 before an offset are gone."""
        client = admin(self.kafka)
        next(iter(client.delete_records([TopicPartition(topic, 0, before)]).values())).result(20)

    def delete(self, topic: str) -> None:
        """The topic is gone when this returns."""
        client = admin(self.kafka)
        next(iter(client.delete_topics([topic]).values())).result(20)
        until(lambda: topic not in client.list_topics(timeout=10).topics, 20, f"{topic} is gone")

    def end(self, topic: str) -> int:
        """The offset after the last record of partition 0 of a topic."""
        consumer = reader(self.kafka)
        try:
            return ends(consumer, self.names.topic(topic), 0)[1]
        finally:
            consumer.close()

    def lag(self) -> dict[str, int]:
        """Offsets after the group's committed one (all, where there is none), by full topic name."""
        group = self.names.group("pigeon")
        consumer = Consumer({**self.kafka, "group.id": group, "isolation.level": "read_uncommitted"})
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

    def store(self) -> Path:
        """The folder of this process' local stores."""
        return self.config.parent / "state" / "pigeon"


def letters(people: int, count: int) -> list[tuple[str, int, str]]:
    """Customer rows: so many, turn by turn of so many people, each newer than the one before."""
    return [(f"p{n % people}", n, f"name {n}") for n in range(count)]


def parcels(people: int, count: int, start: int = 0) -> list[tuple[str, str]]:
    """Order rows: so many, turn by turn of so many people."""
    return [(f"p{n % people}", f"{n:06d}") for n in range(start, start + count)]


def _committed(consumer: Consumer, part: TopicPartition) -> int:
    """Asked again while a young broker has nobody to tell."""
    found: list[TopicPartition] = []

    def asked() -> bool:
        try:
            found[:] = consumer.committed([part], 10)
        except KafkaException as error:
            if not error.args[0].retriable():
                raise
        return bool(found)

    until(asked, what="the group's offsets")
    return int(found[0].offset)


def _toml(account: Mapping[str, Any]) -> str:
    return "\n".join(
        f'{name} = "{value}"' if isinstance(value, str) else f"{name} = {value}" for name, value in account.items()
    )


def _event(topic: str, connection: str, who: str, minutes: int, file: str, line: int, **values: str) -> Thing:
    said = {"connection": connection, "email": f"{who}@customer.example", "person_id": who, **values}
    source = {"origin": "apparel21-file", "source_time": NOON + timedelta(minutes=minutes), "file": "f.csv"}
    record: dict[str, Any] = {**blank(topic), **said, **source, "sha256": file, "line": line}
    order = headers.order(record["source_time"], None, line)
    thing = record["person_id"] if topic == "customers" else record["tran_idx"]
    return Thing(f"{connection}/{record['email']}", topic, record, order=order, object=thing)


def _customer(connection: str, who: str, minutes: int, name: str, file: str, line: int) -> Thing:
    return _event("customers", connection, who, minutes, file, line, firstname=name)


def _order(connection: str, who: str, number: str, file: str, line: int) -> Thing:
    return _event("orders", connection, who, int(number), file, line, tran_idx=number, tran_number=f"D{number}")
