"""Brokers that die or stand still: a producer and a worker go on by themselves, and every row arrives once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path

import pytest

from operations.watching import SLOW_SECONDS
from sandbox.kafka.broker import QUICK_GROUPS, Broker
from sandbox.kafka.cluster import Cluster
from tests.flow.road import Road
from tests.ground import committed
from tests.producers.desks import CUSTOMER
from tests.role import Role
from tests.second_platform.loft import Loft
from tests.waiting import until
from tillstream.kafka.client import TRANSACTION_TIMEOUT_SECONDS, ends, reader
from tillstream.kafka.publisher import InDoubt, Message, NotWritten, Publisher
from tillstream.kafka.topics import Plan, ensure

ROWS = 1_000


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One cluster for this file."""
    patient = {**QUICK_GROUPS, "group.consumer.session.timeout.ms": "45000"}
    with Cluster.start(tmp_path_factory.mktemp("cluster"), patient) as cluster:
        yield cluster


@pytest.fixture
def cluster(running: Cluster) -> Cluster:
    """The same, and all its brokers run."""
    running.resume()
    return running


class Shop(Road):
    """A road at whose beginning files are dropped into a folder."""

    def __init__(self, kafka: Broker | Cluster, prefix: str, folder: Path, loft: Loft) -> None:
        self._data = folder / "data"
        table = f'[connection.au.folder]\npath = "{self._data}"\npoll = "500ms"\nstill = "100ms"\n'
        super().__init__(kafka, prefix, folder, loft, partitions=2, more=table)

    def drop(self, number: int) -> None:
        """A day's file arrives, whole as soon as it is there: so many new persons."""
        first = number * ROWS
        rows = (f"{n},p{n}@customer.example,No,2025-04-01T09:00:00,No\n" for n in range(first, first + ROWS))
        pending = self._data / "pending" / "au"
        pending.mkdir(parents=True, exist_ok=True)
        draft = pending / f"customers_2025040{number + 1}T060000Z.csv.part"
        draft.write_text(f"{CUSTOMER}\n{''.join(rows)}", "utf-8")
        draft.rename(draft.with_suffix(""))

    def producer(self) -> Role:
        """`tillstream produce folder`."""
        return self.start("produce", "folder")

    def prove(self, files: int, loft: Loft) -> None:
        """All is there once: on the topics, in the books, at the platform, and in order."""
        seen = Counter((record["sha256"], record["line"]) for record in self.records("customers"))
        assert (len(seen), max(seen.values())) == (files * ROWS, 1)
        assert [(page.rows, page.gap) for page in self.pages()] == [(ROWS, 0)] * files
        assert self.totals() == {"customers/delivered": files * ROWS}
        assert (loft.repeats(), loft.disorder()) == (0, 0)


def hold(loft: Loft, after: int) -> None:
    """Once so many letters were taken no other is answered, until `latency` is small again."""

    def answer(_: object) -> int:
        loft.latency = 100.0 if len(loft.taken) >= after else loft.latency
        return 201

    loft.answer = answer


def test_f19_leaders_change_and_replicas_are_too_few(cluster: Cluster, prefix: str, tmp_path: Path) -> None:
    with Loft(latency=0.02) as loft:
        shop = Shop(cluster, prefix, tmp_path, loft)
        topic = shop.names.topic("customers")
        with shop.producer() as producer, shop.inside() as worker:
            shop.drop(0)
            until(lambda: len(loft.taken) > 100)
            dead, other = sorted((2, 3), key=lambda number: number != cluster.leader(topic, 0))
            cluster.brokers[dead].kill()
            hold(loft, ROWS + 100)
            shop.drop(1)
            until(lambda: loft.latency > 1, what="two of three brokers carry on")
            cluster.brokers[other].kill()
            shop.drop(2)
            hold(loft, 3 * ROWS)
            loft.latency = 0.02
            until(lambda: worker.watch.ready is not None, what="the worker says that Kafka takes nothing")
            until(lambda: not producer.page("readyz").is_success, what="and so does the producer")
            cluster.resume()
            until(lambda: len(loft.taken) == 3 * ROWS)
            until(lambda: worker.watch.ready is None and producer.page("readyz").is_success)
            assert (producer.stop(), worker.stop()) == (0, 0)
        shop.prove(3, loft)


def test_f20_a_broker_that_stood_still_for_longer_than_a_delivery_may_take(
    own_kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    assert SLOW_SECONDS > TRANSACTION_TIMEOUT_SECONDS, "a delivery's time is over when readiness complains"
    with Loft(latency=0.01) as loft:
        shop = Shop(own_kafka, prefix, tmp_path, loft)
        with shop.producer() as producer, shop.inside() as worker:
            shop.drop(0)
            until(lambda: len(loft.taken) > 100)
            own_kafka.freeze()
            shop.drop(1)
            until(lambda: producer.page("readyz").status_code == 503)
            until(lambda: worker.watch.ready is not None)
            own_kafka.thaw()
            until(lambda: len(loft.taken) == 2 * ROWS)
            until(lambda: worker.watch.ready is None and producer.page("readyz").is_success)
            assert (producer.stop(), worker.stop()) == (0, 0)
        shop.prove(2, loft)


def test_f20_what_was_given_up_and_written_all_the_same_is_there_once(own_kafka: Broker) -> None:
    """The broker stands still with half of a transaction in its hands, and takes it up when it was given up."""
    kafka = {"bootstrap.servers": own_kafka.bootstrap}
    ensure(kafka, [Plan("orders", 1, 1)])
    publisher, half_way = Publisher(kafka, "late"), threading.Event()

    def half() -> Iterator[Message]:
        yield Message("orders", b"0", b"")
        with closing(reader(kafka, committed=False)) as bounds:
            until(lambda: ends(bounds, "orders", 0)[1] > 0, what="the broker has the first of them")
        own_kafka.freeze()
        yield from (Message("orders", b"%d" % number, b"") for number in range(1, 500))
        half_way.set()

    with ThreadPoolExecutor(1) as thread:
        commit = thread.submit(publisher.commit, half())
        assert half_way.wait(60)
        assert wait((commit,), TRANSACTION_TIMEOUT_SECONDS + 2).not_done, "a delivery's time is over"
        own_kafka.thaw()
        with pytest.raises((NotWritten, InDoubt)):
            commit.result(60)
    assert committed(kafka, "orders", [0]) == []
    publisher.commit(Message("orders", b"%d" % number, b"") for number in range(500))
    assert [message.key() for message in committed(kafka, "orders", [0])] == [b"%d" % n for n in range(500)]
