"""Webhooks on the whole way: the platforms' own calls, the server in a process of its own, a real Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.clearer.server import ClearerServer
from sandbox.kafka.broker import Broker
from sandbox.yotpo.server import YotpoServer
from tests.flow.gate import TOKEN, Gate
from tests.flow.road import until

MIA = "mia.tan@customer.example"
GOLD = 12
TAKEN = 'tillstream_webhooks_total{{outcome="{}",platform="{}"}}'

Open = Callable[..., Gate]


@pytest.fixture
def yotpo() -> Iterator[YotpoServer]:
    """A fresh Yotpo account, whose customer Mia is there."""
    with YotpoServer() as server:
        server.seed(MIA, details={"id": "771", "first_name": "Mia"}, balance=500, tier=11)
        yield server


@pytest.fixture
def clearer() -> Iterator[ClearerServer]:
    """A fresh Clearer.io account, whose member Mia is there."""
    with ClearerServer() as server:
        server.seed("771", details={"email": MIA, "firstName": "Mia"}, balance=10, tier="tier_1")
        yield server


@pytest.fixture
def gate(kafka: Broker, prefix: str, tmp_path: Path) -> Open:
    """A gate with these accounts."""
    return lambda **accounts: Gate(kafka.bootstrap, prefix, tmp_path, accounts)


def yotpo_table(server: YotpoServer, more: str = "") -> str:
    return f'url = "{server.api}"\nguid = "g"\napi_key = "k"\nwebhook_token = "{TOKEN}"\n{more}\n'


def clearer_table(server: ClearerServer, more: str = "") -> str:
    return f'url = "{server.url}"\napi_key = "k"\nwebhook_token = "{TOKEN}"\n{more}\n'


def order(server: YotpoServer, number: str, cents: int) -> None:
    """Mia buys."""
    body = {"order_id": number, "customer_email": MIA, "total_amount_cents": cents, "currency_code": "AUD"}
    post(server, "orders", {**body, "ignore_ip_ua": True})


def post(server: YotpoServer, what: str, body: dict[str, Any]) -> Any:
    keys = {"X-GUID": "g", "X-API-KEY": "k"}
    return httpx.post(f"{server.api}/{what}", json=body, headers=keys, trust_env=False).raise_for_status().json()


def test_a_tier_earned_at_yotpo_is_an_event_with_the_end_that_yotpo_tells_when_asked(
    gate: Open, yotpo: YotpoServer
) -> None:
    shop = gate(yotpo=yotpo_table(yotpo))
    yotpo.hooks(url=shop.url("yotpo"))
    with shop.server().ready() as server:
        order(yotpo, "T1", 60_000)
        taken = server.metric(TAKEN.format("taken", "yotpo"))
        until(lambda: taken() == 1, 30, server.told)
        assert server.stop() == 0
    (event,) = shop.events("tiers")
    told = yotpo.customer(MIA)["vip_tier_expiration"]
    assert (event["kind"], event["tier_name"], event["old_tier_name"]) == ("earned", "Gold", "Silver")
    assert event["tier_expiry"] == date.fromisoformat(told[:10])
    assert (event["origin"], event["connection"], event["email"], event["file"]) == ("yotpo", "au", MIA, "")
    assert TOKEN not in server.told
    assert MIA not in server.told


def test_a_tier_changed_and_points_redeemed_at_clearer_are_events(gate: Open, clearer: ClearerServer) -> None:
    shop = gate(clearer=clearer_table(clearer, 'tier_expiry = "next_calendar_year_end"'))
    clearer.hooks(url=shop.url("clearer"))
    with shop.server().ready() as server:
        award(clearer, 600)
        clearer.redeem("771", 200, title="$20 off")
        taken = server.metric(TAKEN.format("taken", "clearer"))
        until(lambda: taken() == 2, 30, server.told)
        assert server.stop() == 0
    (tier,), (points,) = shop.events("tiers"), shop.events("rewards")
    assert (tier["kind"], tier["tier_name"], tier["tier_expiry"].month) == ("earned", "Gold", 12)
    assert (points["kind"], points["option_name"], points["points"]) == ("redemption", "$20 off", 200)
    assert MIA not in server.told


def award(server: ClearerServer, points: int) -> None:
    """Mia is given points."""
    body = {"points": points, "summary": "thanks"}
    address = f"{server.url}/v1/customers/771/points"
    httpx.post(address, json=body, headers={"x-api-key": "k"}, trust_env=False).raise_for_status()
