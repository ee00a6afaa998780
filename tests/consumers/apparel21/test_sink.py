"""What Apparel21 declares: pace, headers, settings, the table of refusals, the check."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from consumers.apparel21.errors import judge
from consumers.apparel21.sink import SINK
from consumers.engine.outcome import Misconfigured, Rejected, RetryLater
from consumers.engine.wire import Request, Response
from sandbox.apparel21.server import Apparel21Server
from tests.consumers.apparel21.counter import Desk, account, event


def test_requests_say_who_we_are_and_that_they_are_xml() -> None:
    assert SINK.headers(account().settings) == {
        "Authorization": "Basic dGlsbHN0cmVhbTpzYW5kYm94",
        "Content-Type": "text/xml",
    }


def test_one_request_at_a_time_for_all_connections_at_one_host() -> None:
    [quota] = SINK.quotas(account().settings)
    assert quota.windows == ((0.5, 1),)
    one = SINK.account_id(account().settings)
    assert one == SINK.account_id(account(url="https://AP21.example/RetailAPITest", username="other").settings)
    assert one != SINK.account_id(account(url="https://ap22.example/RetailAPI").settings)


@pytest.mark.parametrize(
    "wrong",
    [
        {"tier": ["reference"]},
        {"tier": ["elsewhere"]},
        {"loyalty": {"types": {"Gold": 1}, "message": True}},
        {"consent": [{"channel": "email"}]},
        {"consent": [{"channel": "email", "privacy": True, "reference": 17}]},
        {"consent": [{"channel": "email", "card": "Loyalty"}]},
        {"consent": [{"channel": "email", "reference": 17}]},
        {"voucher": {"type": "LOYALTY_EMAIL"}},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        account(**wrong)


def error(status: int, code: int) -> Response:
    told = f"<Ap21Error><ErrorCode>{code}</ErrorCode><Description>Kim Staff</Description></Ap21Error>"
    return Response(status, told.encode())


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (Response(0), RetryLater, "no answer"),
        (Response(401, b"<html>401"), Misconfigured, "password"),
        (Response(403, b"<html>forbidden"), Misconfigured, "let us in"),
        (error(403, 5029), Misconfigured, "country_code"),
        (error(400, 5045), Misconfigured, "version"),
        (error(403, 5247), Misconfigured, "licensed"),
        (error(400, 5010), RetryLater, "changed"),
        (error(403, 5015), RetryLater, "database"),
        (error(400, 5013), Rejected, "several"),
        (error(403, 5014), Rejected, "too long"),
        (error(404, 5008), Rejected, "no data"),
        (Response(404), Rejected, "not found"),
        (Response(404, b"<html>no such page"), RetryLater, "no such page"),
        (error(400, 4711), Rejected, "refused"),
        (Response(302, b"<html>log in"), Misconfigured, "another address"),
        (Response(200, b"<html>busy"), RetryLater, "something else"),
        (Response(500, b"<html>"), RetryLater, "not in order"),
        (error(500, 5014), RetryLater, "not in order"),
    ],
)
def test_every_refusal_has_a_meaning_and_names_nobody(answer: Response, kind: type, words: str) -> None:
    found = judge(answer)
    assert isinstance(found, kind)
    told = found.message if isinstance(found, Rejected) else found.reason
    assert words in told
    assert "Kim" not in told


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE a [<!ENTITY x "boom">]><AP21Error><ErrorCode>&x;</ErrorCode></AP21Error>',
        b"<AP21Error",
        b"\xff\xfe",
        b'<?xml version="1.0" encoding="unheard-of"?><AP21Error/>',
    ],
)
def test_xml_that_is_not_harmless_is_no_xml(body: bytes) -> None:
    assert isinstance(judge(Response(400, body)), Rejected)


def test_the_check_looks_at_every_place_and_names_what_is_missing() -> None:
    settings: dict[str, Any] = {
        "tier": ["custom_data", "reference", "loyalty", "rewards_account"],
        "custom_data": {"card": "Loyalty", "points": "Punkte"},
        "reference": {"type": 1361, "codes": {"Gold": 20502, "Platinum": 20503}},
        "loyalty": {"types": {"Gold": 30872}},
        "rewards_account": {"tiers": {"Gold": 3, "Platinum": 4}},
        "voucher": {"sku": 6321},
        "consent": [{"channel": "sms", "card": "Loyalty", "field": "SMS opt in"}],
    }
    with Apparel21Server() as server, httpx.Client(base_url=server.api, trust_env=False) as client:
        own = account(url=server.api, **settings)

        def answer(request: Request) -> Response:
            headers = {**SINK.headers(own.settings), **dict(request.headers)}
            said = client.request(request.method, request.path, params=request.query, headers=headers)
            return Response(said.status_code, said.content, dict(said.headers))

        desk = Desk(own, answer)
        found = {finding.what: finding for finding in desk.run(SINK.check(own))}
        server.settings(release="2019.2")
        old = {finding.what: finding for finding in desk.run(SINK.check(own))}
        server.settings(password="another")
        [locked_out] = desk.run(SINK.check(own))
        elsewhere = account(url=f"{server.url}/nowhere", **settings)
        [nowhere] = Desk(elsewhere, lambda _: Response(404)).run(SINK.check(elsewhere))
    assert (nowhere.well, nowhere.told) == (False, "the Retail API is not at this address: look at url")
    assert found["release"].told == "2025.1"
    assert "'Punkte'" in found["custom data card 'Loyalty'"].told
    assert "20503 (tier 'Platinum')" in found["reference type 1361"].told
    assert found["reference type 366"].well
    assert "4 (tier 'Platinum')" in found["rewards program"].told
    assert "too old for custom data, reading changed persons" in old["release"].told
    assert not locked_out.well


@pytest.mark.parametrize(
    ("types", "well"), [(error(404, 5008), True), (Response(404), True), (error(403, 5029), False)]
)
def test_an_apparel21_without_reference_types_for_persons_is_well_where_none_is_needed(
    types: Response, well: bool
) -> None:
    def answer(request: Request) -> Response:
        return types if request.path == "/PersonReferenceTypes/" else Response(200, b"<html>2025.1</html>")

    desk = Desk(account(), answer)
    found = {finding.what: finding for finding in desk.run(SINK.check(desk.account))}
    assert found["country_code"].well == well


def test_a_preview_knows_nobody_and_makes_them() -> None:
    desk = Desk(account(), SINK.pretend)
    thing = event("customers", email="kim@customer.example", origin="shopify", source_time="2025-04-02T01:00:00Z")
    desk.send(SINK.routes[0].plan, thing)
    assert desk.calls() == ["GET /Persons", "POST /Persons/"]
