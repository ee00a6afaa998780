"""What Klaviyo declares: limits, headers, the table of refusals, the check."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest
from pydantic import ValidationError

from consumers.engine.assemble import accounts
from consumers.engine.outcome import Misconfigured, Rejected, RetryLater
from consumers.engine.wire import Request, Response
from consumers.klaviyo.check import pretend
from consumers.klaviyo.errors import blame, judge
from consumers.klaviyo.settings import KlaviyoSettings
from consumers.klaviyo.sink import SINK, remaining
from tests.consumers.desk import Desk, account
from tillstream.clock import SYSTEM
from tillstream.settings import Secret, load


def test_requests_say_who_we_are_and_which_revision_we_speak() -> None:
    assert SINK.headers(account().settings) == {
        "Authorization": "Klaviyo-API-Key pk_sandbox",
        "revision": "2026-07-15",
        "X-Klaviyo-Revision-Fall-Forward-Opt-Out": "1",
        "Content-Type": "application/vnd.api+json",
        "Accept": "application/vnd.api+json",
    }


def test_a_key_may_be_in_a_file_that_is_read_again(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("pk_first\n")
    settings = KlaviyoSettings.model_validate({"private_key_file": str(key)})
    assert SINK.headers(settings)["Authorization"].endswith("pk_first")
    key.write_text("pk_second\n")
    assert SINK.headers(settings)["Authorization"].endswith("pk_second")


def test_two_connections_with_one_key_share_an_account_and_the_key_does_not_show() -> None:
    one, same = account().settings, account(list="Other1").settings
    other = KlaviyoSettings(private_key=Secret.of("pk_other"))
    assert SINK.account_id(one) == SINK.account_id(same) != SINK.account_id(other)
    assert "pk_" not in SINK.account_id(one)


def test_an_account_knows_whether_another_connection_uses_it(tmp_path: Path) -> None:
    keys = {"wattle": "pk_one", "banksia": "pk_one", "nz": "pk_two"}
    place = tmp_path / "tillstream.toml"
    place.write_text(
        "".join(
            f'[connection.{name}.folder]\npath = "{tmp_path}"\n[connection.{name}.klaviyo]\nprivate_key = "{key}"\n'
            for name, key in keys.items()
        )
    )
    found = accounts(load(place, {}, {"klaviyo": KlaviyoSettings}), SINK, SYSTEM.now)
    assert {name: one.shared() for name, one in found.items()} == {"wattle": True, "banksia": True, "nz": False}


def test_limits_are_klaviyos_unless_a_merchant_says_otherwise() -> None:
    limits = {"profile-import": [(1, 75), (60, 700)], "event": []}
    quotas = {quota.endpoint: quota.windows for quota in SINK.quotas(account(limits=limits).settings)}
    assert quotas["profile-import"] == ((1, 75), (60, 700))
    assert "event" not in quotas
    assert quotas["unsubscribe"] == ((1, 75), (60, 750))
    with pytest.raises(ValidationError, match="unknown endpoint profile-imports"):
        account(limits={"profile-imports": []})


def test_what_is_left_is_read_from_the_header() -> None:
    assert remaining(Response(200, headers={"RateLimit-Remaining": "41"})) == 41
    assert remaining(Response(429)) is None


@pytest.mark.parametrize(
    ("status", "code", "kind", "words"),
    [
        (301, "", Misconfigured, "url"),
        (400, "invalid", Rejected, "refused as invalid"),
        (400, "not_authenticated", Misconfigured, "private key"),
        (401, "not_authenticated", Misconfigured, "private key"),
        (403, "permission_denied", Misconfigured, "scope"),
        (404, "not_found", Rejected, "id"),
        (409, "duplicate_profile", Rejected, "two profiles"),
        (410, "gone", Misconfigured, "revision"),
        (413, "too_large", Rejected, "larger"),
        (415, "unsupported", Misconfigured, "content type"),
        (418, "teapot", Rejected, "refused"),
        (500, "error", RetryLater, "not in order"),
        (524, "error", RetryLater, "not in order"),
        (0, "", RetryLater, "no answer"),
    ],
)
def test_every_refusal_has_a_meaning(status: int, code: str, kind: type, words: str) -> None:
    found = judge(Response(status, orjson.dumps({"errors": [{"id": "e1", "code": code}]})))
    assert isinstance(found, kind)
    assert words in (found.message if isinstance(found, Rejected) else found.reason)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"errors":"no"}', b'{"errors":[{"source":null}]}', b"null"])
def test_a_refusal_in_no_shape_is_still_one(body: bytes) -> None:
    assert isinstance(judge(Response(400, body)), Rejected)
    assert blame(Response(400, body)) == []


def test_the_check_says_what_to_do() -> None:
    def answer(request: Request) -> Response:
        if request.path == "/api/accounts":
            return Response(
                200,
                b'{"data":[{"id":"Qx7Rt2","attributes":{"timezone":"Australia/Sydney","preferred_currency":"AUD"}}]}',
            )
        if request.path.endswith("Gone12"):
            return Response(404)
        return Response(403) if request.path == "/api/metrics" else pretend(request)

    desk = Desk(account(lists={"RUNDLE": "Gone12"}), answer)
    found = {finding.what: finding for finding in desk.run(SINK.check(desk.account))}
    assert found["private key"].well
    assert not found["list Gone12"].well
    assert "metrics:read" in found["metrics"].told
    assert found["write scopes"].well
    for status, setting in ((401, "private_key"), (404, "url"), (200, "url")):
        stopped = Desk(account(), lambda _, status=status: Response(status, b'"Welcome"'))  # type: ignore[misc]
        [finding] = stopped.run(SINK.check(stopped.account))
        assert finding.told.endswith(setting)


def test_tables_are_toml_that_reads_and_json_that_writes() -> None:
    assert all(spec.name.startswith("klaviyo.") and spec.shipped.is_file() for spec in SINK.tables)
    assert SINK.topics == ("customers", "orders", "rewards", "tiers")
    assert json.dumps(SINK.url(account().settings)) == '"https://a.klaviyo.com"'


def test_a_missing_scope_is_named_as_klaviyo_names_it() -> None:
    error = {"code": "permission_denied", "detail": "The key lacks one of the scopes: lists:write, profiles:write."}
    said = judge(Response(403, orjson.dumps({"errors": [error]})))
    told = "the private key lacks a scope: lists:write, profiles:write (403 permission_denied)"
    assert said == Misconfigured(told, "permission")
