"""An operator's order to erase deletes the profile of its address, and a key that may not delete stops nothing else."""

from __future__ import annotations

import orjson

from consumers.engine.outcome import Delivered, Misconfigured, Rejected, RetryLater
from consumers.engine.wire import Response
from consumers.klaviyo.erasure import erasures
from tests.consumers.desk import Desk, Thing, account

KIM = Thing("au/kim@customer.example", "customers", {"until": "2025-04-20T00:00:00.000000Z"})
NO_ADDRESS = Thing("au/person:7", "customers", KIM.record)


def desk(status: int, body: bytes = b"") -> Desk:
    return Desk(account(), lambda _: Response(status, body))


def test_one_deletion_with_exactly_one_identifier() -> None:
    made = desk(202)
    (outcome,) = made.send(erasures, KIM)
    assert isinstance(outcome, Delivered)
    (asked,) = made.asked
    assert (asked.method, asked.path, asked.endpoint) == ("POST", "/api/data-privacy-deletion-jobs", "erase")
    profile = asked.body["data"]["attributes"]["profile"]["data"]
    assert profile == {"type": "profile", "attributes": {"email": "kim@customer.example"}}


def test_a_key_without_an_address_asks_for_nothing() -> None:
    made = desk(202)
    outcomes = made.send(erasures, NO_ADDRESS, KIM)
    assert [type(outcome) for outcome in outcomes] == [Delivered, Delivered]
    assert len(made.asked) == 1


def test_a_key_that_may_not_delete_is_told_and_does_not_stop_the_connection() -> None:
    told = {"errors": [{"code": "permission_denied", "detail": "missing scope data-privacy:write"}]}
    (outcome,) = desk(403, orjson.dumps(told)).send(erasures, KIM)
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "erase"
    assert "data-privacy:write" in outcome.message
    assert "kim" not in outcome.message


def test_a_key_that_is_wrong_altogether_stops_the_connection_and_buries_no_order() -> None:
    (outcome,) = desk(401).send(erasures, KIM)
    assert isinstance(outcome, Misconfigured)


def test_a_refusal_for_now_is_asked_again() -> None:
    (outcome,) = desk(429).send(erasures, KIM)
    assert isinstance(outcome, RetryLater)
