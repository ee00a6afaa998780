"""The same plans against the simulated shop over HTTP: what they ask is taken, and ends where it should."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from consumers.engine.outcome import Delivered, Misconfigured, Rejected, RetryLater, Unchanged
from consumers.engine.sink import Finding
from consumers.engine.wire import Request, Response
from consumers.polls import Look
from consumers.shopify import requests
from consumers.shopify.customers import customers, moved
from consumers.shopify.erasure import erasures
from consumers.shopify.errors import limits, plainly, remaining
from consumers.shopify.poll import look
from consumers.shopify.sink import SINK
from consumers.shopify.subscriptions import subscribe
from consumers.shopify.webhook import TOPICS, fresh, read, signature, signed
from sandbox.shopify.server import ShopifyServer
from tests.consumers.desk import Thing
from tests.consumers.shopify.shop import PRIYA, Desk, account, polled
from tillstream.settings import Secret

FIXED = {"access_token": Secret.of("shpat_sandbox"), "client_secret": Secret.of("shhh")}
FETCHED = {"client_id": "tillstream", "client_secret": Secret.of("shhh")}
MAIL, NEW = PRIYA[3:], "priya.shah@customer.example"
LATER = datetime(2025, 5, 1, tzinfo=UTC)


@contextmanager
def desk_at(server: ShopifyServer, **settings: Any) -> Iterator[Desk]:
    """A desk whose requests travel to the sandbox; an answer that does not come has the status 0."""
    own = account(datetime.now(UTC), **(settings or FIXED))
    with httpx.Client(base_url=server.url, headers=dict(SINK.headers(own.settings)), trust_env=False) as client:

        def answer(request: Request) -> Response:
            body = request.body if isinstance(request.body, bytes) else orjson.dumps(request.body)
            try:
                said = client.request(
                    request.method, request.path, content=body, headers=dict(request.headers), timeout=10
                )
            except httpx.TransportError:
                return Response(0)
            return plainly(Response(said.status_code, said.content, dict(said.headers)))

        yield Desk(own, answer)


@pytest.fixture
def desk(shopify: ShopifyServer) -> Iterator[Desk]:
    """A desk with the fixed token."""
    with desk_at(shopify) as found:
        yield found


def test_the_contracts_persons_are_in_the_shop(shopify: ShopifyServer, desk: Desk) -> None:
    people = [polled(person) for person in ("73152", "73160", "73171", "73180", "91004", "80117", "60001")]
    desk.each(customers, *people)
    priya = shopify.customer(MAIL)
    assert (priya["phone"], priya["firstName"], priya["lastName"]) == ("+61491570006", "Priya", "O'Connor")
    assert (priya["metafields"], sorted(priya["tags"])) == ({"ap21.person_id": "73152"}, ["ap21", "instore-signup"])
    assert (priya["email_consent"]["state"], priya["sms_consent"]["state"]) == ("SUBSCRIBED", "SUBSCRIBED")
    amy = shopify.customer("amy.lee@customer.example")
    assert (amy["email_consent"]["state"], amy["metafields"]) == ("UNSUBSCRIBED", {"ap21.person_id": "73180"})
    assert len(shopify.customers()) == 5
    before = len(shopify.requests())
    assert all(isinstance(outcome, Unchanged) for outcome in desk.each(customers, *people[:2]))
    assert len(shopify.requests()) == before


def test_who_signed_up_on_the_web_is_adopted_and_keeps_what_they_wrote(shopify: ShopifyServer, desk: Desk) -> None:
    shopify.register(email=MAIL.upper(), firstName="Pri", tags=["VIP"], emailMarketingConsent={
        "marketingState": "UNSUBSCRIBED", "consentUpdatedAt": "2025-01-01T00:00:00Z"})  # fmt: skip
    outcome = desk.one(customers, polled("73152"))
    assert isinstance(outcome, Delivered)
    priya = shopify.customer("+61491570006")
    assert (priya["firstName"], priya["lastName"], sorted(priya["tags"])) == (
        "Pri",
        "O'Connor",
        ["VIP", "ap21", "instore-signup"],
    )
    assert (priya["email_consent"]["state"], priya["sms_consent"]["state"]) == ("UNSUBSCRIBED", "SUBSCRIBED")
    assert outcome.emits[0].value["shopify_id"] == str(priya["id"])
    assert len(shopify.customers()) == 1


@pytest.mark.parametrize("done", [True, False])
def test_f45_a_creation_without_an_answer_makes_nobody_twice(shopify: ShopifyServer, desk: Desk, done: bool) -> None:
    shopify.fault(kind="reset", endpoint="POST customerCreate", times=1, done=done)
    assert isinstance(desk.one(customers, polled("73152")), RetryLater)
    assert isinstance(desk.one(customers, polled("73152")), Delivered)
    assert [one["email"] for one in shopify.customers()] == [MAIL]


def test_a_number_that_is_anothers_is_left_out_and_said(shopify: ShopifyServer, desk: Desk) -> None:
    shopify.register(email="other@customer.example", phone="+61491570006")
    outcome = desk.one(customers, polled("73152"))
    assert isinstance(outcome, Delivered)
    assert outcome.note == "the number is another customer's"
    assert (shopify.customer(MAIL)["phone"], len(shopify.customers())) == (None, 2)


def test_a_changed_address_moves_the_customer(shopify: ShopifyServer, desk: Desk) -> None:
    desk.one(customers, polled("73152"))
    before = shopify.customer(MAIL)["id"]
    gone = desk.one(customers, polled("73152", NEW, key_email=MAIL, previous_email=MAIL, last_updated=LATER))
    assert isinstance(gone, Delivered)
    (emit,) = gone.emits
    arrived = desk.one(moved, Thing(emit.key, "customers", emit.value))
    assert isinstance(arrived, Delivered)
    assert [(one["id"], one["email"]) for one in shopify.customers()] == [(before, NEW)]
    assert [one.value["email"] for one in arrived.emits] == [NEW]


def test_a_row_under_the_new_address_finds_the_customer_of_the_old_one(shopify: ShopifyServer, desk: Desk) -> None:
    desk.one(customers, polled("73152"))
    desk.memory.clear()
    outcome = desk.one(customers, polled("73152", NEW, previous_email=MAIL, last_updated=LATER))
    assert isinstance(outcome, Delivered)
    assert [one["email"] for one in shopify.customers()] == [NEW]


def test_a_customer_who_is_gone_is_made_again(shopify: ShopifyServer, desk: Desk) -> None:
    desk.one(customers, polled("73152"))
    shopify.delete(MAIL)
    outcome = desk.one(customers, polled("73152", firstname="Pria", last_updated=LATER))
    assert isinstance(outcome, Delivered)
    assert shopify.customer(MAIL)["firstName"] == "Pria"


def test_an_older_no_does_not_undo_what_was_said_in_the_shop_and_a_newer_one_does(
    shopify: ShopifyServer, desk: Desk
) -> None:
    shopify.register(email=MAIL, emailMarketingConsent={
        "marketingState": "SUBSCRIBED", "consentUpdatedAt": "2025-04-10T00:00:00Z"})  # fmt: skip
    desk.one(customers, polled("73152", privacy=True))
    assert shopify.customer(MAIL)["email_consent"]["state"] == "SUBSCRIBED"
    desk.one(customers, polled("73152", last_updated=LATER - timedelta(days=1)))
    desk.one(customers, polled("73152", privacy=True, last_updated=LATER))
    assert shopify.customer(MAIL)["email_consent"]["state"] == "UNSUBSCRIBED"


def test_a_token_is_fetched_kept_and_renewed(shopify: ShopifyServer) -> None:
    with desk_at(shopify, **FETCHED) as desk:
        desk.each(customers, polled("73152"), polled("73160"))
        assert shopify.counts()["tokens"] == 1
        shopify.reset()  # it is forgotten there, and refused from now on
        assert isinstance(desk.one(customers, polled("80117")), Delivered)
        assert shopify.counts()["tokens"] == 1
        assert desk.named().count("token") == 2


def test_a_token_is_renewed_before_it_ends(shopify: ShopifyServer) -> None:
    with desk_at(shopify, **FETCHED) as desk:
        desk.one(customers, polled("73152"))
        desk.at(datetime.now(UTC) + timedelta(hours=23, minutes=51))
        desk.one(customers, polled("73160"))
        assert shopify.counts()["tokens"] == 2


@pytest.mark.parametrize("settings", [{"access_token": Secret.of("wrong")},
                                      {"client_id": "tillstream", "client_secret": Secret.of("wrong")}])  # fmt: skip
def test_a_wrong_key_stops_the_connection_and_is_not_told(shopify: ShopifyServer, settings: dict[str, Any]) -> None:
    with desk_at(shopify, **settings) as desk:
        outcome = desk.one(customers, polled("73152"))
        assert outcome == Misconfigured("Shopify does not know our key (401)", "credentials")
        assert [(one.what, one.well) for one in desk.run(SINK.check(desk.account))][:1] == [("key", False)]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "answer", "status": 402}, Misconfigured),
        ({"kind": "answer", "status": 423}, Misconfigured),
        ({"kind": "answer", "status": 503}, RetryLater),
    ],
)
def test_what_shopify_says_before_graphql_has_a_meaning(
    shopify: ShopifyServer, desk: Desk, fault: dict[str, Any], kind: type
) -> None:
    shopify.fault(endpoint="POST customerCreate", times=1, **fault)
    assert isinstance(desk.one(customers, polled("73152")), kind)


def test_a_missing_scope_stops_the_connection(shopify: ShopifyServer, desk: Desk) -> None:
    shopify.settings(scopes=["read_customers"])
    outcome = desk.one(customers, polled("73152"))
    assert isinstance(outcome, Misconfigured)
    assert "scope" in outcome.reason
    lines = {one.what: one for one in desk.run(SINK.check(desk.account))}
    assert not lines["scopes"].well
    assert "write_customers" in lines["scopes"].told


def test_f51_an_api_version_that_is_served_no_more_is_told(shopify: ShopifyServer, desk: Desk) -> None:
    assert all(one.well for one in desk.run(SINK.check(desk.account)))
    shopify.settings(versions=["2026-04", "2026-07"])
    assert isinstance(desk.one(customers, polled("73152")), Misconfigured)
    shopify.settings(versions=["2027-01", "2027-04"])
    lines: Sequence[Finding] = desk.run(SINK.check(desk.account))
    told = {one.what: one for one in lines}["API version"]
    assert (told.well, "2027-01" in told.told, "2026-10" in told.told) == (False, True, True)


def test_throttling_is_understood_and_the_bucket_is_known(shopify: ShopifyServer, desk: Desk) -> None:
    shopify.settings(restore_rate=1.0)
    answers = [desk.answer(TAGS) for _ in range(4)]
    assert limits(answers[0]) == ((20.0, 20),)
    assert remaining(answers[0]) is not None
    throttled = [one for one in answers if one.status == 429]
    assert throttled
    assert 0.5 <= float(throttled[0].headers["Retry-After"]) <= 20
    shopify.settings(costs=False)
    assert (limits(desk.answer(TAGS)), remaining(desk.answer(TAGS))) == ((), None)


TAGS = requests.add_tags("gid://shopify/Customer/1", ["x"])


def test_every_request_costs_at_most_what_it_says(shopify: ShopifyServer, desk: Desk) -> None:
    """The bucket is reckoned with it beforehand."""
    shopify.register(email=MAIL, emailMarketingConsent={"marketingState": "SUBSCRIBED",
                                                        "consentUpdatedAt": "2025-01-01T00:00:00Z"})  # fmt: skip
    desk.one(customers, polled("73152", privacy=True))
    desk.one(customers, polled("73160"))
    desk.run(subscribe(desk.account, f"{shopify.url}/hooks"))
    desk.run(SINK.check(desk.account))
    desk.run(look(desk.account, None, datetime.now(UTC), lambda _: ""))
    for request in desk.asked:
        cost = desk.answer(request).json()["extensions"]["cost"]["requestedQueryCost"]
        assert cost <= request.cost, request.endpoint


def test_webhooks_are_asked_for_once(shopify: ShopifyServer, desk: Desk) -> None:
    where = f"{shopify.url}/hooks"
    assert [one.told for one in desk.run(subscribe(desk.account, where))] == ["made"] * 5
    assert [one.told for one in desk.run(subscribe(desk.account, where))] == ["is there"] * 5
    assert {(one["topic"], one["uri"]) for one in shopify.subscriptions()} == {(topic, where) for topic in TOPICS}
    shopify.settings(scopes=["read_customers", "write_customers"])
    wrong = desk.run(subscribe(desk.account, "ftp://wrong"))
    assert [one.well for one in wrong] == [False] * 5


def test_what_the_shop_tells_is_read_afresh(shopify: ShopifyServer, desk: Desk) -> None:
    """A number that agrees to SMS has no address in its delivery, nor has a merger; the shop knows it."""
    shopify.register(email="mia@customer.example", phone="+61412000111", firstName="Mia")
    shopify.register(email="mia.tan@customer.example")
    shopify.change("+61412000111", smsMarketingConsent={
        "marketingState": "SUBSCRIBED", "consentUpdatedAt": "2025-04-10T00:00:00Z"})  # fmt: skip
    shopify.merge("mia@customer.example", "mia.tan@customer.example")
    found = [heard(desk, topic, said) for topic in ("customers_marketing_consent/update", "customers/merge")
             for said in shopify.webhooks(topic)]  # fmt: skip
    assert [(one.tail, one.record["sms_opt_in"], one.record["firstname"]) for one in found] == [
        ("mia@customer.example", True, "Mia"),
        ("mia@customer.example", None, "Mia"),
    ]
    assert found[0].record["source_time"] == datetime(2025, 4, 10, tzinfo=UTC)


def heard(desk: Desk, topic: str, said: dict[str, Any]) -> Any:
    """The event in a delivery, read afresh."""
    body = orjson.dumps({name: value for name, value in said.items() if name != "topic"})
    headers = {"x-shopify-topic": topic, "x-shopify-hmac-sha256": signature("shhh", body).decode()}
    assert signed(desk.account, headers, body)
    events = read(desk.account, headers, body, datetime.now(UTC))
    assert isinstance(events[0], tuple)
    return desk.run(fresh(desk.account, events[0]))


def test_a_lost_webhook_is_found_at_night_and_told_once(shopify: ShopifyServer, desk: Desk) -> None:
    shopify.settings(search_lag=0.0)
    shopify.register(email=MAIL, firstName="Priya", emailMarketingConsent={
        "marketingState": "SUBSCRIBED", "consentUpdatedAt": "2025-04-10T00:00:00Z"})  # fmt: skip
    for number in range(60):
        shopify.register(email=f"p{number}@customer.example")
    kept: dict[str, str] = {}
    events = night(desk, kept)
    assert len(events) == 62
    mine = [one.record for one in events if one.tail == MAIL]
    assert [(one["firstname"], one["email_opt_in"]) for one in mine] == [("Priya", None), ("", True)]
    assert night(desk, kept) == []
    shopify.change(MAIL, emailMarketingConsent={"marketingState": "UNSUBSCRIBED"})
    [event] = night(desk, kept)
    assert event.record["email_opt_in"] is False


def night(desk: Desk, kept: dict[str, str]) -> list[Any]:
    """Every page of a comparison; what it remembers is kept."""
    position: Any = None
    events: list[Any] = []

    def known(name: str) -> str:
        return kept.get(name, "")

    while True:
        found = desk.run(look(desk.account, position, datetime.now(UTC), known))
        assert isinstance(found, Look)
        for told in found.read:
            kept.update(told.remember)
        events += found.events
        position = found.position
        if not found.more:
            return events


def test_an_address_that_is_none_to_shopify_is_a_dead_letter_that_names_nobody(
    shopify: ShopifyServer, desk: Desk
) -> None:
    outcome = desk.one(customers, polled("73152", "priya@nowhere"))
    assert isinstance(outcome, Rejected)
    assert "priya" not in outcome.message


def test_an_erasure_reaches_the_shop_once_and_not_without_its_scope(shopify: ShopifyServer, desk: Desk) -> None:
    desk.send(customers, polled("73152"))
    order = Thing(PRIYA, "customers", {"until": "2025-04-20T00:00:00.000000Z"})
    shopify.settings(scopes=["read_customers", "write_customers"])
    assert isinstance(desk.send(erasures, order)[0], Rejected)
    shopify.settings(scopes=["read_customers", "write_customers", "write_customer_data_erasure"])
    assert isinstance(desk.send(erasures, order)[0], Delivered)
    assert isinstance(desk.send(erasures, order)[0], Rejected), "ordered twice: somebody should look"
    assert isinstance(desk.send(erasures, Thing(f"au/{NEW}", "customers", order.record))[0], Delivered)
