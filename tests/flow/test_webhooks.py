"""Webhooks on the whole way: the platforms' own calls, the server in a process of its own, a real Kafka."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from operations.webhooks import FRESH_SECONDS
from producers.webhooks.writer import GRACE, PATIENCE
from sandbox.clearer.server import ClearerServer
from sandbox.kafka.broker import Broker
from sandbox.shopify.server import ShopifyServer
from sandbox.yotpo.server import YotpoServer
from tests import accounts
from tests.flow.gate import HEARD, TOKEN, Gate
from tests.waiting import until

MIA = "mia.tan@customer.example"
GOLD = 12
SHOPIFY_TOPICS = {
    "customers/create",
    "customers/update",
    "customers/merge",
    "customers_email_marketing_consent/update",
    "customers_marketing_consent/update",
}
TAKEN = 'tillstream_webhooks_total{{outcome="{}",platform="{}"}}'

Open = Callable[..., Gate]


@pytest.fixture
def yotpo(yotpo: YotpoServer) -> YotpoServer:
    """A fresh Yotpo account, whose customer Mia is there."""
    yotpo.seed(MIA, details={"id": "771", "first_name": "Mia"}, balance=500, tier=11)
    return yotpo


@pytest.fixture
def clearer(clearer: ClearerServer) -> ClearerServer:
    """A fresh Clearer.io account, whose member Mia is there."""
    clearer.seed("771", details={"email": MIA, "firstName": "Mia"}, balance=10, tier="tier_1")
    return clearer


@pytest.fixture
def gate(kafka: Broker, prefix: str, tmp_path: Path) -> Open:
    """A gate with these accounts."""
    return lambda tables: Gate(kafka.bootstrap, prefix, tmp_path, tables)


def order(server: YotpoServer, number: str, cents: int) -> None:
    """Mia buys."""
    body = {"order_id": number, "customer_email": MIA, "total_amount_cents": cents, "currency_code": "AUD"}
    post(server, "orders", {**body, "ignore_ip_ua": True})


def post(server: YotpoServer, what: str, body: dict[str, Any]) -> Any:
    keys = {"X-GUID": "g", "X-API-KEY": "k"}
    return (
        httpx.post(f"{server.api}/{what}", json=body, headers=keys, trust_env=False, timeout=60)
        .raise_for_status()
        .json()
    )


def test_a_tier_earned_at_yotpo_is_an_event_with_the_end_that_yotpo_tells_when_asked(
    gate: Open, yotpo: YotpoServer
) -> None:
    shop = gate(accounts.yotpo(yotpo, HEARD))
    yotpo.hooks(url=shop.url("yotpo"))
    with shop.server().ready() as server:
        order(yotpo, "T1", 60_000)
        taken = server.metric(TAKEN.format("taken", "yotpo"))
        until(lambda: taken() == 1, what=lambda: server.told)
        assert server.stop() == 0
    (event,) = shop.records("tiers")
    told = yotpo.customer(MIA)["vip_tier_expiration"]
    assert (event["kind"], event["tier_name"], event["old_tier_name"]) == ("earned", "Gold", "Silver")
    assert event["tier_expiry"] == date.fromisoformat(told[:10])
    assert (event["origin"], event["connection"], event["email"], event["file"]) == ("yotpo", "au", MIA, "")
    assert TOKEN not in server.told
    assert MIA not in server.told


def test_a_tier_changed_and_points_redeemed_at_clearer_are_events(gate: Open, clearer: ClearerServer) -> None:
    shop = gate(accounts.clearer(clearer, f'{HEARD}tier_expiry = "next_calendar_year_end"'))
    clearer.hooks(url=shop.url("clearer"))
    with shop.server().ready() as server:
        award(clearer, 600)
        clearer.redeem("771", 200, title="$20 off")
        taken = server.metric(TAKEN.format("taken", "clearer"))
        until(lambda: taken() == 2, what=lambda: server.told)
        assert server.stop() == 0
    (tier,), (points,) = shop.records("tiers"), shop.records("rewards")
    assert (tier["kind"], tier["tier_name"], tier["tier_expiry"].month) == ("earned", "Gold", 12)
    assert (points["kind"], points["option_name"], points["points"]) == ("redemption", "$20 off", 200)
    assert MIA not in server.told


def award(server: ClearerServer, points: int) -> None:
    """Mia is given points."""
    body = {"points": points, "summary": "thanks"}
    address = f"{server.url}/v1/customers/771/points"
    httpx.post(address, json=body, headers={"x-api-key": "k"}, trust_env=False, timeout=60).raise_for_status()


def test_check_subscribes_at_shopify_whose_signed_calls_are_events_from_then_on(
    gate: Open, shopify: ShopifyServer
) -> None:
    shop = gate(accounts.shopify(shopify, f'{HEARD}client_secret = "shhh"'))
    told = shop.command("check", "--create")
    assert told.exit_code == 0, told.output
    assert f"ok  au, shopify: webhooks: to be sent to {shop.url('shopify')}" in told.output
    assert "ok  au, shopify: webhook customers/create: made" in told.output
    assert {one["topic"] for one in shopify.subscriptions()} == SHOPIFY_TOPICS
    assert {one["uri"] for one in shopify.subscriptions()} == {shop.url("shopify")}
    assert "webhook customers/create: is there" in shop.command("check", "--create").output
    with shop.server().ready() as server:
        shopify.register(email=MIA, firstName="Mia", lastName="Tan")
        until(lambda: len(shop.records("customers")) >= 1, what=lambda: server.told)
        shopify.settings(signing_secret="another")
        shopify.change(MIA, firstName="Maria")
        refused = server.metric(TAKEN.format("signature", "shopify"))
        until(lambda: refused() >= 1, what=lambda: server.told)
        assert server.stop() == 0
    first = shop.records("customers")[0]
    assert (first["origin"], first["email"], first["firstname"]) == ("shopify", MIA, "Mia")
    assert MIA not in server.told


# -- what is not what it should be ------------------------------------------------------------------------------------

SECRET = "sh4red-with-yotpo"
EARNED: dict[str, Any] = {
    "topic": "swell/tier/earned",
    "email": MIA,
    "customer": {"email": MIA, "third_party_id": "771", "vip_tier_ends_at": "2026-12-31"},
    "new_tier": {"id": 11, "name": "Silver", "rank": 1},
}


def call(shop: Gate, body: Any, platform: str = "yotpo", token: str = TOKEN, **headers: str) -> int:
    """A call that anybody might make; the status of its answer."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    answer = httpx.post(shop.url(platform, token), content=raw, headers=headers, trust_env=False, timeout=60)
    assert answer.content == b""
    return answer.status_code


def test_who_does_not_know_the_path_or_the_secret_is_turned_away_and_counted(gate: Open, yotpo: YotpoServer) -> None:
    shop = gate(accounts.yotpo(yotpo, f'{HEARD}webhook_secret = "{SECRET}"'))
    with shop.server().ready() as server:
        assert (
            call(shop, EARNED, token="guessed") == call(shop, EARNED, "klaviyo") == call(shop, EARNED, "apple") == 404
        )
        assert call(shop, EARNED) == call(shop, EARNED, Authorization="Bearer sh4red") == 401
        assert call(shop, EARNED, **{"X-Api-Secret": SECRET}) == 200
        counts = {name: server.metric(TAKEN.format(name, "yotpo"))() for name in ("unknown", "signature", "taken")}
        assert counts == {"unknown": 1, "signature": 2, "taken": 1}
        assert server.metric(TAKEN.format("unknown", "unknown"))() == 2
        assert server.stop() == 0
    assert len(shop.records("tiers")) == 1
    for hidden in (TOKEN, "guessed", SECRET, MIA):
        assert hidden not in server.told


def test_a_malformed_body_is_kept_whole_answered_200_counted_and_shown_to_who_asks(
    gate: Open, yotpo: YotpoServer
) -> None:
    shop, broken = gate(accounts.yotpo(yotpo, HEARD)), b'{"topic": "swell/tier/earned", "email": "' + MIA.encode()
    with shop.server().ready() as server:
        assert call(shop, broken, eventid="b54557e4-bdd9") == 200
        assert server.metric(TAKEN.format("malformed", "yotpo"))() == 1
        assert server.stop() == 0
    ((body, told),) = shop.letters()
    assert body == broken
    assert (told["reason"], told["message"], told["request-id"]) == (
        "malformed",
        "the body is not JSON",
        "b54557e4-bdd9",
    )
    assert MIA not in str(told)
    assert shop.records("tiers") == []
    assert "malformed" in shop.command("dlq", "list", "--group", "webhooks").output
    assert "the body is not JSON" in shop.command("dlq", "show", "--group", "webhooks").output
    assert broken.hex()[:128] in shop.command("dlq", "show", "--group", "webhooks", "--values", "--json").output
    redriven = shop.command("dlq", "redrive", "--group", "webhooks")
    assert (redriven.exit_code, "nothing to redrive webhooks to" in redriven.output) == (2, True)


def test_an_end_that_cannot_be_asked_for_is_taken_from_what_was_delivered(gate: Open, yotpo: YotpoServer) -> None:
    shop = gate(accounts.yotpo(yotpo, HEARD))
    yotpo.fault(status=500, endpoint="GET /customers", times=9)
    with shop.server().ready() as server:
        assert call(shop, EARNED) == 200
        yotpo.no_faults()
        yotpo.settings(latency=30)
        begun = time.monotonic()
        assert call(shop, EARNED) == 200
        assert time.monotonic() - begun < 20, "nobody waits for half a minute"
        assert server.stop() == 0
    assert [event["tier_expiry"] for event in shop.records("tiers")] == [date(2026, 12, 31)] * 2


def test_what_came_too_late_is_the_state_of_today_and_no_news(gate: Open, yotpo: YotpoServer) -> None:
    shop = gate(accounts.yotpo(yotpo, HEARD))
    yotpo.seed(MIA, tier=GOLD)
    with shop.server().ready() as server:
        assert call(shop, EARNED) == 200
        assert server.stop() == 0
    (event,) = shop.records("tiers")
    assert (event["kind"], event["tier_name"], event["old_tier_name"]) == ("snapshot", "Gold", "")
    assert event["tier_expiry"].year > 2026


def test_the_longest_answer_comes_before_platforms_give_up() -> None:
    """They wait for about five seconds; asking the platform and writing come one after the other."""
    assert FRESH_SECONDS + PATIENCE + GRACE < 5


# -- when something is away -------------------------------------------------------------------------------------------


def test_while_kafka_is_away_it_is_503_and_what_the_platform_sends_again_is_taken(
    own_kafka: Broker, prefix: str, tmp_path: Path, yotpo: YotpoServer
) -> None:
    shop = Gate(own_kafka.bootstrap, prefix, tmp_path, accounts.yotpo(yotpo, HEARD))
    with shop.server().ready() as server:
        own_kafka.freeze()
        begun = time.monotonic()
        assert call(shop, EARNED) == 503
        assert time.monotonic() - begun < 20, "nobody waits until Kafka is back"
        assert server.page("livez").is_success
        until(lambda: server.page("readyz").status_code == 503, what="it says that Kafka is away")
        yotpo.hooks(url=shop.url("yotpo"), pause=1.0, topics=["swell/tier/earned"])
        order(yotpo, "T1", 60_000)
        until(lambda: any(one["status"] == 503 for one in yotpo.post()["sent"]), what="a delivery that was not taken")
        own_kafka.thaw()
        until(lambda: any(one["status"] == 200 for one in yotpo.post()["sent"]), what="the same, sent again")
        until(lambda: server.page("readyz").is_success, what="it says that Kafka is back")
        assert server.stop() == 0
    assert "Gold" in {event["tier_name"] for event in shop.records("tiers")}


def test_it_may_start_before_kafka_and_says_503_meanwhile(tmp_path: Path, yotpo: YotpoServer) -> None:
    shop = Gate("127.0.0.1:1", "", tmp_path, accounts.yotpo(yotpo, HEARD))
    with shop.server() as server:
        until(lambda: server.pages and "webhooks on" in server.told, what=lambda: server.told)
        assert call(shop, EARNED) == 503
        assert server.page("livez").is_success
        assert server.page("readyz").status_code == 503
        assert server.stop() == 0


def test_a_call_that_is_in_flight_when_the_server_is_told_to_stop_is_answered(gate: Open, yotpo: YotpoServer) -> None:
    shop = gate(accounts.yotpo(yotpo, HEARD))
    yotpo.settings(latency=1.0)
    with shop.server().ready() as server, ThreadPoolExecutor(3) as callers:
        calls = [callers.submit(call, shop, EARNED) for _ in range(3)]
        until(lambda: len(yotpo.requests("GET /customers")) == 3, what="three calls under way")
        assert server.stop() == 0
        assert [one.result() for one in calls] == [200] * 3
    assert len(shop.records("tiers")) == 3


def test_one_process_hosts_the_server_among_all_roles(gate: Open, yotpo: YotpoServer) -> None:
    shop = gate(accounts.yotpo(yotpo, HEARD))
    with shop.start("run").ready() as server:
        assert call(shop, EARNED) == 200
        assert server.stop() == 0
    assert len(shop.records("tiers")) == 1


def test_a_server_that_would_hear_nothing_is_not_started(gate: Open, yotpo: YotpoServer) -> None:
    shop = gate(accounts.yotpo(yotpo))
    told = shop.command("produce", "webhooks")
    assert (told.exit_code, "no connection has a webhook_token" in told.output) == (2, True)


def test_a_port_that_is_taken_is_said_and_ends_the_second_server(gate: Open, yotpo: YotpoServer) -> None:
    shop = gate(accounts.yotpo(yotpo, HEARD))
    with shop.server().ready(), shop.server() as second:
        assert second.end() == 1
        until(lambda: f"cannot listen on 127.0.0.1:{shop.port}" in second.told, what=lambda: second.told)
