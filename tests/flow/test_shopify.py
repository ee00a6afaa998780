"""Sign-ups on real Kafka reach a simulated shop through the real engine, and what the shop calls them reaches Yotpo."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvloop
from confluent_kafka import Producer, TopicPartition

from consumers.engine.assemble import Watch, work
from consumers.shopify import requests
from operations import platforms
from sandbox.kafka.broker import Broker
from sandbox.shopify.server import ShopifyServer
from sandbox.yotpo.server import YotpoServer
from schemas import headers
from schemas.codec import codec
from schemas.topics import Names
from tests.consumers.klaviyo.shop import Thing
from tests.consumers.shopify.shop import polled
from tillstream.clock import SystemClock
from tillstream.kafka import layout, topics
from tillstream.kafka.client import ends, reader
from tillstream.settings import Settings, load

PRIYA, NEW = "priya.oconnor@customer.example", "priya.shah@customer.example"
PEOPLE = ("73152", "73160", "73171", "73180", "91004", "80117", "60001")
PARTITIONS = 2
FIXED = 'access_token = "shpat_sandbox"'
LATER = datetime(2025, 5, 1, tzinfo=UTC)


class Ahead(SystemClock):
    """The clock of this machine, some time later."""

    def __init__(self, by: timedelta) -> None:
        self._by = by

    def now(self) -> datetime:
        return super().now() + self._by


class Counter:
    """One test's own topics on a shared broker, a connection `au` with a shop (and perhaps Yotpo), and workers."""

    def __init__(self, kafka: Broker, prefix: str, folder: Path, shop: str, more: str = "") -> None:
        """`shop`: the settings of the shop; `more`: further tables."""
        self.names, self._kafka, self._codec = Names(prefix), kafka, codec(None)
        self.config = folder / "tillstream.toml"
        self.config.write_text(
            f'[kafka]\n"bootstrap.servers" = "{kafka.bootstrap}"\n[topics]\nprefix = "{prefix}"\n'
            f'partitions = {PARTITIONS}\n[state]\nfolder = "{folder / "state"}"\n[connection.au]\n'
            f"[connection.au.shopify]\n{shop}\n{more}\n",
            encoding="utf-8",
        )
        settings = self.load()
        for name in settings.connections["au"].platforms:
            topics.ensure(settings.kafka.options(), [*layout.shared(settings), *layout.of_sink(settings, name)])

    def load(self) -> Settings:
        return load(self.config, {}, {name: sink.settings for name, sink in platforms.find().items()})

    def write(self, *things: Thing) -> None:
        """Events, in this order."""
        producer = Producer({"bootstrap.servers": self._kafka.bootstrap, "partitioner": "murmur2_random"})
        for thing in things:
            encoded = self._codec.encode(thing.topic, thing.record)
            told = {headers.CONTENT: encoded.content, headers.ORDER: thing.order, headers.OBJECT: thing.object}
            raw: list[tuple[str, str | bytes | None]] = [(name, value.encode()) for name, value in told.items()]
            producer.produce(self.names.topic(thing.topic), encoded.payload, thing.key.encode(), headers=raw)
        producer.flush(30)

    def consume(self, sink: str = "shopify", *, later: timedelta = timedelta(0), watch: Watch | None = None) -> int:
        """One worker in this process, until nothing is due; `later`: by a clock that is so much ahead."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            found = platforms.find()[sink]
            return runner.run(work(self.load(), found, watch or Watch(), once=True, clock=Ahead(later)))

    def _read(self, topic: str) -> Iterator[Any]:
        with closing(reader(self.load().kafka.options())) as consumer:
            for partition in range(PARTITIONS):
                low, high = ends(consumer, topic, partition)
                consumer.assign([TopicPartition(topic, partition, low)])
                while low < high:
                    yield from (m for m in consumer.consume(5000, 0.1) if m.error() is None)
                    low = max(low, consumer.position([TopicPartition(topic, partition)])[0].offset)

    def events(self) -> list[dict[str, Any]]:
        """What was said on `customers`, besides the tills."""
        found = (self._codec.decode("customers", m.value()) for m in self._read(self.names.topic("customers")))
        return [record for record in found if record["origin"] == "shopify"]

    def totals(self) -> dict[str, int]:
        """The books of the shop's group: `customers/delivered` -> count."""
        newest = {(m.partition(), m.key().decode()): m.value() for m in self._read(self.names.state("shopify"))}
        counted: dict[str, int] = {}
        for (_, key), value in newest.items():
            if "~total/" in key and value:
                name = key.split("/", 4)[4]
                counted[name] = counted.get(name, 0) + int(value)
        return counted


@pytest.fixture
def shopify() -> Iterator[ShopifyServer]:
    """A fresh shop."""
    with ShopifyServer() as server:
        yield server


def crowd(count: int) -> list[Thing]:
    """Sign-ups of so many people, each with a number."""
    made = [
        polled("73152", f"p{n}@customer.example", person_id=f"9{n:05d}", mobile=f"+6149157{n:04d}")
        for n in range(count)
    ]
    return [replace(one, object=one.record["person_id"]) for one in made]


def test_a_sign_up_is_in_the_shop_once_and_yotpo_knows_it_by_the_shops_id(
    kafka: Broker, prefix: str, tmp_path: Path, shopify: ShopifyServer
) -> None:
    with YotpoServer(limits=False) as yotpo:
        account = f'[connection.au.yotpo]\nurl = "{yotpo.api}"\nguid = "g"\napi_key = "k"\nrate = 1000'
        counter = Counter(kafka, prefix, tmp_path, f'url = "{shopify.url}"\n{FIXED}', account)
        counter.write(*map(polled, PEOPLE))
        assert counter.consume("yotpo") == 0
        assert yotpo.customers() == []
        assert counter.consume() == 0
        assert len(shopify.customers()) == 5
        assert counter.consume("yotpo") == 0
        for customer in shopify.customers():
            known = yotpo.customer(customer["email"])
            assert known["third_party_id"] == str(customer["id"])
            assert known["pos_account_id"] == customer["metafields"]["ap21.person_id"]
        assert len(yotpo.customers()) == 5
        before = len(shopify.requests())
        assert counter.consume() == 0
        assert len(shopify.requests()) == before
        assert counter.totals()["skipped:origin"] == len(counter.events()) == 5


def test_a_changed_address_moves_one_customer_everywhere(
    kafka: Broker, prefix: str, tmp_path: Path, shopify: ShopifyServer
) -> None:
    with YotpoServer(limits=False) as yotpo:
        account = f'[connection.au.yotpo]\nurl = "{yotpo.api}"\nguid = "g"\napi_key = "k"\nrate = 1000'
        counter = Counter(kafka, prefix, tmp_path, f'url = "{shopify.url}"\n{FIXED}', account)
        counter.write(polled("73152"))
        for sink in ("shopify", "yotpo"):
            assert counter.consume(sink) == 0
        number = shopify.customer(PRIYA)["id"]
        counter.write(polled("73152", NEW, key_email=PRIYA, previous_email=PRIYA, last_updated=LATER))
        for sink in ("shopify", "yotpo", "shopify", "yotpo"):
            assert counter.consume(sink) == 0
        assert [(one["id"], one["email"]) for one in shopify.customers()] == [(number, NEW)]
        assert yotpo.customer(NEW)["third_party_id"] == str(number)


def test_the_bucket_is_never_overdrawn(kafka: Broker, prefix: str, tmp_path: Path, shopify: ShopifyServer) -> None:
    """100 points a second, 2000 at most; a sign-up takes 22."""
    counter = Counter(kafka, prefix, tmp_path, f'url = "{shopify.url}"\n{FIXED}')
    counter.write(*crowd(120))
    assert counter.consume() == 0
    assert (len(shopify.customers()), shopify.counts()["throttled"]) == (120, 0)


def test_f43_what_others_left_of_the_bucket_is_waited_for(
    kafka: Broker, prefix: str, tmp_path: Path, shopify: ShopifyServer
) -> None:
    """An answer that means "throttled" rests the quota, and nothing is lost."""
    shopify.settings(restore_rate=20.0)
    counter = Counter(kafka, prefix, tmp_path, f'url = "{shopify.url}"\n{FIXED}')
    counter.write(*crowd(3))
    drain = requests.add_tags("gid://shopify/Customer/1", ["x"])
    for _ in range(60):
        token = {"X-Shopify-Access-Token": "shpat_sandbox"}
        httpx.post(f"{shopify.url}{drain.path}", json=drain.body, headers=token, trust_env=False)
    drained = shopify.counts()["throttled"]
    assert drained > 0
    assert counter.consume() == 0
    assert len(shopify.customers()) == 3
    assert counter.totals()["delivered"] == 3


def test_f45_a_creation_that_was_done_without_an_answer_is_found_again(
    kafka: Broker, prefix: str, tmp_path: Path, shopify: ShopifyServer
) -> None:
    counter = Counter(kafka, prefix, tmp_path, f'url = "{shopify.url}"\n{FIXED}')
    shopify.fault(kind="reset", endpoint="POST customerCreate", done=True, times=1)
    counter.write(polled("73152"))
    assert counter.consume() == 0
    assert counter.consume(later=timedelta(minutes=6)) == 0
    assert len(shopify.customers()) == 1
    assert [one["shopify_id"] for one in counter.events()] == [str(shopify.customer(PRIYA)["id"])]


def test_f49_a_wrong_secret_stops_the_shop_until_it_is_right(
    kafka: Broker, prefix: str, tmp_path: Path, shopify: ShopifyServer
) -> None:
    """With tokens that are fetched."""
    secret = tmp_path / "secret"
    secret.write_text("wrong")
    shop = f'url = "{shopify.url}"\nclient_id = "tillstream"\nclient_secret_file = "{secret}"'
    counter = Counter(kafka, prefix, tmp_path, shop)
    counter.write(*crowd(5))
    assert counter.consume() == 1
    assert shopify.customers() == []
    assert "dead" not in counter.totals()
    secret.write_text("shhh")
    assert counter.consume() == 0
    assert (len(shopify.customers()), shopify.counts()["tokens"]) == (5, 1)
