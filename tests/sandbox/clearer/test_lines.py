"""What a simulated Clearer.io account must do, line by line, one test or more each."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sandbox.clearer.server import ClearerServer
from tests.sandbox.clearer.conftest import KIM, LEE, Api
from tests.sandbox.listener import Listener
from tests.waiting import until

CALLS = (
    ("GET", "/customers"),
    ("GET", "/customers/7"),
    ("PUT", "/customers/7"),
    ("POST", "/customers/7/points"),
    ("POST", "/orders"),
    ("GET", "/orders/D1"),
    ("PATCH", "/orders/D1"),
)
PAID = {"externalId": "D1", "customerId": "7", "total": "1.00", "financialStatus": "paid"}


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_line_1_every_call_wants_a_valid_key(clearer: ClearerServer, method: str, path: str) -> None:
    clearer.settings(api_key="k-1")
    for headers in ({}, {"x-api-key": ""}, {"x-api-key": "k-2"}):
        answer = httpx.request(method, f"{clearer.url}/v1{path}", headers=headers, trust_env=False)
        assert answer.status_code == 401
    answer = httpx.request(method, f"{clearer.url}/v1{path}", headers={"X-API-Key": "k-1"}, trust_env=False)
    assert answer.status_code != 401


def test_line_1_an_unknown_customer_or_order_is_a_404_that_says_so(api: Api) -> None:
    for answer in (api.ask("GET", "/customers/8"), api.ask("POST", "/customers/8/points", points=5), api.order()):
        assert (answer.status_code, answer.json()) == (404, {"message": "Customer not found"})
    for answer in (api.change(), api.ask("GET", "/orders/D1")):
        assert (answer.status_code, answer.json()) == (404, {"message": "Order not found"})


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/customers/9", {}),
        ("PUT", "/customers/8", {"email": KIM}),
        ("PUT", "/customers/7", {"email": KIM, "birthdayMonth": 13}),
        ("PUT", "/customers/7", {"email": KIM, "birthdayDay": "14"}),
        ("POST", "/orders", {"externalId": "D1", "customerId": "7", "total": "1.00"}),
        ("POST", "/orders", {"externalId": "D1", "customerId": "7", "total": 1.0, "financialStatus": "paid"}),
        ("POST", "/orders", {"customerId": "7", "total": "1.00", "financialStatus": "paid"}),
        ("POST", "/orders", {"externalId": "D1", "customerId": "7", "total": "1.00", "financialStatus": "sold"}),
        ("POST", "/orders", {**PAID, "subtotal": 1.0}),
        ("POST", "/orders", {**PAID, "discountCodes": ["SAVE10"]}),
        ("POST", "/customers/7/points", {"points": 0}),
        ("POST", "/customers/7/points", {"points": "5"}),
    ],
)
def test_line_1_a_bad_body_is_a_400_that_says_why(api: Api, method: str, path: str, body: dict[str, Any]) -> None:
    api.join()
    answer = api.ask(method, path, **body)
    assert answer.status_code == 400
    assert answer.json()["message"]


@pytest.mark.parametrize("text", [b"{", b"[]", b'"text"', b"\xff"])
def test_line_1_what_is_no_json_object_is_a_400(api: Api, text: bytes) -> None:
    answer = api.client.put("/customers/7", content=text)
    assert (answer.status_code, list(answer.json())) == (400, ["message"])


def test_line_1_a_switch_makes_every_answer_a_429(clearer: ClearerServer, api: Api) -> None:
    clearer.settings(throttle=True, retry_after="3")
    answer = api.join()
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    clearer.settings(retry_after=None)
    assert "retry-after" not in api.join().headers
    clearer.settings(throttle=False)
    assert api.join().status_code == 200


def test_line_1_a_rate_may_be_kept(clearer: ClearerServer, api: Api) -> None:
    clearer.settings(rate=2.0)
    statuses = [api.join().status_code]
    while statuses[-1] == 200:
        statuses.append(api.join().status_code)
    assert (statuses[-1], len(statuses) > 2) == (429, True)
    clearer.advance(1)
    assert api.join().status_code == 200


def test_line_2_put_creates_and_updates(clearer: ClearerServer, api: Api) -> None:
    first = api.join(firstName="Kim", lastName="Lee", birthdayMonth=4, birthdayDay=19).json()["customer"]
    assert (first["externalId"], first["name"], first["pointBalance"]) == ("7", "Kim Lee", 0)
    second = api.join(firstName="Kym").json()["customer"]
    assert (second["id"], second["name"], second["birthdayDay"]) == (first["id"], "Kym Lee", 19)
    assert len(clearer.customers()) == 1
    assert clearer.customer(KIM)["externalId"] == "7"


def test_line_2_an_order_awards_once_for_each_external_id(clearer: ClearerServer, api: Api) -> None:
    api.join()
    assert [api.order().status_code for _ in range(3)] == [200, 200, 200]
    assert clearer.customer("7")["pointBalance"] == 189
    [order] = clearer.orders()
    assert (order["externalId"], order["points"], order["posted"]) == ("D1", 189, 3)
    clearer.settings(repeated_order="refuse")
    assert api.order().status_code == 409


@pytest.mark.parametrize("status", ["pending", "authorized", "partially_paid", "voided", "expired"])
def test_line_2_only_what_is_paid_awards(clearer: ClearerServer, api: Api, status: str) -> None:
    api.join()
    api.order(financialStatus=status)
    assert clearer.customer("7")["pointBalance"] == 0


def test_line_2_an_order_that_is_paid_later_awards_then(clearer: ClearerServer, api: Api) -> None:
    api.join()
    api.order(financialStatus="pending")
    api.change(status="paid")
    api.change(status="paid", total="500.00")
    assert clearer.customer("7")["pointBalance"] == 189


def test_line_2_a_refund_takes_the_points_back_once(clearer: ClearerServer, api: Api) -> None:
    api.join()
    api.order()
    api.order("D2", "10.00")
    assert [api.change().status_code for _ in range(3)] == [200, 200, 200]
    assert clearer.customer("7")["pointBalance"] == 10
    api.change(status="paid")
    assert clearer.customer("7")["pointBalance"] == 10


def test_line_2_a_part_of_an_order_may_be_refunded(clearer: ClearerServer, api: Api) -> None:
    api.join()
    api.order()
    for _ in range(2):
        api.change(status="partially_refunded", total="134.95")
    assert clearer.customer("7")["pointBalance"] == 134
    assert api.ask("GET", "/orders/D1").json()["order"]["total"] == "134.95"
    api.change()
    assert clearer.customer("7")["pointBalance"] == 0


@pytest.mark.parametrize(("basis", "rate"), [("points", 1), ("spend", 0)])
def test_line_3_the_tier_is_the_highest_that_is_reached(
    clearer: ClearerServer, api: Api, basis: str, rate: int
) -> None:
    clearer.settings(basis=basis, points_rate=rate)
    assert api.join().json()["customer"]["currentLoyaltyTier"]["title"] == "Silver"
    api.order("D1", "499.00")
    assert clearer.webhooks("customers/tier_changed") == []
    api.order("D2", "1.00")
    [told] = clearer.webhooks("customers/tier_changed")
    assert told["oldTier"] == {"id": "tier_1", "title": "Silver", "threshold": "0"}
    assert told["newTier"] == {"id": "tier_2", "title": "Gold", "threshold": "500"}
    assert told["customer"]["currentLoyaltyTier"] == {"id": "tier_2", "title": "Gold"}
    api.change("D2")
    assert clearer.webhooks("customers/tier_changed")[-1]["newTier"]["title"] == "Silver"


def test_line_3_a_change_is_told_with_both_headers(clearer: ClearerServer, api: Api, listener: Listener) -> None:
    api.join()
    api.order(total="600.00")
    until(lambda: len(listener.heard) == 2)
    [told] = [one for one in listener.heard if one.headers["x-webhook-topic"] == "customers/tier_changed"]
    assert told.headers["x-webhook-id"] == "whk_subscription"
    assert set(told.body) == {"customer", "oldTier", "newTier"}
    assert clearer.post()["waiting"] == 0


def test_line_3_points_earned_and_redeemed_are_told(clearer: ClearerServer, api: Api, listener: Listener) -> None:
    api.join()
    api.order(total="60.00")
    told = clearer.redeem("7", 20)
    until(lambda: len(listener.heard) == 2)
    assert [one.headers["x-webhook-topic"] for one in listener.heard] == ["points/earned", "points/redeemed"]
    assert listener.heard[1].body == told
    assert set(told) == {"id", "customer", "action", "points", "type", "ruleId", "couponCode", "rewardType"}
    assert clearer.customer("7")["pointBalance"] == 40


def test_line_4_webhooks_come_twice_and_out_of_order(clearer: ClearerServer, api: Api, listener: Listener) -> None:
    clearer.hooks(copies=2, shuffled=True, delay=3600, topics=["points/earned"])
    api.join()
    for number in range(3):
        api.order(f"D{number}", f"{number + 1}.00")
    clearer.advance(3600)
    until(lambda: len(listener.heard) == 6)
    points = [one.body["points"] for one in listener.heard]
    assert (sorted(points), points) == ([1, 1, 2, 2, 3, 3], [3, 3, 2, 2, 1, 1])


def test_line_4_the_new_tier_may_be_missing(clearer: ClearerServer, api: Api) -> None:
    clearer.hooks(without_new_tier=True)
    api.join()
    api.order(total="600.00")
    [told] = clearer.webhooks("customers/tier_changed")
    assert set(told) == {"topic", "customer", "oldTier"}


def test_line_4_webhook_ids_tell_subscriptions_apart_or_deliveries(
    clearer: ClearerServer, api: Api, listener: Listener
) -> None:
    api.join()
    api.order("D1", "5.00")
    clearer.hooks(unique_ids=True)
    api.order("D2", "5.00")
    api.order("D3", "5.00")
    until(lambda: len(listener.heard) == 3)
    ids = [one.headers["x-webhook-id"] for one in listener.heard]
    assert ids[0] == "whk_subscription"
    assert len(set(ids)) == 3


def test_line_4_who_does_not_answer_is_told_again_and_some_never_hear(
    clearer: ClearerServer, api: Api, listener: Listener
) -> None:
    listener.answers = [500, 503]
    clearer.hooks(pause=0.01)
    api.join()
    api.order("D1", "5.00")
    until(lambda: len(clearer.post()["sent"]) == 3)
    assert [one["status"] for one in clearer.post()["sent"]] == [500, 503, 200]
    clearer.hooks(drop=1.0)
    api.order("D2", "5.00")
    assert (clearer.post()["dropped"], clearer.post()["waiting"]) == (1, 0)


def test_line_5_unknown_members_are_ignored_and_recorded(clearer: ClearerServer, api: Api) -> None:
    assert api.join(phone="+61491570006").status_code == 200
    line = {"productId": "1", "quantity": 1, "price": "5.00", "colour": "Sage"}
    assert api.order(channel="pos", lineItems=[line]).status_code == 200
    assert api.ask("POST", "/customers/7/points", points=5, why="x").status_code == 200
    assert clearer.unknown() == [
        {"at": "customer", "name": "phone"},
        {"at": "order", "name": "channel"},
        {"at": "line", "name": "colour"},
        {"at": "points", "name": "why"},
    ]


def test_members_are_listed_in_pages_and_by_their_last_change(clearer: ClearerServer, api: Api) -> None:
    for number in range(60):
        api.join(str(number), f"p{number}@customer.example")
    first = api.client.get("/customers").json()
    second = api.client.get("/customers", params={"cursor": first["cursor"], "email": "nobody@customer.example"}).json()
    assert (len(first["customers"]), len(second["customers"]), second["cursor"]) == (50, 10, None)
    told = [int(one["externalId"]) for one in (*first["customers"], *second["customers"])]
    assert sorted(told) == list(range(60)) != told
    clearer.advance(600)
    api.join("7", LEE)
    since = {"updatedAtMin": api.ask("GET", "/customers/7").json()["customer"]["updatedAt"]}
    assert [one["externalId"] for one in api.client.get("/customers", params=since).json()["customers"]] == ["7"]
    assert api.client.get("/customers", params={"pointBalanceMin": "1"}).json()["customers"] == []
    assert api.client.get("/customers", params={"updatedAtMin": "soon"}).status_code == 400


def test_faults_come_when_they_are_ordered_and_the_log_knows_every_request(clearer: ClearerServer, api: Api) -> None:
    api.join()
    clearer.fault(status=500, endpoint="POST /v1/orders", times=1, done=True)
    assert [api.order().status_code, api.change(status="paid").status_code] == [500, 200]
    assert clearer.customer("7")["pointBalance"] == 189
    assert clearer.counts()["endpoints"]["POST /v1/orders"] == {"500": 1}
    assert [line["endpoint"] for line in clearer.requests()][-1] == "PATCH /v1/orders/{orderId}"
    clearer.reset()
    assert (clearer.customers(), clearer.orders(), clearer.requests()) == ([], [], [])
