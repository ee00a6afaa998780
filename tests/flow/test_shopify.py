"""Sign-ups on real Kafka reach a simulated shop through the real engine, and what the shop calls them reaches Yotpo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from consumers.shopify import requests
from sandbox.kafka.broker import Broker
from sandbox.shopify.server import ShopifyServer
from sandbox.yotpo.server import YotpoServer
from tests import accounts
from tests.consumers.desk import Thing
from tests.consumers.shopify.shop import polled
from tests.ground import Ground
from tests.waiting import Leap

PRIYA, NEW = "priya.oconnor@customer.example", "priya.shah@customer.example"
PEOPLE = ("73152", "73160", "73171", "73180", "91004", "80117", "60001")
LATER = datetime(2025, 5, 1, tzinfo=UTC)


Open = Callable[..., Ground]


@pytest.fixture
def ground(kafka: Broker, prefix: str, tmp_path: Path, shopify: ShopifyServer) -> Open:
    """A ground whose connection has the shop (`settings`: further lines of its table), perhaps other accounts."""

    def made(settings: str = "", others: str = "") -> Ground:
        tables = accounts.shopify(shopify, settings) + others
        ground = Ground(kafka.bootstrap, prefix, tmp_path, tables, sink="shopify")
        ground.create()
        return ground

    return made


def signed_up(ground: Ground) -> list[dict[str, Any]]:
    """What was said on `customers`, besides the tills."""
    return [record for record in ground.records("customers") if record["origin"] == "shopify"]


def crowd(count: int) -> list[Thing]:
    """Sign-ups of so many people, each with a number."""
    made = [
        polled("73152", f"p{n}@customer.example", person_id=f"9{n:05d}", mobile=f"+6149157{n:04d}")
        for n in range(count)
    ]
    return [replace(one, object=one.record["person_id"]) for one in made]


def test_a_sign_up_is_in_the_shop_once_and_yotpo_knows_it_by_the_shops_id(ground: Open, shopify: ShopifyServer) -> None:
    with YotpoServer(limits=False) as yotpo:
        counter = ground(others=accounts.yotpo(yotpo))
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
        assert counter.totals()["customers/skipped:origin"] == len(signed_up(counter)) == 5


def test_a_changed_address_moves_one_customer_everywhere(ground: Open, shopify: ShopifyServer) -> None:
    with YotpoServer(limits=False) as yotpo:
        counter = ground(others=accounts.yotpo(yotpo))
        counter.write(polled("73152"))
        for sink in ("shopify", "yotpo"):
            assert counter.consume(sink) == 0
        number = shopify.customer(PRIYA)["id"]
        counter.write(polled("73152", NEW, key_email=PRIYA, previous_email=PRIYA, last_updated=LATER))
        for sink in ("shopify", "yotpo", "shopify", "yotpo"):
            assert counter.consume(sink) == 0
        assert [(one["id"], one["email"]) for one in shopify.customers()] == [(number, NEW)]
        assert yotpo.customer(NEW)["third_party_id"] == str(number)


def test_the_bucket_is_never_overdrawn(ground: Open, shopify: ShopifyServer) -> None:
    """100 points a second, 2000 at most; a sign-up takes 22."""
    counter = ground()
    counter.write(*crowd(120))
    assert counter.consume() == 0
    assert (len(shopify.customers()), shopify.counts()["throttled"]) == (120, 0)


def test_f43_what_others_left_of_the_bucket_is_waited_for(ground: Open, shopify: ShopifyServer) -> None:
    """An answer that means "throttled" rests the quota, and nothing is lost."""
    shopify.settings(restore_rate=0.1)
    counter = ground()
    counter.write(*crowd(3))
    drain = requests.add_tags("gid://shopify/Customer/1", ["x"])
    while not shopify.counts()["throttled"]:
        token = {"X-Shopify-Access-Token": "shpat_sandbox"}
        httpx.post(f"{shopify.url}{drain.path}", json=drain.body, headers=token, trust_env=False, timeout=60)
    shopify.settings(restore_rate=20.0)
    assert counter.consume() == 0
    assert len(shopify.customers()) == 3
    assert counter.totals()["customers/delivered"] == 3


def test_f45_a_creation_that_was_done_without_an_answer_is_found_again(ground: Open, shopify: ShopifyServer) -> None:
    counter = ground()
    shopify.fault(kind="reset", endpoint="POST customerCreate", done=True, times=1)
    counter.write(polled("73152"))
    assert counter.consume() == 0
    assert counter.consume(clock=Leap(timedelta(minutes=6))) == 0
    assert len(shopify.customers()) == 1
    assert [one["shopify_id"] for one in signed_up(counter)] == [str(shopify.customer(PRIYA)["id"])]


def test_f49_a_wrong_secret_stops_the_shop_until_it_is_right(
    ground: Open, tmp_path: Path, shopify: ShopifyServer
) -> None:
    """With tokens that are fetched."""
    secret = tmp_path / "secret"
    secret.write_text("wrong")
    counter = ground(f'client_id = "tillstream"\nclient_secret_file = "{secret}"')
    counter.write(*crowd(5))
    assert counter.consume() == 1
    assert shopify.customers() == []
    assert "customers/dead" not in counter.totals()
    secret.write_text("shhh")
    assert counter.consume() == 0
    assert (len(shopify.customers()), shopify.counts()["tokens"]) == (5, 1)
