"""What Shopify declares: its bucket, keys, the tables of refusals, the check."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from consumers.engine.outcome import Misconfigured, Rejected, RetryLater
from consumers.engine.sink import EVERY
from consumers.engine.wire import Json, Nap, Response
from consumers.shopify import requests
from consumers.shopify.check import pretend
from consumers.shopify.errors import complaints, limits, plainly, remaining, trouble
from consumers.shopify.settings import ShopifySettings
from consumers.shopify.sink import SINK
from consumers.shopify.speak import HEADER, speak
from operations.cli import tillstream
from tests.consumers.desk import FILES
from tests.consumers.shopify.shop import NOW, Desk, account, refused, says
from tillstream.settings import Secret

FETCHED: dict[str, Any] = {"client_id": "app", "client_secret": Secret.of("hush")}


def test_a_fixed_token_stands_in_the_headers_and_a_fetched_one_on_each_request() -> None:
    assert SINK.headers(account().settings)[HEADER] == "shpat_1"
    assert HEADER not in SINK.headers(account(**FETCHED).settings)


def test_keys_may_be_in_files_that_are_read_again(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("first\n")
    settings = ShopifySettings.model_validate({"url": "https://wattle.example", "access_token_file": str(key)})
    key.write_text("second\n")
    assert SINK.headers(settings)[HEADER] == "second"


@pytest.mark.parametrize(
    "wrong", [{}, {"access_token": "a", "client_id": "b", "client_secret": "c"}, {"client_id": "b"}]
)
def test_a_shop_has_one_key(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=r"needs one of|goes with client_id"):
        ShopifySettings.model_validate({"url": "https://wattle.example", **wrong})


def test_connections_with_one_app_in_one_shop_share_a_bucket_whatever_the_secret() -> None:
    rotated = account(client_id="app", client_secret=Secret.of("new"))
    assert SINK.account_id(account(**FETCHED).settings) == SINK.account_id(rotated.settings)
    assert SINK.account_id(account(**FETCHED).settings) != SINK.account_id(account().settings)
    assert {quota.endpoint for quota in SINK.quotas(account().settings)} == {EVERY, "token"}


def test_only_one_plan_at_a_time_asks_for_a_token() -> None:
    own = account(**FETCHED)
    first, second = (speak(own, requests.scopes()) for _ in range(2))
    assert next(first).endpoint == "token"
    assert isinstance(next(second), Nap)
    asked = first.send(Response(200, b'{"access_token": "t-1", "expires_in": 86399}'))
    assert asked.headers == ((HEADER, "t-1"),)
    assert second.send(None).headers == ((HEADER, "t-1"),)


def test_a_plan_that_is_given_up_while_it_asks_leaves_the_asking_to_others() -> None:
    own = account(**FETCHED)
    first = speak(own, requests.scopes())
    assert next(first).endpoint == "token"
    first.close()
    assert next(speak(own, requests.scopes())).endpoint == "token"


def test_a_token_is_asked_for_again_ten_minutes_before_it_ends() -> None:
    own = account(**FETCHED)
    plan = speak(own, requests.scopes())
    next(plan)
    plan.send(Response(200, b'{"access_token": "t-1", "expires_in": 86399}'))
    assert own.settings._kept["until"] == NOW + timedelta(seconds=86_399 - 600)


@pytest.mark.parametrize("lasts", ['"a day"', '"1.5"', "-1", "[86399]", "null"])
def test_a_token_of_which_nobody_knows_how_long_it_lasts_is_used_once(lasts: str) -> None:
    token = Response(200, f'{{"access_token": "t-1", "expires_in": {lasts}}}'.encode())
    desk = Desk(account(**FETCHED), lambda request: token if request.endpoint == "token" else pretend(request))
    for _ in range(2):
        desk.run(speak(desk.account, requests.scopes()))
    assert desk.named() == ["token", "Scopes", "token", "Scopes"]


def test_a_token_that_is_made_up_for_a_preview_is_not_kept() -> None:
    desk = Desk(account(**FETCHED))
    desk.run(speak(desk.account, requests.scopes()))
    desk.run(speak(desk.account, requests.scopes()))
    assert desk.named() == ["token", "Scopes", "token", "Scopes"]


def test_a_secret_whose_file_is_gone_is_told_and_does_not_stop_the_worker(tmp_path: Path) -> None:
    own = account(client_id="app", client_secret=Secret(tmp_path / "gone"))
    desk = Desk(own)
    answer = desk.run(speak(own, requests.scopes()))
    assert isinstance(trouble(answer), Misconfigured)


@pytest.mark.parametrize(
    ("status", "said", "kind", "words"),
    [
        (0, "", RetryLater, "no answer"),
        (301, "", Misconfigured, "another address"),
        (400, "Bad Request", Rejected, "no GraphQL"),
        (401, "[API] Invalid API key", Misconfigured, "our key"),
        (402, "", Misconfigured, "bill"),
        (403, "", Misconfigured, "may not"),
        (404, "Not Found", Misconfigured, requests.VERSION),
        (413, "", Rejected, "larger"),
        (418, "", Rejected, "refused"),
        (423, "", Misconfigured, "locked"),
        (430, "", Misconfigured, "attack"),
        (500, "", RetryLater, "not in order"),
        (200, [{"message": "x", "extensions": {"code": "ACCESS_DENIED"}}], Misconfigured, "scope"),
        (200, [{"message": "x", "extensions": {"code": "SHOP_INACTIVE"}}], Misconfigured, "inactive"),
        (200, [{"message": "x", "extensions": {"code": "THROTTLED"}}], RetryLater, "limit"),
        (200, [{"message": "x", "extensions": {"code": "MAX_COST_EXCEEDED"}}], Rejected, "costs too much"),
        (200, [{"message": "syntax"}], Rejected, "refused"),
        (200, "a text", Rejected, "refused"),
        (200, None, RetryLater, "something else"),
    ],
)
def test_every_refusal_has_a_meaning(status: int, said: Json, kind: type, words: str) -> None:
    outcome = trouble(Response(status, orjson.dumps({"errors": said})))
    assert isinstance(outcome, kind)
    assert words in getattr(outcome, "message", getattr(outcome, "reason", ""))


@pytest.mark.parametrize(
    ("field", "message", "meaning"),
    [
        (["email"], "Email has already been taken", "email_taken"),
        (["input", "email"], "Email has already been taken", "email_taken"),
        (["phone"], "Phone has already been taken", "phone_taken"),
        (["input", "phone"], "Phone is invalid", "bad_phone"),
        (["email"], "Email contains an invalid domain name", "bad_email"),
        (["input", "addresses", "0", "phone"], "Phone is invalid", "bad_address"),
        (["addresses", "0", "province"], "Province is invalid", "bad_address"),
        (["emailMarketingConsent", "marketingState"], "is not allowed", "bad_consent"),
        (["id"], "Customer does not exist", "nobody"),
        (None, "Customer must have a name, phone number or email address", "invalid"),
        (["tags"], "Too many", "invalid"),
    ],
)
def test_every_complaint_has_a_meaning(field: list[str] | None, message: str, meaning: str) -> None:
    body = {"data": refused("customerCreate", (field, message))}
    [found] = complaints(Response(200, orjson.dumps(body)))
    assert found.meaning == meaning


def test_an_unknown_complaint_names_nobody() -> None:
    body = {"data": refused("customerCreate", (["note"], "kim@customer.example and +61491570110 are odd"))}
    [found] = complaints(Response(200, orjson.dumps(body)))
    assert found.told == "note: ... and ... are odd"


def throttled(left: float) -> Response:
    status = {"maximumAvailable": 2000.0, "currentlyAvailable": left, "restoreRate": 100.0}
    cost = {"requestedQueryCost": 112, "actualQueryCost": None, "throttleStatus": status}
    errors = [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]
    return Response(200, orjson.dumps({"errors": errors, "extensions": {"cost": cost}}))


def test_what_was_throttled_waits_until_enough_has_flowed_back() -> None:
    said = plainly(throttled(36))
    assert (said.status, said.headers["Retry-After"]) == (429, "0.76")
    assert (limits(said), remaining(throttled(36))) == (((20.0, 2000),), 36)


def test_an_answer_may_lack_the_cost() -> None:
    bare = Response(200, b'{"errors": [{"extensions": {"code": "THROTTLED"}}]}')
    assert (plainly(bare).headers["Retry-After"], limits(bare), remaining(bare)) == ("1.00", (), None)


def test_a_failure_inside_shopify_is_one() -> None:
    failed = Response(200, b'{"data": null, "errors": [{"extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}')
    assert plainly(failed).status == 500
    assert plainly(Response(200, b'{"data": {"customerUpdate": {"userErrors": []}}}')).status == 200


def test_a_check_without_a_client_secret_says_that_no_webhook_is_believed() -> None:
    scopes = {"currentAppInstallation": {"accessScopes": [{"handle": "read_customers"}, {"handle": "write_customers"}]}}
    told = {**scopes, "shop": {"name": "Wattle"}}
    desk = Desk(account(access_token=Secret.of("a"), webhook_token=Secret.of("w")), answer=says(told))
    lines = {one.what: one for one in desk.run(SINK.check(desk.account))}
    assert (lines["key"].told, lines["scopes"].well, lines["webhooks"].well) == (
        "known, of the shop Wattle",
        True,
        False,
    )


def test_a_preview_shows_what_would_be_sent_and_no_secret(tmp_path: Path) -> None:
    config = tmp_path / "tillstream.toml"
    config.write_text(
        f'[state]\nfolder = "{tmp_path}"\n[connection.au]\n[connection.au.shopify]\nurl = "https://wattle.example"\n'
        'client_id = "app"\nclient_secret = "hush-hush"\nfrom_files = true\n',
        encoding="utf-8",
    )
    [file] = FILES.glob("customers_*.csv")
    asked = ["--config", str(config), "preview", str(file), "--to", "shopify", "--json"]
    result = CliRunner().invoke(tillstream, asked, prog_name="tillstream")
    assert result.exit_code == 0, result.output
    assert "hush-hush" not in result.output
    made = [one["body"]["variables"]["input"] for one in orjson.loads(result.output)["requests"]
            if "CreateCustomer" in one["body"]["query"]]  # fmt: skip
    assert made[0]["email"] == "priya.oconnor@customer.example"
    assert len(made) == 6


def test_a_pretended_shop_takes_a_new_customer() -> None:
    assert pretend(requests.create({})).ok
