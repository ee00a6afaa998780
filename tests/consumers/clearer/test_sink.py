"""What Clearer declares: limits, headers, the table of refusals, assumed names, the check."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from consumers.clearer import assumed
from consumers.clearer.check import pretend
from consumers.clearer.errors import judge, no_such_order
from consumers.clearer.settings import ClearerSettings
from consumers.clearer.sink import SINK
from consumers.engine.outcome import Misconfigured, Rejected, RetryLater
from consumers.engine.wire import Request, Response
from sandbox.clearer.door import ROUTES
from tests.consumers.clearer.shop import Desk, account
from tillstream.settings import Secret


def targets(table: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for row in table.get("row", ()):
        yield above + row["target"]
    if each := table.get("each"):
        yield each["target"]
        yield from targets(each, f"{each['target']}.")


def test_every_name_in_a_table_is_in_the_one_list_of_assumed_names() -> None:
    for spec in SINK.tables:
        table = tomllib.loads(spec.shipped.read_text("utf-8"))
        assert set(targets(table)) == assumed.BODIES[spec.name].keys()


def test_the_simulator_answers_every_path_that_we_ask() -> None:
    known = {route.split()[1] for route in ROUTES}
    paths = (assumed.CUSTOMERS, assumed.CUSTOMER, assumed.POINTS, assumed.ORDERS, assumed.ORDER)
    ours = {path.name.replace("orders/{id}", "orders/{orderId}").replace("{id}", "{customerId}") for path in paths}
    assert ours <= known


def test_requests_carry_the_key_which_may_be_in_a_file_that_is_read_again(tmp_path: Path) -> None:
    assert SINK.headers(account().settings) == {"x-api-key": "k-1", "Content-Type": "application/json"}
    key = tmp_path / "key"
    key.write_text("first\n")
    settings = ClearerSettings.model_validate({"api_key_file": str(key)})
    assert SINK.headers(settings)["x-api-key"] == "first"
    key.write_text("second\n")
    assert SINK.headers(settings)["x-api-key"] == "second"


def test_connections_with_one_key_share_an_account_and_its_rate() -> None:
    one, same = account().settings, account(rate=5).settings
    other = ClearerSettings(api_key=Secret.of("k-2"))
    assert SINK.account_id(one) == SINK.account_id(same) != SINK.account_id(other)
    assert "k-1" not in SINK.account_id(one)
    assert [quota.windows for quota in SINK.quotas(one)] == [((1.0, 2),)]
    assert [quota.windows for quota in SINK.quotas(same)] == [((1.0, 5),)]


@pytest.mark.parametrize(
    "wrong", [{"orders": "weekly"}, {"tier_expiry": "never"}, {"rate": 0}, {"start": "soon"}, {"api_keys": "x"}]
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ClearerSettings.model_validate({"api_key": "k-1", **wrong})


@pytest.mark.parametrize(
    ("status", "message", "kind", "words"),
    [
        (0, "", RetryLater, "no answer"),
        (400, "email is required", Rejected, "invalid"),
        (401, "", Misconfigured, "API key"),
        (402, "", Misconfigured, "plan"),
        (403, "", Misconfigured, "plan"),
        (404, "Customer not found", Rejected, "this customer"),
        (404, "Order not found.", Rejected, "this order"),
        (404, "Cannot GET /v2", Misconfigured, "url"),
        (405, "", Misconfigured, "method"),
        (308, "", Misconfigured, "url"),
        (408, "", RetryLater, "timed out"),
        (409, "", Rejected, "already"),
        (413, "", Rejected, "larger"),
        (418, "", Rejected, "refused"),
        (422, "", Rejected, "invalid"),
        (423, "", RetryLater, "locked"),
        (429, "", RetryLater, "limit"),
        (500, "", RetryLater, "not in order"),
        (503, "", RetryLater, "not in order"),
    ],
)
def test_every_refusal_has_a_meaning(status: int, message: str, kind: type, words: str) -> None:
    found = judge(Response(status, orjson.dumps({"message": message})))
    assert isinstance(found, kind)
    assert words in (found.message if isinstance(found, Rejected) else found.reason)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"message":null}', b'{"message":["x"]}'])
def test_a_refusal_in_no_shape_is_still_one(body: bytes) -> None:
    assert isinstance(judge(Response(400, body)), Rejected)
    assert not no_such_order(Response(404, body))


def test_a_refusals_own_words_are_not_repeated() -> None:
    found = judge(Response(400, b'{"message":"kim@customer.example is already in use"}'))
    assert isinstance(found, Rejected)
    assert "kim" not in found.message


def test_the_check_says_what_to_do() -> None:
    well = Desk(account(webhook_token=Secret.of("t")), pretend)
    assert [finding.well for finding in well.run(SINK.check(well.account))] == [True, True, True]
    silent = Desk(account(tier_expiry="calendar_year_end"), pretend)
    told = {finding.what: finding.told for finding in silent.run(SINK.check(silent.account))}
    assert "webhook_token" in told["webhooks"]
    assert "calendar_year_end" in told["tier expiry"]
    for status, words in ((401, "api_key"), (404, "url"), (0, "no answer")):
        wrong = Desk(account(), lambda _, status=status: Response(status))  # type: ignore[misc]
        [finding] = wrong.run(SINK.check(wrong.account))
        assert not finding.well
        assert words in finding.told


def test_a_preview_finds_nobody_and_everything_goes() -> None:
    assert all(pretend(Request(*call)).ok for call in (("PUT", "/v1/customers/7", "x"), ("POST", "/v1/orders", "x")))
    assert no_such_order(pretend(Request("GET", "/v1/orders/D1", "x")))
    assert pretend(Request("GET", "/v1/customers/7", "x")).status == 404


def test_what_it_declares() -> None:
    assert SINK.topics == ("customers", "orders", "rewards")
    assert SINK.url(account().settings) == "https://platform.api.influence.io"
    assert {spec.name for spec in SINK.tables} == set(assumed.BODIES)
