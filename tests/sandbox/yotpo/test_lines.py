"""What a simulated Yotpo Loyalty account must do, line by line, one test or more each."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime

import httpx
import pytest

from sandbox.yotpo.door import HEADERS
from sandbox.yotpo.server import YotpoServer
from tests.sandbox.listener import Listener
from tests.sandbox.yotpo.conftest import KEYS, Api
from tests.waiting import until

KIM = "kim@customer.example"
PATHS = ("/customers", "/customers/recent", "/vip_tiers", "/redemption_options")
NO_BASE = [
    {"id": 11, "name": "Silver", "rank": 1, "entry": 20_000, "retain": 20_000},
    {"id": 12, "name": "Gold", "rank": 2, "entry": 50_000, "retain": 50_000},
]
BASE = [{"id": 10, "name": "Member", "rank": 0, "entry": 0, "retain": 0}, *NO_BASE]


@pytest.mark.parametrize("path", PATHS)
def test_line_01_every_path_wants_the_pair_of_keys(yotpo: YotpoServer, path: str) -> None:
    yotpo.settings(guid="g-1", api_key="k-1")
    for headers in ({}, {"X-GUID": "g-1"}, {**KEYS, "X-API-KEY": "k-2"}, {**KEYS, "X-GUID": "g-2"}):
        answer = httpx.get(f"{yotpo.api}{path}", headers=headers, trust_env=False)
        assert (answer.status_code, answer.json()) == (401, {"error_message": "Invalid guid or api_key"})
    assert httpx.get(f"{yotpo.api}{path}", headers=KEYS, trust_env=False).status_code != 401


def test_line_02_a_bucket_of_ten_a_second_says_how_full_it_is(yotpo: YotpoServer, api: Api) -> None:
    yotpo.settings(limits=True, rate=10.0)
    answers = [api.get("/vip_tiers")]
    while answers[-1].status_code == 200:
        answers.append(api.get("/vip_tiers"))
    refused = answers[-1]
    assert (refused.status_code, len(answers) > 10) == (429, True)
    assert all(name.decode() in answer.headers for answer in answers for name in HEADERS)
    assert answers[0].headers["ratelimit-limit"] == "10"
    assert refused.headers["ratelimit-remaining"] == "0"
    assert refused.json() == {"error_message": "Too many requests"}
    yotpo.advance(int(refused.headers["ratelimit-reset"]))
    assert api.get("/vip_tiers").status_code == 200


@pytest.mark.parametrize("missing", ["customer_email", "total_amount_cents", "currency_code", "order_id"])
def test_line_03_an_order_without_a_required_field_is_refused(api: Api, missing: str) -> None:
    body = {"customer_email": KIM, "order_id": "D1", "total_amount_cents": 100, "currency_code": "AUD"}
    assert api.post("/orders", **body, ignore_ip_ua=True).status_code == 200
    assert api.post("/orders", **{**body, missing: None}, ignore_ip_ua=True).status_code == 422


@pytest.mark.parametrize(
    "wrong",
    [
        {"total_amount_cents": -100},
        {"currency_code": "aud"},
        {"created_at": "yesterday"},
        {"items": [{"id": "1", "quantity": 1.5}]},
    ],
)
def test_line_03_an_order_that_makes_no_sense_is_refused(api: Api, wrong: dict[str, object]) -> None:
    body: dict[str, object] = {"customer_email": KIM, "order_id": "D1", "total_amount_cents": 100}
    assert api.post("/orders", **{**body, "currency_code": "AUD", "ignore_ip_ua": True, **wrong}).status_code == 422


def test_line_03_an_order_needs_address_and_agent_unless_told_to_ignore_them(api: Api) -> None:
    assert api.order(ignore_ip_ua=False) == 422
    assert api.order(ignore_ip_ua=False, ip_address="0.0.0.0") == 422
    assert api.order(ignore_ip_ua=False, ip_address="0.0.0.0", user_agent="till/1") == 200


def test_line_03_an_order_has_its_effect_after_a_while(yotpo: YotpoServer, api: Api) -> None:
    yotpo.settings(delay=60.0)
    answer = api.post("/orders", customer_email=KIM, order_id="D1", total_amount_cents=25_050, currency_code="AUD",
                      ignore_ip_ua=True)  # fmt: skip
    assert (answer.status_code, answer.json()) == (200, {})
    assert yotpo.customers() == []
    yotpo.advance(61)
    kim = yotpo.customer(KIM)
    assert (kim["points_balance"], kim["total_spend_cents"], kim["vip_tier_name"]) == (250, 25_050, "Silver")
    assert [body["topic"] for body in yotpo.webhooks()] == [
        "swell/points/earned",
        "swell/tier/status/changed",
        "swell/tier/earned",
    ]


def test_line_03_a_tier_multiplies_points_and_tells_the_customer_as_before(yotpo: YotpoServer, api: Api) -> None:
    api.order("D1", 55_000)
    api.order("D2", 999)
    assert yotpo.customer(KIM)["points_balance"] == 550 + 14
    (earned,) = yotpo.webhooks("swell/tier/earned")
    assert earned["new_tier"]["name"] == "Gold"
    assert "old_tier" not in earned
    assert earned["customer"]["vip_tier_name"] is None


def test_line_03_a_repeated_order_is_no_second_award(yotpo: YotpoServer, api: Api) -> None:
    assert [api.order(), api.order()] == [200, 200]
    assert yotpo.customer(KIM)["points_balance"] == 100
    assert yotpo.counts()["repeats"] == 1
    yotpo.settings(repeated_order="refuse")
    assert api.order() == 422


def test_line_04_refunds(yotpo: YotpoServer, api: Api) -> None:
    api.order("D1", 10_000)
    assert api.refund("D9") == 422
    assert api.refund("D1", 2_000, id="r1", currency="NZD") == 422
    assert [api.refund("D1", 2_000, id="r1", currency="AUD") for _ in range(2)] == [200, 200]
    assert yotpo.customer(KIM)["points_balance"] == 80
    assert yotpo.customer(KIM)["total_spend_cents"] == 8_000
    yotpo.settings(unknown_refund="ignore")
    assert api.refund("D9", id="r2") == 200
    assert [refund["id"] for refund in yotpo.refunds()] == ["r1"]


def test_line_05_numbers_may_come_as_text(yotpo: YotpoServer, api: Api) -> None:
    assert api.order("D1", "15000", items=[{"id": "1", "quantity": "2", "price_cents": "7500"}]) == 200
    assert api.refund("D1", "5000") == 200
    assert api.post("/points/adjust", customer_email=KIM, point_adjustment_amount="7").status_code == 200
    assert yotpo.customer(KIM)["points_balance"] == 107
    assert api.order("D2", "many") == 422
    assert api.refund("D1", "10", items=[{"id": "1"}]) == 422
    assert api.post("/points/adjust", customer_email=KIM, point_adjustment_amount=2**31).status_code == 422


def test_line_06_an_unknown_customer_is_404_and_vip_fields_go_with_the_tiers(yotpo: YotpoServer, api: Api) -> None:
    nobody = api.get("/customers", customer_email=KIM)
    assert (nobody.status_code, nobody.json()) == (404, {"error_message": "Could not find customer"})
    assert api.get("/customers").status_code == 400
    api.post("/customers", email=KIM, id="73152", pos_account_id="73152", phone_number="+61491570006")
    for query in ({"customer_email": KIM}, {"customer_id": "73152"}, {"pos_account_id": "73152"},
                  {"phone_number": "+61491570006"}):  # fmt: skip
        found = api.get("/customers", **query).json()
        assert (found["email"], found["third_party_id"], found["vip_tier_name"]) == (KIM, "73152", None)
    yotpo.settings(tiers=None)
    assert not [name for name in api.get("/customers", customer_email=KIM).json() if name.startswith("vip_")]


def test_line_06_a_known_id_with_another_address_changes_it(yotpo: YotpoServer, api: Api) -> None:
    api.post("/customers", email=KIM, id="7")
    assert api.post("/customers", email="kim@other.example", id="7").status_code == 200
    assert [one["email"] for one in yotpo.customers()] == ["kim@other.example"]


def test_line_06_the_lately_changed_come_in_pages(api: Api) -> None:
    for number in range(5):
        api.post("/customers", email=f"p{number}@customer.example")
    first = api.get("/customers/recent", per_page=3).json()
    rest = api.get("/customers/recent", per_page=3, page_info=first["metadata"]["next_page_info"]).json()
    emails = [one["email"] for one in (*first["customers"], *rest["customers"])]
    assert emails == [f"p{number}@customer.example" for number in (4, 3, 2, 1, 0)]
    assert rest["metadata"]["next_page_info"] is None


def test_line_07_a_busy_record_says_423_now_and_then(yotpo: YotpoServer, api: Api) -> None:
    yotpo.seed(KIM, balance=10)
    yotpo.settings(lock_rate=0.5)
    body = {"customer_email": KIM, "point_adjustment_amount": 1, "history_title": "Return D1"}
    statuses = Counter(api.post("/points/adjust", **body).status_code for _ in range(40))
    assert set(statuses) == {200, 423}
    assert yotpo.customer(KIM)["points_balance"] == 10 + statuses[200]
    assert yotpo.customer(KIM)["history_items"][0]["action_name"] == "Return D1"
    yotpo.settings(lock_rate=0.0)
    too_much = api.post("/points/adjust", customer_email=KIM, point_adjustment_amount=-1000)
    assert (too_much.status_code, too_much.json()) == (422, {"error_message": "Customer does not have enough points"})


@pytest.mark.parametrize(("ladder", "left"), [(NO_BASE, None), (BASE, "Member")])
def test_line_08_a_year_end_takes_tiers(
    yotpo: YotpoServer, api: Api, ladder: list[dict[str, object]], left: str | None
) -> None:
    yotpo.settings(tiers=ladder)
    api.order("D1", 60_000)
    year = datetime.now(UTC).year
    assert yotpo.customer(KIM)["vip_tier_expiration"] == f"{year + 1}-12-31T00:00:00.000Z"
    yotpo.year_end()
    assert yotpo.webhooks("swell/tier/lost") == []
    yotpo.year_end()
    (lost,) = yotpo.webhooks("swell/tier/lost")
    assert lost["old_tier"]["name"] == "Gold"
    assert lost.get("new_tier", {}).get("name") == left
    assert yotpo.customer(KIM)["vip_tier_name"] == left


def test_line_09_webhooks_carry_an_id_and_the_shared_secret(yotpo: YotpoServer, api: Api) -> None:
    with Listener() as ears:
        yotpo.hooks(url=ears.url, header="X-Our-Own", secret="s3cret")
        api.order("D1", 30_000)
        until(lambda: len(ears.heard) == 3)
        assert [one.body["topic"] for one in ears.heard] == [
            "swell/points/earned",
            "swell/tier/status/changed",
            "swell/tier/earned",
        ]
        assert {one.headers["x-our-own"] for one in ears.heard} == {"s3cret"}
        assert len({one.headers["eventid"] for one in ears.heard}) == 3


def test_line_09_webhooks_come_twice_shuffled_late_and_some_never(yotpo: YotpoServer, api: Api) -> None:
    with Listener() as ears:
        yotpo.hooks(url=ears.url, copies=2, shuffled=True, delay=3600.0, topics=["swell/points/earned"])
        for number in range(12):
            api.order(f"D{number}", 100)
        assert ears.heard == []
        yotpo.advance(3601)
        until(lambda: len(ears.heard) == 24)
        totals = [one.body["customer"]["points_balance"] for one in ears.heard]
        assert totals != sorted(totals)
        assert set(Counter(one.headers["eventid"] for one in ears.heard).values()) == {2}
        yotpo.hooks(copies=1, delay=0.0, drop=1.0)
        api.order("D99", 100)
        assert yotpo.post()["dropped"] == 1


def test_line_09_a_delivery_that_failed_comes_again(yotpo: YotpoServer, api: Api) -> None:
    with Listener() as ears:
        ears.answers = [503, 503]
        yotpo.hooks(url=ears.url, pause=0.05, topics=["swell/points/earned"])
        api.order()
        until(lambda: len(ears.heard) == 3)
        until(lambda: len(yotpo.post()["sent"]) == 3)
        assert [(sent["attempt"], sent["status"]) for sent in yotpo.post()["sent"]] == [(0, 503), (1, 503), (2, 200)]


def test_line_10_faults_on_order(yotpo: YotpoServer, api: Api) -> None:
    yotpo.fault(status=500, times=1)
    yotpo.fault(status=502, body="Bad gateway", headers={"Content-Type": "text/plain"}, times=1)
    first, second = api.get("/vip_tiers"), api.get("/vip_tiers")
    assert (first.status_code, second.status_code, second.text) == (500, 502, "Bad gateway")
    assert second.headers["content-type"] == "text/plain"
    yotpo.settings(latency=0.2)
    begun = time.monotonic()
    api.get("/vip_tiers")
    assert time.monotonic() - begun >= 0.19


def test_line_10_a_connection_may_drop_after_the_order_was_accepted(yotpo: YotpoServer, api: Api) -> None:
    yotpo.fault(kind="reset", endpoint="POST /orders", done=True, times=1)
    with pytest.raises(httpx.TransportError):
        api.order()
    assert [order["order_id"] for order in yotpo.orders()] == ["D1"]
    assert yotpo.counts()["endpoints"]["POST /orders"] == {"0": 1}


def test_a_redemption_takes_points_and_is_told(yotpo: YotpoServer, api: Api) -> None:
    yotpo.seed(KIM, balance=250, details={"id": "7"})
    assert [option["id"] for option in api.get("/redemption_options").json()] == [501, 502]
    made = api.post("/redemptions", customer_email=KIM, redemption_option_id=501).json()
    assert yotpo.customer(KIM)["points_balance"] == 50
    (told,) = yotpo.webhooks("swell/redemption/created")
    assert told["redemption"]["reward_text"] == made["reward_text"]
    assert (told["redemption_option"]["discount_type"], told["customer"]["third_party_id"]) == ("Custom Reward", "7")
    assert api.post("/redemptions", customer_email=KIM, redemption_option_id=501).status_code == 422
