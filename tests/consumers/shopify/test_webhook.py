"""Shopify's webhooks: who is believed, what is read, and what is passed over."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.shopify.webhook import delivery, fresh, read, signature, signed
from consumers.webhooks import Event, Refused
from tests.consumers.shopify.shop import Desk, account, customer, is_customer, says
from tillstream.settings import Secret

NOW = datetime(2026, 6, 14, 3, tzinfo=UTC)
MIA = {
    "id": 7712340056789, "admin_graphql_api_id": "gid://shopify/Customer/7712340056789",
    "updated_at": "2026-06-14T12:21:00+10:00", "first_name": "Mia", "last_name": "Tan", "note": "Joined in store 012",
    "email": " Mia.Tan@customer.example", "phone": "+61412000111", "addresses": [],
    "default_address": {"address1": "8 Elm St", "city": "Carlton", "province_code": "VIC", "zip": "3053",
                        "country_code": "AU", "address2": None},
}  # fmt: skip
SAID = {"state": "subscribed", "opt_in_level": "single_opt_in", "consent_updated_at": "2026-06-14T02:00:00Z"}
OWN = account(access_token=Secret.of("a"), client_secret=Secret.of("shhh"), old_client_secret=Secret.of("before"))


def event(topic: str, body: Any) -> Event:
    found = read(OWN, {"x-shopify-topic": topic}, orjson.dumps(body), NOW)
    assert isinstance(found, tuple), found
    [one] = found
    assert isinstance(one, Event)
    return one


def test_who_signs_with_the_secret_or_the_one_before_is_believed() -> None:
    body = b'{"id":1}'
    assert signature("shhh", body) == b"Lcc9Yf2U6zbkFFL44wuL0uEJMTo4Q8mC5iIG3KWCtLA="
    for secret, well in (("shhh", True), ("before", True), ("other", False)):
        assert signed(OWN, {"x-shopify-hmac-sha256": signature(secret, body).decode()}, body) is well
    assert not signed(OWN, {"x-shopify-hmac-sha256": signature("shhh", body).decode()}, body + b" ")
    assert not signed(OWN, {}, body)
    assert not signed(OWN, {"x-shopify-hmac-sha256": "é"}, body)
    assert not signed(account(), {"x-shopify-hmac-sha256": signature("", body).decode()}, body)


def test_a_delivery_has_a_name() -> None:
    assert delivery({"x-shopify-webhook-id": "b54557e4"}) == "b54557e4"
    assert delivery({}) == ""


@pytest.mark.parametrize("topic", ["customers/create", "customers/update"])
def test_a_customer_becomes_an_event_with_the_shops_clock(topic: str) -> None:
    found = event(topic, MIA)
    record = found.record
    assert (found.topic, found.tail, found.object) == ("customers", "mia.tan@customer.example", "7712340056789")
    assert (record["origin"], record["shopify_id"], record["firstname"]) == ("shopify", "7712340056789", "Mia")
    assert (record["adrs1"], record["state"], record["postcode"], record["mobile"]) == (
        "8 Elm St",
        "VIC",
        "3053",
        "+61412000111",
    )
    assert record["source_time"] == datetime(2026, 6, 14, 2, 21, tzinfo=UTC)
    assert (record["email_opt_in"], record["sms_opt_in"], record["privacy"]) == (None, None, None)


@pytest.mark.parametrize(
    ("topic", "body", "said"),
    [
        (
            "customers_email_marketing_consent/update",
            {"customer_id": 7, "email_address": "mia@customer.example", "email_marketing_consent": SAID},
            ("email_opt_in", True),
        ),
        (
            "customers_marketing_consent/update",
            {"id": 7, "phone": "+61412000111", "sms_marketing_consent": {**SAID, "state": "unsubscribed"}},
            ("sms_opt_in", False),
        ),
    ],
)
def test_a_statement_of_consent_carries_its_own_time(topic: str, body: Any, said: tuple[str, bool]) -> None:
    record = event(topic, body).record
    assert (record["shopify_id"], record[said[0]]) == ("7", said[1])
    assert record["source_time"] == datetime(2026, 6, 14, 2, tzinfo=UTC)


@pytest.mark.parametrize("state", ["not_subscribed", "pending", "redacted", "invalid", "", None])
def test_who_has_not_said_anything_makes_no_event(state: str | None) -> None:
    body = {"customer_id": 7, "email_address": "a@b.example", "email_marketing_consent": {**SAID, "state": state}}
    assert read(OWN, {"x-shopify-topic": "customers_email_marketing_consent/update"}, orjson.dumps(body), NOW) == ()


def test_other_topics_concern_nobody_here() -> None:
    assert read(OWN, {"x-shopify-topic": "orders/create"}, b"no JSON at all", NOW) == ()


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b"{}"),
        ({"x-shopify-topic": "customers/update"}, b"{"),
        ({"x-shopify-topic": "customers/update"}, b"[]"),
        ({"x-shopify-topic": "customers/update"}, b"{}"),
        ({"x-shopify-topic": "customers/update"}, b'{"addresses": 5}'),
        ({"x-shopify-topic": "customers/merge"}, b'{"admin_graphql_api_customer_kept_id": null}'),
    ],
)
def test_what_cannot_be_read_is_refused(headers: dict[str, str], body: bytes) -> None:
    assert isinstance(read(OWN, headers, body, NOW), Refused)


JSONS: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*MIA, "customer_id"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(st.sampled_from(["customers/update", "customers/merge", "customers_marketing_consent/update"]), JSONS)
def test_any_body_is_read_or_refused(topic: str, body: Any) -> None:
    found = read(OWN, {"x-shopify-topic": topic}, orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS), NOW)
    assert isinstance(found, Refused | tuple)


def test_a_fresh_read_knows_the_person_of_the_till() -> None:
    node = customer("7712340056789", firstName="Mia", metafield={"value": "104552"},
                    defaultEmailAddress={"emailAddress": "mia.tan@customer.example"})  # fmt: skip
    desk = Desk(OWN, answer=says(is_customer(node)))
    told = desk.run(fresh(OWN, event("customers/update", MIA)))
    assert (told.record["person_id"], told.tail) == ("104552", "mia.tan@customer.example")
    assert told.record["sha256"] == event("customers/update", MIA).record["sha256"]


def test_a_statement_with_an_address_needs_no_fresh_read() -> None:
    body = {"customer_id": 7, "email_address": "mia@customer.example", "email_marketing_consent": SAID}
    told = event("customers_email_marketing_consent/update", body)
    desk = Desk(OWN)
    assert desk.run(fresh(OWN, told)) == told
    assert desk.asked == []


def test_where_the_shop_does_not_answer_the_event_stays_as_it_was_delivered() -> None:
    told = event("customers/update", MIA)
    assert Desk(OWN, answer=says(is_customer(None))).run(fresh(OWN, told)) == told


def test_of_two_merged_customers_the_kept_one_is_told() -> None:
    found = event("customers/merge", {"admin_graphql_api_customer_kept_id": "gid://shopify/Customer/9", "status": "x"})
    assert (found.tail, found.record["shopify_id"]) == ("account:9", "9")
    node = customer("9", defaultEmailAddress={"emailAddress": "mia@customer.example"})
    told = Desk(OWN, answer=says(is_customer(node))).run(fresh(OWN, found))
    assert (told.tail, told.record["shopify_id"]) == ("mia@customer.example", "9")
