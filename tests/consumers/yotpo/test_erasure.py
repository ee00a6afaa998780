"""An operator's order to erase anonymises the customer of its address; an account that may not stops nothing else."""

from __future__ import annotations

import httpx
import pytest

from consumers.engine.outcome import Delivered, Misconfigured, Outcome, Rejected, RetryLater
from consumers.engine.wire import Response
from consumers.yotpo.erasure import erasures
from sandbox.yotpo.server import YotpoServer
from tests.consumers.desk import Answer, Thing
from tests.consumers.yotpo.shop import Desk, account, says

KIM = Thing("au/kim@customer.example", "customers", {"until": "2025-04-20T00:00:00.000000Z"})
NO_ADDRESS = Thing("au/person:7", "customers", KIM.record)


def erased(answer: Answer, thing: Thing = KIM) -> tuple[Desk, Outcome]:
    desk = Desk(account(), answer)
    (outcome,) = desk.send(erasures, thing)
    return desk, outcome


def test_the_address_is_asked_for_and_stands_in_no_address_line() -> None:
    desk, outcome = erased(says(200))
    assert isinstance(outcome, Delivered)
    (asked,) = desk.asked
    assert (asked.method, asked.path, asked.query) == ("DELETE", "/privacy/data", ())
    assert asked.body == {"email": "kim@customer.example"}


def test_a_key_without_an_address_asks_for_nothing() -> None:
    desk, outcome = erased(says(200), NO_ADDRESS)
    assert isinstance(outcome, Delivered)
    assert desk.asked == []


def test_nobody_at_the_address_is_nobody_to_erase() -> None:
    _, outcome = erased(says(404, {"error_message": "Could not find customer"}))
    assert isinstance(outcome, Delivered)


def test_a_page_for_people_does_not_say_that_there_is_nobody() -> None:
    page = Response(404, b"<!doctype html><title>Not Found</title><p>Ask our customer service.</p>")
    _, outcome = erased(lambda _: page)
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "erase"


@pytest.mark.parametrize("status", [400, 403, 404, 405, 422])
def test_an_account_that_does_not_erase_is_told_and_stops_nothing_else(status: int) -> None:
    _, outcome = erased(says(status, {"error_message": "no"}))
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "erase"
    assert "privacy request" in outcome.message


@pytest.mark.parametrize("status", [0, 429, 503])
def test_what_passes_is_asked_again(status: int) -> None:
    assert isinstance(erased(says(status))[1], RetryLater)


def test_wrong_keys_stop_the_connection_and_bury_no_order() -> None:
    assert isinstance(erased(says(401))[1], Misconfigured)


def test_the_sandbox_forgets_whom_it_is_asked_to() -> None:
    with YotpoServer(limits=False) as yotpo:
        keys = {"X-GUID": "g-1", "X-API-KEY": "k-1"}
        with httpx.Client(base_url=yotpo.api, headers=keys, trust_env=False) as client:
            client.post("/customers", json={"email": "kim@customer.example", "id": "7"})
            client.request("DELETE", "/privacy/data", json={"email": "Kim@customer.example"})
            assert client.get("/customers", params={"customer_email": "kim@customer.example"}).status_code == 404
            assert client.request("DELETE", "/privacy/data", json={"email": "kim@customer.example"}).status_code == 404
