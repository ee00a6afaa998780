"""The loop closes: what happens at the loyalty platform comes back by webhook and stands at Apparel21, once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import orjson
import pytest

from sandbox.apparel21.server import Apparel21Server
from sandbox.clearer.server import ClearerServer
from sandbox.kafka.broker import Broker
from sandbox.yotpo.server import YotpoServer
from tests import accounts
from tests.flow.gate import HEARD, TOKEN, Gate
from tests.waiting import until

MIA = "mia.tan@customer.example"
KEYS = {"X-GUID": "g", "X-API-KEY": "k", "x-api-key": "k"}
VOUCHER = 'tier = ["custom_data"]\nvoucher = { sku = 6321, type = "LOYALTY_EMAIL", amounts = { "$20 off" = 20 } }'


@pytest.fixture
def apparel21(apparel21: Apparel21Server) -> Apparel21Server:
    """A Retail API that knows Mia, with a PIN that nobody may see."""
    apparel21.settings(pin="pin-47-11")
    apparel21.seed(MIA, id=7)
    return apparel21


@pytest.fixture
def yotpo(yotpo: YotpoServer) -> YotpoServer:
    """A Yotpo account where Mia is silver and has points."""
    yotpo.seed(MIA, details={"id": "771", "pos_account_id": "7"}, balance=900, tier=11)
    return yotpo


@pytest.fixture
def clearer(clearer: ClearerServer) -> ClearerServer:
    """A Clearer.io account where Mia is silver and has points."""
    clearer.seed("7", details={"email": MIA}, balance=300, tier="tier_1")
    return clearer


def shop(kafka: Broker, prefix: str, folder: Path, apparel21: Apparel21Server, loyalty: str) -> Gate:
    """A connection with accounts at Apparel21 and a loyalty platform, and its topics."""
    gate = Gate(kafka.bootstrap, prefix, folder, accounts.apparel21(apparel21, VOUCHER) + loyalty)
    gate.create()
    return gate


def ask(url: str, body: dict[str, object]) -> None:
    """Something happens at a platform."""
    httpx.post(url, json=body, headers=KEYS, trust_env=False, timeout=60).raise_for_status()


def again(gate: Gate, body: object) -> int:
    """Yotpo sends once more what it sent: the status, 0 where there was no answer."""
    try:
        return httpx.post(gate.url("yotpo"), content=orjson.dumps(body), trust_env=False, timeout=60).status_code
    except httpx.HTTPError:
        return 0


def test_a_redemption_delivered_five_times_with_crashes_in_between_makes_one_voucher(
    kafka: Broker, prefix: str, tmp_path: Path, apparel21: Apparel21Server, yotpo: YotpoServer
) -> None:
    """Twice before the worker is killed with the order under way, once into a server that is killed, twice after."""
    gate = shop(kafka, prefix, tmp_path, apparel21, accounts.yotpo(yotpo, HEARD))
    apparel21.fault(kind="hang", done=True, endpoint="POST /Persons/{id}/Orders", times=1)
    yotpo.hooks(url=gate.url("yotpo"), copies=2, topics=["swell/redemption/created"])
    with gate.server().ready() as server, gate.worker().ready() as worker, ThreadPoolExecutor(1) as platform:
        ask(f"{yotpo.api}/redemptions", {"customer_email": MIA, "redemption_option_id": 501})
        until(lambda: len(yotpo.post()["sent"]) == 2, what="two deliveries")
        until(apparel21.orders, what="an order whose answer hangs")
        worker.kill()
        (body,) = yotpo.webhooks("swell/redemption/created")
        server.freeze()
        cut_off = platform.submit(again, gate, body)
        time.sleep(0.3)
        server.kill()
        assert cut_off.result() == 0
        server.begin()
        server.ready()
        assert [again(gate, body), again(gate, body)] == [200, 200]
        assert server.stop() == 0
        assert gate.consume() == 0
    (voucher,) = apparel21.vouchers()
    assert (voucher["amount"], voucher["email"]) == ("20.00", MIA)
    assert gate.totals() == {"rewards/delivered": 1, "rewards/unchanged": 3}
    audit = gate.command("audit")
    assert audit.exit_code == 0, audit.output
    for secret in ("pin-47-11", voucher["number"], TOKEN):
        assert secret not in server.told + worker.told


def test_a_tier_of_yotpo_comes_to_the_person(
    kafka: Broker, prefix: str, tmp_path: Path, apparel21: Apparel21Server, yotpo: YotpoServer
) -> None:
    gate = shop(kafka, prefix, tmp_path, apparel21, accounts.yotpo(yotpo, HEARD))
    yotpo.hooks(url=gate.url("yotpo"), copies=2, shuffled=True)
    with gate.server().ready() as server:
        sale = {"order_id": "T1", "customer_email": MIA, "total_amount_cents": 60_000, "currency_code": "AUD"}
        ask(f"{yotpo.api}/orders", {**sale, "ignore_ip_ua": True})
        until(lambda: len(gate.records("tiers")) == 2, what=lambda: server.told)
        assert server.stop() == 0
    assert gate.consume() == 0
    mia = yotpo.customer(MIA)
    card = {"Tier": ["Gold"], "Tier expiry": mia["vip_tier_expiration"][:10], "Points": str(mia["points_balance"])}
    assert apparel21.person(7)["cards"]["Loyalty"] == card
    totals = gate.totals()
    assert (totals["tiers/delivered"], sum(totals.values())) == (1, 2)


def test_a_tier_and_a_redemption_of_clearer_come_to_the_person(
    kafka: Broker, prefix: str, tmp_path: Path, apparel21: Apparel21Server, clearer: ClearerServer
) -> None:
    table = accounts.clearer(clearer, f'{HEARD}tier_expiry = "next_calendar_year_end"')
    gate = shop(kafka, prefix, tmp_path, apparel21, table)
    clearer.hooks(url=gate.url("clearer"), copies=5, topics=["customers/tier_changed", "points/redeemed"])
    with gate.server().ready() as server:
        ask(f"{clearer.url}/v1/customers/7/points", {"points": 400, "summary": "thanks"})
        clearer.redeem("7", 200, title="$20 off")
        until(lambda: len(gate.records("tiers")) == 5 == len(gate.records("rewards")), what=lambda: server.told)
        assert server.stop() == 0
    assert gate.consume() == 0
    card = apparel21.person(7)["cards"]["Loyalty"]
    assert (card["Tier"], card["Tier expiry"][5:]) == (["Gold"], "12-31")
    assert [(one["amount"], one["email"]) for one in apparel21.vouchers()] == [("20.00", MIA)]
    totals = gate.totals()
    assert (totals["rewards/delivered"], totals["tiers/delivered"], sum(totals.values())) == (1, 1, 10)
    audit = gate.command("audit")
    assert audit.exit_code == 0, audit.output
