"""What webhooks lost is found at night: Yotpo's and Clearer's customers are compared with what was seen before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.apparel21.server import Apparel21Server
from sandbox.clearer.server import ClearerServer
from sandbox.kafka.broker import Broker
from sandbox.yotpo.server import YotpoServer
from tests import accounts
from tests.flow.gate import HEARD, Gate
from tests.waiting import until

PEOPLE = 24
KEYS = {"X-GUID": "g", "X-API-KEY": "k"}


@pytest.fixture
def apparel21(apparel21: Apparel21Server) -> Apparel21Server:
    """A Retail API with a person for each customer."""
    for number in range(1, PEOPLE + 1):
        apparel21.seed(who(number), id=number)
    return apparel21


@pytest.fixture
def yotpo() -> Iterator[YotpoServer]:
    """A Yotpo account with the same people, none of whom has a tier."""
    with YotpoServer(limits=False) as server:
        for number in range(1, PEOPLE + 1):
            server.seed(who(number), details={"id": str(number), "pos_account_id": str(number)})
        yield server


def who(number: int) -> str:
    return f"kim{number}@customer.example"


def with_both(kafka: Broker, prefix: str, folder: Path, apparel21: Apparel21Server, loyalty: str) -> Gate:
    """A connection with accounts at Apparel21 and a loyalty platform, and its topics."""
    gate = Gate(kafka.bootstrap, prefix, folder, accounts.apparel21(apparel21) + loyalty)
    gate.create()
    return gate


def buy(server: YotpoServer, number: int, cents: int, times: int) -> None:
    """So many purchases."""
    for time in range(times):
        body = {"order_id": f"D{number}-{time}", "customer_email": who(number), "total_amount_cents": cents}
        told = {**body, "currency_code": "AUD", "ignore_ip_ua": True}
        httpx.post(f"{server.api}/orders", json=told, headers=KEYS, trust_env=False, timeout=60).raise_for_status()


def at_yotpo(server: YotpoServer) -> dict[int, tuple[str, str]]:
    """Everybody's tier and its end, as Yotpo has them."""
    found = ((number, server.customer(who(number))) for number in range(1, PEOPLE + 1))
    return {n: (one["vip_tier_name"] or "", (one["vip_tier_expiration"] or "")[:10]) for n, one in found}


def at_apparel21(server: Apparel21Server) -> dict[int, tuple[str, str]]:
    """Everybody's tier and its end, as their person has them."""
    return {n: _card(server.person(n)["cards"].get("Loyalty", {})) for n in range(1, PEOPLE + 1)}


def _card(card: dict[str, Any]) -> tuple[str, str]:
    tier = card.get("Tier", [])
    return (tier[0] if tier else "", card.get("Tier expiry", ""))


def test_with_half_of_all_webhooks_lost_tier_and_expiry_are_right_after_the_night(
    kafka: Broker, prefix: str, tmp_path: Path, apparel21: Apparel21Server, yotpo: YotpoServer
) -> None:
    gate = with_both(kafka, prefix, tmp_path, apparel21, accounts.yotpo(yotpo, HEARD))
    assert gate.command("produce", "webhooks", "--once", "--port", "0").exit_code == 0  # the night before
    assert gate.records("tiers") == []
    yotpo.hooks(url=gate.url("yotpo"), drop=0.5, topics=["swell/tier/earned", "swell/tier/lost"])
    with gate.server() as server, gate.worker() as worker:
        server.ready()
        worker.ready()
        for number in range(1, PEOPLE + 1):
            buy(yotpo, number, 21_000, times=number % 4)
        until(lambda: not yotpo.post()["waiting"], what="all webhooks are sent or lost")
        assert server.process.poll() is None
    gate.consume()
    assert yotpo.post()["dropped"]
    wrong = {n for n, tier in at_apparel21(apparel21).items() if tier != at_yotpo(yotpo)[n]}
    assert wrong, "nothing was lost"
    assert gate.command("produce", "webhooks", "--once", "--port", "0").exit_code == 0
    gate.consume()
    assert at_apparel21(apparel21) == at_yotpo(yotpo)
    assert {tier for tier, _ in at_apparel21(apparel21).values()} == {"", "Silver", "Gold"}
    gate.consume("yotpo")
    assert gate.command("audit").exit_code == 0, gate.command("audit").output


def test_comparisons_that_a_fault_has_ended_begin_anew_beside_the_server(
    kafka: Broker, prefix: str, tmp_path: Path, apparel21: Apparel21Server, yotpo: YotpoServer
) -> None:
    gate = with_both(kafka, prefix, tmp_path, apparel21, accounts.yotpo(yotpo, HEARD))
    in_the_way = tmp_path / "state"
    in_the_way.write_text("no folder")
    with gate.server() as server:
        until(lambda: server.pages and "failed with FileExistsError" in server.page("readyz").text, what=server.told)
        in_the_way.unlink()
        server.ready()
        assert server.stop() == 0


def test_an_expiry_that_moved_without_an_event_is_found(
    kafka: Broker, prefix: str, tmp_path: Path, apparel21: Apparel21Server, yotpo: YotpoServer
) -> None:
    gate = with_both(kafka, prefix, tmp_path, apparel21, accounts.yotpo(yotpo, HEARD))
    buy(yotpo, 7, 21_000, times=1)
    gate.command("produce", "webhooks", "--once", "--port", "0")
    gate.consume()
    before = at_apparel21(apparel21)[7]
    yotpo.settings(term="rolling_year")
    yotpo.seed(who(7), tier=11)  # the merchant applies another term of tiers: every expiry moves
    gate.command("produce", "webhooks", "--once", "--port", "0")
    gate.consume()
    assert at_apparel21(apparel21)[7] == at_yotpo(yotpo)[7] != before
    assert [(one["kind"], one["tier_name"]) for one in gate.records("tiers")] == [("snapshot", "Silver")] * 2
    gate.command("produce", "webhooks", "--once", "--port", "0")
    assert len(gate.records("tiers")) == 2


def test_a_tier_that_clearers_webhook_lost_is_found(
    kafka: Broker, prefix: str, tmp_path: Path, apparel21: Apparel21Server
) -> None:
    with ClearerServer() as clearer:
        for number in range(1, PEOPLE + 1):
            clearer.seed(str(number), details={"email": who(number)}, balance=10)
        table = accounts.clearer(clearer, 'tier_expiry = "next_calendar_year_end"')
        gate = with_both(kafka, prefix, tmp_path, apparel21, table)
        assert gate.command("produce", "webhooks", "--once", "--port", "0").exit_code == 0
        before = {one["email"]: one["tier_name"] for one in gate.records("tiers")}
        clearer.seed("7", tier="tier_2")
        assert gate.command("produce", "webhooks", "--once", "--port", "0").exit_code == 0
        now = [one for one in gate.records("tiers") if before.get(one["email"]) != one["tier_name"]]
        title = clearer.customer("7")["currentLoyaltyTier"]["title"]
        assert [(one["email"], one["kind"], one["tier_name"]) for one in now] == [(who(7), "earned", title)]
        gate.consume()
        tier, expiry = at_apparel21(apparel21)[7]
        assert (tier, expiry[4:]) == (title, "-12-31")
