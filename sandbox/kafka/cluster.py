"""A small cluster of real brokers on this machine: leaders change, and replicas may be too few."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from confluent_kafka.admin import AdminClient

from sandbox.kafka.broker import Broker

SETTINGS: Mapping[str, str] = {
    "min.insync.replicas": "2",
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    # A killed broker is out of the replicas in sync after 3 s, as it is out of the cluster.
    "replica.lag.time.max.ms": "3000",
}
"""Three replicas of everything, two of which must have a record."""
SIZE = 3


class Cluster:
    """Three brokers. The first is the only controller: kill the others."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        def made(number: int, leader: Broker | None) -> Broker:
            own = {**SETTINGS, **settings, "node.id": str(number)}
            return Broker(folder / str(number), None, None, own, leader=leader)

        first = made(1, None)
        self.brokers = {1: first, **{number: made(number, first) for number in range(2, SIZE + 1)}}

    @classmethod
    def start(cls, folder: Path, settings: Mapping[str, str] | None = None) -> Self:
        """A running cluster with its data under `folder`. Raises as `Broker.start` does."""
        cluster = cls(folder, settings or {})
        with ExitStack() as failed:
            failed.callback(cluster.stop)
            cluster.resume()
            failed.pop_all()
        return cluster

    @property
    def bootstrap(self) -> str:
        """What clients put into `bootstrap.servers`."""
        return ",".join(broker.bootstrap for broker in self.brokers.values())

    def leader(self, topic: str, partition: int) -> int:
        """The number of the broker that leads a partition, -1 while none does."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        found = admin.list_topics(topic, timeout=20).topics[topic].partitions
        return int(found[partition].leader)

    def resume(self) -> None:
        """Start those that do not run, side by side, and return when all answer."""
        with ThreadPoolExecutor(SIZE) as threads:
            list(threads.map(Broker.resume, self.brokers.values()))

    def stop(self) -> None:
        """End all, the controller last: the others ask it whether they may go."""
        for number in sorted(self.brokers, reverse=True):
            self.brokers[number].stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
