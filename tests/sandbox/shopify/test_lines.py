"""What a simulated Shopify store must do, line by line, one test or more each."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any

import httpx
import pytest

from sandbox.shopify.server import ShopifyServer
from tests.sandbox.listener import Listener
from tests.sandbox.shopify.conftest import (
    CREATE,
    EMAIL,
    LOOK,
    METAFIELDS,
    MIA,
    NUMBER,
    PATH,
    PERSON,
    SEARCH,
    SMS,
    SUBSCRIBE,
    TAGS,
    UPDATE,
    UPSERT,
    Api,
)
from tests.waiting import until

TOKEN = "/admin/oauth/access_token"
GRANT = {"grant_type": "client_credentials", "client_id": "tillstream", "client_secret": "shhh"}
AN_HOUR = 3600.0


def code(answer: httpx.Response) -> str:
    found: str = answer.json()["errors"][0]["extensions"]["code"]
    return found


@pytest.mark.parametrize("token", ["", "shpat_other"])
def test_line_1_a_wrong_token_is_a_401_with_a_text(shopify: ShopifyServer, token: str) -> None:
    headers = {"X-Shopify-Access-Token": token}
    answer = httpx.post(shopify.url + PATH, headers=headers, json={"query": "{shop{name}}"}, trust_env=False)
    assert answer.status_code == 401
    assert answer.json()["errors"].startswith("[API] Invalid API key or access token")


def test_line_1_client_credentials_give_a_token_that_expires(shopify: ShopifyServer, api: Api) -> None:
    given = api.client.post(TOKEN, data=GRANT).json()
    assert (given["expires_in"], given["scope"].split(",")[:2]) == (86_399, ["read_customers", "write_customers"])
    api.client.headers["X-Shopify-Access-Token"] = given["access_token"]
    assert api.ask("{shop{myshopifyDomain}}") == {"myshopifyDomain": "wattle.myshopify.com"}
    shopify.advance(86_400)
    assert api.post("{shop{name}}").status_code == 401


@pytest.mark.parametrize("change", [{"client_secret": "other"}, {"client_id": "x"}, {"grant_type": "password"}])
def test_line_1_wrong_credentials_give_no_token(api: Api, change: dict[str, str]) -> None:
    answer = api.client.post(TOKEN, data={**GRANT, **change})
    assert (answer.status_code, "access_token" in answer.json()) == (400, False)


def test_line_2_an_answer_has_just_the_shape_that_was_asked_for(api: Api) -> None:
    made = api.post(CREATE, input=PERSON).json()["data"]["customerCreate"]
    assert set(made) == {"customer", "userErrors"}
    assert set(made["customer"]) == {"id", "legacyResourceId", "createdAt", "defaultEmailAddress"}
    assert made["customer"]["id"] == f"gid://shopify/Customer/{made['customer']['legacyResourceId']}"
    found = api.ask(LOOK, identifier={"phoneNumber": NUMBER})
    assert (found["firstName"], found["tags"], found["metafield"]["value"]) == (
        "Mia", ["ap21", "instore-signup"], "104552",
    )  # fmt: skip
    assert found["defaultEmailAddress"] == {
        "emailAddress": MIA, "marketingState": "SUBSCRIBED", "marketingOptInLevel": "SINGLE_OPT_IN",
        "marketingUpdatedAt": "2026-03-02T04:11:09Z",
    }  # fmt: skip
    assert found["defaultPhoneNumber"]["smsMarketingConsent"] == {"state": "NOT_SUBSCRIBED"}


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{ shop { name ", {}),
        ("{ shop { colour } }", {}),
        (CREATE, {}),
        (CREATE, {"input": {"mail": MIA}}),
        (CREATE, {"input": {"email": 7}}),
        (CREATE, {"input": {"addresses": [{"countryCode": "XX"}]}}),
        (CREATE, {"input": {"email": MIA, "emailMarketingConsent": {"marketingState": "YES"}}}),
        (EMAIL, {"input": {"customerId": "1", "emailMarketingConsent": {"consentUpdatedAt": "soon"}}}),
    ],
)
def test_line_2_wrong_syntax_fields_and_variables_are_errors_of_the_request(
    shopify: ShopifyServer, api: Api, query: str, variables: dict[str, Any]
) -> None:
    answer = api.post(query, **variables)
    assert answer.status_code == 200
    assert answer.json()["errors"][0]["message"]
    assert "data" not in answer.json()
    assert shopify.customers() == []


def test_line_2_the_operation_is_named_where_there_are_several(api: Api) -> None:
    body = {"query": "query A {shop{name}} query B {shop{id}}", "operationName": "B"}
    assert api.client.post(PATH, json=body).json()["data"] == {"shop": {"id": "gid://shopify/Shop/1"}}
    assert "errors" in api.client.post(PATH, json={"query": body["query"]}).json()


def test_line_2_the_version_that_answers_is_told_and_a_future_one_is_unknown(api: Api) -> None:
    asked = {"2026-07": "2026-07", "2024-01": "2026-01", "2026-08": "2026-07"}
    for version, answered in asked.items():
        answer = api.client.post(f"/admin/api/{version}/graphql.json", json={"query": "{shop{name}}"})
        assert answer.headers["x-shopify-api-version"] == answered
    assert api.client.post("/admin/api/2027-04/graphql.json", json={"query": "{shop{name}}"}).status_code == 404


@pytest.mark.parametrize(("content", "kind"), [(b"{", "application/json"), (b'{"query":"{shop{name}}"}', "text/plain")])
def test_line_2_bad_json_or_content_type_is_a_400(api: Api, content: bytes, kind: str) -> None:
    assert api.client.post(PATH, content=content, headers={"Content-Type": kind}).status_code == 400


def test_line_2_a_missing_scope_is_access_denied(shopify: ShopifyServer, api: Api) -> None:
    shopify.settings(scopes=["read_customers"])
    assert code(api.post(CREATE, input=PERSON)) == "ACCESS_DENIED"
    assert api.ask(LOOK, identifier={"emailAddress": MIA}) is None


def test_line_3_address_and_number_are_unique_in_any_letters(shopify: ShopifyServer, api: Api) -> None:
    api.create(**PERSON)
    assert api.wrong(CREATE, input={"email": "MIA.Tan@customer.example"}) == [
        (["email"], "Email has already been taken")
    ]
    assert api.wrong(CREATE, input={"phone": "0412 000 111"}) == [(["phone"], "Phone has already been taken")]
    other = api.create(email="kim@customer.example")
    assert api.wrong(UPDATE, input={"id": other, "email": MIA}) == [(["email"], "Email has already been taken")]
    assert api.wrong(UPDATE, input={"id": other, "email": "kim@customer.example", "note": "x"}) == []
    assert len(shopify.customers()) == 2


@pytest.mark.parametrize(
    ("customer", "field", "message"),
    [
        ({"email": "mia"}, ["email"], "Email is invalid"),
        ({"email": "mia@customer"}, ["email"], "Email contains an invalid domain name"),
        ({"phone": "12"}, ["phone"], "Phone is invalid"),
        ({"note": "x"}, None, "Customer must have a name, phone number or email address"),
        (
            {"email": MIA, "addresses": [{"countryCode": "AU", "provinceCode": "CA"}]},
            ["addresses", "0", "province"],
            "Province is invalid",
        ),
        ({"email": MIA, "metafields": [{"namespace": "ap", "key": "id", "type": "x", "value": "1"}]},
         ["metafields", "0", "namespace"], "Namespace is too short (minimum is 3 characters)"),
    ],
)  # fmt: skip
def test_line_3_bad_data_is_a_user_error_without_a_code(
    api: Api, customer: dict[str, Any], field: list[str] | None, message: str
) -> None:
    assert api.wrong(CREATE, input=customer) == [(field, message)]


def test_line_4_what_a_request_costs_stands_beside_its_answer(api: Api) -> None:
    cost = api.post(CREATE, input=PERSON).json()["extensions"]["cost"]
    assert cost == {
        "requestedQueryCost": 10,
        "actualQueryCost": 10,
        "throttleStatus": {"maximumAvailable": 2000.0, "currentlyAvailable": 1990, "restoreRate": 100.0},
    }
    cost = api.post(SEARCH, q="").json()["extensions"]["cost"]
    assert cost["actualQueryCost"] < cost["requestedQueryCost"] == 8


def test_line_4_an_empty_bucket_throttles_until_it_is_restored(shopify: ShopifyServer, api: Api) -> None:
    shopify.settings(restore_rate=1.0)
    answers = [api.post(CREATE, input={"email": f"p{number}@customer.example"}) for number in range(3)]
    throttled = answers[2]
    assert (throttled.status_code, code(throttled), "data" in throttled.json()) == (200, "THROTTLED", False)
    assert throttled.json()["errors"][0]["message"] == "Throttled"
    cost = throttled.json()["extensions"]["cost"]
    assert (cost["requestedQueryCost"], cost["actualQueryCost"]) == (10, None)
    assert cost["throttleStatus"]["currentlyAvailable"] < 10
    shopify.advance(10)
    assert api.wrong(CREATE, input={"email": "p2@customer.example"}) == []
    assert (len(shopify.customers()), shopify.counts()["throttled"]) == (3, 1)


def test_line_4_one_request_may_cost_a_thousand_at_most(api: Api) -> None:
    answer = api.post("{ customers(first: 250) { nodes { id defaultEmailAddress { emailAddress }"
                      " defaultPhoneNumber { phoneNumber } defaultAddress { zip } } } }")  # fmt: skip
    told = answer.json()["errors"][0]["extensions"]
    assert (told["code"], told["cost"], told["maxCost"]) == ("MAX_COST_EXCEEDED", 1001, 1000)


def test_line_5_the_search_lags_and_the_lookup_does_not(shopify: ShopifyServer, api: Api) -> None:
    api.create(**PERSON)
    assert api.ask(LOOK, identifier={"emailAddress": MIA})["firstName"] == "Mia"
    assert api.search(f'email:"{MIA}"') == []
    shopify.advance(2)
    assert api.search(f'email:"{MIA}"') == [MIA]
    shopify.settings(search_lag=0)
    api.create(email="tan@customer.example")
    assert api.search('email:"tan@customer.example"') == ["tan@customer.example"]
    assert api.search("email:tan@customer.example") == [MIA, "tan@customer.example"]
    assert api.search("tag:'instore-signup'") == [MIA]
    assert api.search(f"phone:{NUMBER}") == [MIA]


def test_line_5_changes_are_found_in_pages_by_their_time(shopify: ShopifyServer, api: Api) -> None:
    shopify.settings(search_lag=0)
    for number in range(3):
        shopify.advance(60)
        api.create(email=f"p{number}@customer.example")
    first = api.ask(SEARCH, q="updated_at:>='2026-01-01'")
    second = api.ask(SEARCH, q="updated_at:>='2026-01-01'", after=first["pageInfo"]["endCursor"])
    assert [one["defaultEmailAddress"]["emailAddress"][:2] for one in first["nodes"] + second["nodes"]] == [
        "p0", "p1", "p2",
    ]  # fmt: skip
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)
    shopify.advance(60)
    assert api.search("updated_at:>'2100-01-01T00:00:00Z'") == []


@pytest.mark.parametrize("identifier", [{}, {"emailAddress": MIA, "phoneNumber": NUMBER}, {"emailAddress": None}])
def test_line_6_an_identifier_has_exactly_one_member(api: Api, identifier: dict[str, Any]) -> None:
    answer = api.post(LOOK, identifier=identifier).json()
    assert "exactly one field" in answer["errors"][0]["message"]
    assert "data" not in answer


def test_line_6_a_customer_is_found_by_each_identifier(api: Api) -> None:
    identity = api.create(**PERSON)
    custom = {"namespace": "ap21", "key": "person_id", "value": "104552"}
    for identifier in ({"id": identity}, {"emailAddress": MIA.upper()}, {"phoneNumber": NUMBER}, {"customId": custom}):
        assert api.ask(LOOK, identifier=identifier)["id"] == identity


def test_line_6_customer_set_replaces_lists_and_leaves_what_it_is_not_sent(shopify: ShopifyServer, api: Api) -> None:
    identity = api.create(**PERSON)
    answer = api.ask(UPSERT, identifier={"email": MIA}, input={"email": MIA, "tags": ["new"], "addresses": []})
    assert answer == {"customer": {"id": identity, "tags": ["new"]}, "userErrors": []}
    held = shopify.customer(MIA)
    assert (held["firstName"], held["addresses"], held["email_consent"]["state"]) == ("Mia", [], "SUBSCRIBED")
    api.ask(UPSERT, input={"email": "kim@customer.example"})
    assert len(shopify.customers()) == 2


@pytest.mark.parametrize(
    ("identifier", "customer", "told"),
    [
        ({"email": MIA}, {"email": "kim@customer.example"}, "INPUT_MISMATCH"),
        ({"email": MIA}, {"firstName": "Mia"}, "MISSING_FIELD_REQUIRED"),
        (None, {"id": "gid://shopify/Customer/1", "email": MIA}, "ID_NOT_ALLOWED"),
        ({"id": "gid://shopify/Customer/1"}, {"email": MIA}, "NOT_FOUND"),
        (None, {"email": "kim@customer.example"}, "TAKEN"),
        (None, {"email": "kim"}, "INVALID"),
        (None, {"note": "x"}, "BLANK"),
        ({"customId": {"key": "id", "value": "1"}}, {"email": MIA}, "METAFIELD_MISMATCH"),
    ],
)
def test_line_6_customer_set_says_what_is_wrong_by_codes(
    api: Api, identifier: dict[str, Any] | None, customer: dict[str, Any], told: str
) -> None:
    api.create(email="kim@customer.example")
    assert api.codes(UPSERT, identifier=identifier, input=customer) == [told]


@pytest.mark.parametrize("state", ["NOT_SUBSCRIBED", "INVALID", "REDACTED"])
def test_line_6_only_three_states_of_consent_may_be_sent(shopify: ShopifyServer, api: Api, state: str) -> None:
    said = {"marketingState": state}
    [(field, _)] = api.wrong(CREATE, input={"email": MIA, "emailMarketingConsent": said})
    assert field == ["emailMarketingConsent", "marketingState"]
    identity = api.create(email=MIA)
    assert api.codes(EMAIL, input={"customerId": identity, "emailMarketingConsent": said}) == ["INVALID"]
    assert shopify.customer(MIA)["email_consent"]["state"] == "NOT_SUBSCRIBED"


def test_line_6_consent_needs_an_address_or_number_and_has_mutations_of_its_own(
    shopify: ShopifyServer, api: Api
) -> None:
    identity = api.create(email=MIA)
    said = {"marketingState": "SUBSCRIBED", "consentUpdatedAt": "2026-03-02T04:11:09Z"}
    assert api.codes(SMS, input={"customerId": identity, "smsMarketingConsent": said}) == ["MISSING_ARGUMENT"]
    [(field, message)] = api.wrong(UPDATE, input={"id": identity, "emailMarketingConsent": said})
    assert (field, "customerEmailMarketingConsentUpdate" in message) == (["emailMarketingConsent"], True)
    assert api.codes(EMAIL, input={"customerId": identity, "emailMarketingConsent": said}) == []
    assert shopify.customer(MIA)["email_consent"]["state"] == "SUBSCRIBED"


def test_line_6_tags_are_added_and_an_update_overwrites_them(shopify: ShopifyServer, api: Api) -> None:
    identity = api.create(email=MIA, tags=["web, vip"])
    api.ask(TAGS, id=identity, tags=["VIP", "ap21"])
    assert shopify.customer(MIA)["tags"] == ["web", "vip", "ap21"]
    api.ask(UPDATE, input={"id": identity, "tags": ["only"]})
    assert shopify.customer(MIA)["tags"] == ["only"]
    assert api.wrong(TAGS, id="gid://shopify/Customer/1", tags=["x"]) == [(["id"], "Customer does not exist")]


def test_line_6_metafields_are_set_all_or_none_and_compared(shopify: ShopifyServer, api: Api) -> None:
    identity = api.create(**PERSON)
    digest = api.ask(LOOK, identifier={"id": identity})["metafield"]["compareDigest"]
    one = {"ownerId": identity, "namespace": "ap21", "key": "person_id", "type": "single_line_text_field", "value": "8"}
    assert api.codes(METAFIELDS, metafields=[one, {**one, "key": "x"}]) == ["INVALID_VALUE"]
    assert shopify.customer(MIA)["metafields"] == {"ap21.person_id": "104552"}
    assert api.codes(METAFIELDS, metafields=[{**one, "compareDigest": digest}]) == []
    assert shopify.customer(MIA)["metafields"] == {"ap21.person_id": "8"}
    assert api.codes(METAFIELDS, metafields=[{**one, "compareDigest": digest}]) == ["STALE_OBJECT"]
    assert api.codes(METAFIELDS, metafields=[one] * 26) == ["TOO_LONG"]


@pytest.mark.parametrize("status", [402, 423, 500, 503])
def test_line_7_a_store_that_is_frozen_locked_or_ill_says_so_in_a_text(
    shopify: ShopifyServer, api: Api, status: int
) -> None:
    shopify.fault(status=status, endpoint="POST customerCreate", times=1)
    answer = api.post(CREATE, input=PERSON)
    assert (answer.status_code, answer.json()) == (status, {"errors": "Ordered by a test"})
    assert shopify.customers() == []
    assert shopify.counts()["endpoints"]["POST customerCreate"] == {str(status): 1}


def test_line_7_the_connection_may_drop_after_the_create_was_committed(shopify: ShopifyServer, api: Api) -> None:
    shopify.fault(kind="reset", endpoint="POST customerCreate", done=True, times=1)
    with pytest.raises(httpx.TransportError):
        api.post(CREATE, input=PERSON)
    assert [one["email"] for one in shopify.customers()] == [MIA]
    assert (["email"], "Email has already been taken") in api.wrong(CREATE, input=PERSON)


def test_line_7_errors_of_the_request_come_on_order_and_extensions_may_be_missing(
    shopify: ShopifyServer, api: Api
) -> None:
    ill = {"errors": [{"message": "Internal error", "extensions": {"code": "INTERNAL_SERVER_ERROR", "requestId": "r"}}]}
    shopify.fault(status=200, body=ill, times=1)
    assert code(api.post(CREATE, input=PERSON)) == "INTERNAL_SERVER_ERROR"
    shopify.settings(costs=False)
    assert set(api.post(CREATE, input=PERSON).json()) == {"data"}


def subscribe(api: Api, listener: Listener, *topics: str) -> None:
    for topic in topics:
        assert api.wrong(SUBSCRIBE, topic=topic, sub={"uri": listener.url, "format": "JSON"}) == []


def test_line_8_a_delivery_is_signed_over_its_bytes_and_carries_all_headers(
    shopify: ShopifyServer, api: Api, listener: Listener
) -> None:
    subscribe(api, listener, "CUSTOMERS_CREATE", "CUSTOMERS_EMAIL_MARKETING_CONSENT_UPDATE")
    identity = api.create(**PERSON)
    until(lambda: len(listener.heard) == 2)
    created, consent = listener.heard
    good = base64.b64encode(hmac.new(b"shhh", created.payload, hashlib.sha256).digest()).decode()
    assert created.headers["x-shopify-hmac-sha256"] == good
    assert created.headers["x-shopify-topic"] == "customers/create"
    assert created.headers["x-shopify-shop-domain"] == "wattle.myshopify.com"
    assert created.headers["x-shopify-api-version"] == "2026-10"
    assert created.headers["x-shopify-triggered-at"].endswith("Z")
    assert created.body["admin_graphql_api_id"] == identity
    assert (created.body["email"], created.body["first_name"]) == (MIA, "Mia")
    assert not {"tags", "email_marketing_consent", "sms_marketing_consent"} & set(created.body)
    assert consent.body["customer_id"] == created.body["id"]
    assert consent.body["email_marketing_consent"] == {
        "state": "subscribed", "opt_in_level": "single_opt_in", "consent_updated_at": "2026-03-02T04:11:09Z",
    }  # fmt: skip


def test_line_8_the_old_secret_may_sign_for_a_while(shopify: ShopifyServer, api: Api, listener: Listener) -> None:
    subscribe(api, listener, "CUSTOMERS_CREATE")
    shopify.settings(signing_secret="old")
    api.create(email=MIA)
    until(lambda: len(listener.heard) == 1)
    good = base64.b64encode(hmac.new(b"old", listener.heard[0].payload, hashlib.sha256).digest()).decode()
    assert listener.all_of("x-shopify-hmac-sha256") == [good]


def test_line_8_a_retry_has_the_same_id_and_other_subscriptions_share_the_event(
    shopify: ShopifyServer, api: Api, listener: Listener
) -> None:
    with Listener() as second:
        subscribe(api, listener, "CUSTOMERS_CREATE")
        subscribe(api, second, "CUSTOMERS_CREATE")
        listener.answers = [500, 302]
        api.create(email=MIA)
        until(lambda: len(listener.heard) == 3 and len(second.heard) == 1)
        assert len(set(listener.all_of("x-shopify-webhook-id"))) == 1
        assert set(listener.all_of("x-shopify-webhook-id")) != set(second.all_of("x-shopify-webhook-id"))
        assert set(listener.all_of("x-shopify-event-id")) == set(second.all_of("x-shopify-event-id"))


def test_line_8_deliveries_come_twice_late_and_the_other_way_round(
    shopify: ShopifyServer, api: Api, listener: Listener
) -> None:
    subscribe(api, listener, "CUSTOMERS_CREATE")
    shopify.hooks(copies=2, shuffled=True, delay=AN_HOUR)
    for number in range(3):
        api.create(email=f"p{number}@customer.example")
    time.sleep(0.1)
    assert listener.heard == []
    shopify.advance(AN_HOUR)
    until(lambda: len(listener.heard) == 6)
    assert [one.body["email"][:2] for one in listener.heard] == ["p2", "p2", "p1", "p1", "p0", "p0"]
    assert len(set(listener.all_of("x-shopify-webhook-id"))) == 3


def test_line_8_after_eight_failures_in_a_row_the_subscription_is_deleted(
    shopify: ShopifyServer, api: Api, listener: Listener
) -> None:
    subscribe(api, listener, "CUSTOMERS_CREATE")
    listener.otherwise = 503
    shopify.hooks(pause=0.001)
    api.create(email=MIA)
    until(lambda: shopify.subscriptions() == [])
    assert len(listener.heard) == 8
    api.create(email="kim@customer.example")
    time.sleep(0.1)
    assert (len(listener.heard), shopify.post()["waiting"]) == (8, 0)


def test_line_8_an_address_is_subscribed_once_for_a_topic_and_may_be_listed(api: Api, listener: Listener) -> None:
    subscribe(api, listener, "CUSTOMERS_CREATE", "CUSTOMERS_UPDATE")
    [(field, message)] = api.wrong(SUBSCRIBE, topic="CUSTOMERS_CREATE", sub={"uri": listener.url})
    assert (field, "already been taken" in message) == (["webhookSubscription", "callbackUrl"], True)
    assert api.wrong(SUBSCRIBE, topic="CUSTOMERS_CREATE", sub={"uri": "http://hooks.example/x"})
    found = api.ask("{ webhookSubscriptions(first: 10) { nodes { topic uri } } }")
    assert found["nodes"] == [{"topic": f"CUSTOMERS_{what}", "uri": listener.url} for what in ("CREATE", "UPDATE")]


def test_line_8_a_topic_takes_its_scope(shopify: ShopifyServer, api: Api, listener: Listener) -> None:
    told = [(["topic"], "You cannot create a webhook subscription with the specified topic")]
    shopify.settings(scopes=["read_customers", "write_customers"])
    assert api.wrong(SUBSCRIBE, topic="CUSTOMERS_MERGE", sub={"uri": listener.url}) == told
    assert api.wrong(SUBSCRIBE, topic="CUSTOMERS_CREATE", sub={"uri": listener.url}) == []
    shopify.settings(scopes=["write_customers"])
    assert api.wrong(SUBSCRIBE, topic="CUSTOMERS_UPDATE", sub={"uri": listener.url}) == told
    assert api.wrong(SUBSCRIBE, topic="APP_UNINSTALLED", sub={"uri": listener.url}) == []


def test_line_8_a_shopper_and_the_merchant_cause_webhooks_too(
    shopify: ShopifyServer, api: Api, listener: Listener
) -> None:
    topics = ("CUSTOMERS_CREATE", "CUSTOMERS_UPDATE", "CUSTOMERS_MARKETING_CONSENT_UPDATE", "CUSTOMERS_MERGE")
    subscribe(api, listener, *topics, "CUSTOMERS_DELETE", "CUSTOMER_TAGS_ADDED")
    one = shopify.register(email=MIA, phone=NUMBER)
    shopify.change(MIA, firstName="Mia")
    shopify.change(MIA, smsMarketingConsent={"marketingState": "UNSUBSCRIBED"})
    two = shopify.register(email="kim@customer.example")
    api.ask(TAGS, id=two["gid"], tags=["vip"])
    shopify.merge(str(one["id"]), str(two["id"]))
    shopify.delete(MIA)
    until(lambda: len(listener.heard) == 7)
    assert listener.all_of("x-shopify-topic") == [
        "customers/create", "customers/update", "customers_marketing_consent/update", "customers/create",
        "customer.tags_added", "customers/merge", "customers/delete",
    ]  # fmt: skip
    assert listener.heard[5].body["admin_graphql_api_customer_kept_id"] == one["gid"]


STAGE = """mutation Stage($input: [StagedUploadInput!]!) {
  stagedUploadsCreate(input: $input) {
    stagedTargets { url resourceUrl parameters { name value } } userErrors { field message }
  }
}"""
BULK = """mutation Bulk($m: String!, $p: String!, $c: String) {
  bulkOperationRunMutation(mutation: $m, stagedUploadPath: $p, clientIdentifier: $c) {
    bulkOperation { id status } userErrors { code field message }
  }
}"""
POLL = """query Poll($id: ID!) {
  bulkOperation(id: $id) { id status errorCode objectCount url partialDataUrl }
}"""


def target(api: Api, **more: str) -> tuple[str, dict[str, str]]:
    """Where a file of variables goes, and with what."""
    wanted = {"resource": "BULK_MUTATION_VARIABLES", "filename": "c.jsonl", "mimeType": "text/jsonl"}
    [found] = api.ask(STAGE, input=[{**wanted, **more}])["stagedTargets"]
    return found["url"], {one["name"]: one["value"] for one in found["parameters"]}


def stage(api: Api, lines: bytes) -> str:
    """Upload a file of variables; its path."""
    url, fields = target(api, httpMethod="POST")
    assert httpx.post(url, data=fields, files={"file": lines}, trust_env=False).status_code == 201
    return fields["key"]


def test_line_9_a_bulk_load_runs_by_itself_and_tells_what_each_line_came_to(shopify: ShopifyServer, api: Api) -> None:
    api.create(email="kim@customer.example")
    path = stage(api, b'{"input":{"email":"a@customer.example"}}\n{"input":{"email":"kim@customer.example"}}\n')
    begun = api.ask(BULK, m=CREATE, p=path, c="first load")["bulkOperation"]
    assert (begun["status"], api.ask(POLL, id=begun["id"])["status"]) == ("CREATED", "RUNNING")
    shopify.advance(60)
    ended = api.ask(POLL, id=begun["id"])
    assert (ended["status"], ended["objectCount"]) == ("COMPLETED", "2")
    lines = httpx.get(ended["url"], trust_env=False).text.splitlines()
    assert '"userErrors":[]' in lines[0]
    assert "Email has already been taken" in lines[1]
    assert '"__lineNumber":1' in lines[1]
    assert {one["email"] for one in shopify.customers()} == {"a@customer.example", "kim@customer.example"}
    shopify.advance(7 * 24 * AN_HOUR)
    assert httpx.get(ended["url"], trust_env=False).status_code == 404


def test_line_9_a_bulk_load_that_cannot_begin_says_why(shopify: ShopifyServer, api: Api) -> None:
    path = stage(api, b'{"input":{"email":"a@customer.example"}}\n')
    assert api.codes(BULK, m=CREATE, p="tmp/none") == ["NO_SUCH_FILE"]
    assert api.codes(BULK, m="mutation { nothing }", p=path) == ["INVALID_MUTATION"]
    assert api.codes(BULK, m=BULK, p=path) == ["INVALID_MUTATION"]
    shopify.settings(bulk_time=AN_HOUR)
    codes = [api.codes(BULK, m=CREATE, p=path) for _ in range(6)]
    assert codes == [[]] * 5 + [["LIMIT_REACHED"]]


def test_line_9_a_form_is_sent_as_it_was_told(api: Api) -> None:
    url, fields = target(api)
    assert httpx.post(url, data=fields, files={"file": b"x"}, trust_env=False).status_code == 400  # it means PUT
    url, fields = target(api, httpMethod="POST")
    for wrong in (dict(reversed(fields.items())), {**fields, "acl": "public"}, {"key": fields["key"]}):
        assert httpx.post(url, data=wrong, files={"file": b"x"}, trust_env=False).status_code == 400


def test_line_9_what_is_no_form_with_a_key_and_a_file_is_refused(api: Api) -> None:
    assert api.client.post("/staged", content=b"x").status_code == 400
    assert api.client.post("/staged", data={"key": "other"}, files={"file": b"x"}).status_code == 400


def test_a_page_must_be_named_and_has_an_end(api: Api) -> None:
    for text, told in (
        ("{ customers { nodes { id } } }", "you must provide one of first or last"),
        ("{ customers(first: 251) { nodes { id } } }", "first cannot exceed 250"),
    ):
        assert api.post(text).json()["errors"][0]["message"] == told


def test_reset_forgets_everything_but_the_settings(shopify: ShopifyServer, api: Api) -> None:
    shopify.settings(shop="acacia")
    api.create(**PERSON)
    shopify.reset()
    assert (shopify.customers(), shopify.requests()) == ([], [])
    assert api.ask("{shop{name}}") == {"name": "acacia"}
