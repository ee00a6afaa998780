"""Webhooks where something is too large or away: a delivery that can never be written stops no server."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import httpx
import orjson
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # public, all the same
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from sandbox.kafka.broker import Broker
from sandbox.yotpo.server import YotpoServer
from schemas.codec import codec
from tests import accounts
from tests.flow.gate import HEARD, Gate
from tests.schemas.registry_server import RegistryServer
from tillstream.kafka.client import admin

NAME = "".join(random.Random(7).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=6_000))
"""Nothing makes it smaller."""


def earned(tier: str) -> dict[str, Any]:
    customer = {"email": "mia@customer.example", "third_party_id": "771"}
    return {"topic": "swell/tier/earned", "customer": customer, "new_tier": {"id": 11, "name": tier, "rank": 1}}


def call(shop: Gate, body: dict[str, Any]) -> int:
    return httpx.post(shop.url("yotpo"), content=orjson.dumps(body), trust_env=False, timeout=60).status_code


def narrow(shop: Gate, topic: str, size: int) -> None:
    """From now on a topic takes no more than this, in bytes."""
    entry = ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)
    asked = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    client = admin(shop.kafka)  # held until it has answered: without it it never does
    next(iter(client.incremental_alter_configs([asked]).values())).result(20)


def gate(kafka: Broker, prefix: str, folder: Path, yotpo: YotpoServer) -> Gate:
    """One whose topic of tiers takes little."""
    shop = Gate(kafka.bootstrap, prefix, folder, accounts.yotpo(yotpo, HEARD))
    shop.create()
    narrow(shop, shop.names.topic("tiers"), 4_000)
    return shop


def test_an_event_that_its_topic_does_not_take_is_a_dead_letter_and_the_next_one_is_taken(
    kafka: Broker, prefix: str, tmp_path: Path, yotpo: YotpoServer
) -> None:
    shop = gate(kafka, prefix, tmp_path, yotpo)
    with shop.server().ready() as server:
        assert (call(shop, earned(NAME)), call(shop, earned("Gold"))) == (200, 200)
        assert server.stop() == 0
    ((body, told),) = shop.letters()
    assert (orjson.loads(body), told["reason"]) == (earned(NAME), "too_large")
    assert [event["tier_name"] for event in shop.records("tiers")] == ["Gold"]


def test_a_delivery_that_no_topic_takes_is_refused_and_the_next_one_is_taken(
    kafka: Broker, prefix: str, tmp_path: Path, yotpo: YotpoServer
) -> None:
    shop = gate(kafka, prefix, tmp_path, yotpo)
    narrow(shop, shop.names.webhooks_dead_letters, 4_000)
    with shop.server().ready() as server:
        assert (call(shop, earned(NAME)), call(shop, earned("Gold"))) == (413, 200)
        assert server.stop() == 0
        assert server.said("a webhook is larger than Kafka takes")
    assert shop.letters() == []


def test_a_server_that_starts_while_the_schema_registry_is_away_takes_what_it_took_before(
    kafka: Broker, prefix: str, tmp_path: Path, yotpo: YotpoServer
) -> None:
    registry = RegistryServer()
    tables = f'{accounts.yotpo(yotpo, HEARD)}\n[registry]\nurl = "{registry.url}"\n'
    try:
        shop = Gate(kafka.bootstrap, prefix, tmp_path, tables)
        shop.codec = codec(registry.url, prefix)
        with shop.server().ready() as server:
            assert call(shop, earned("Silver")) == 200
            assert server.stop() == 0
            registry.failing = 503
            server.begin()
            server.ready()
            assert call(shop, earned("Gold")) == 200
            assert server.stop() == 0
        registry.failing = None
        assert [event["tier_name"] for event in shop.records("tiers")] == ["Silver", "Gold"]
    finally:
        registry.close()
