"""An operator's order to erase is given on to the shop, for the customer of its address and for nobody else."""

from __future__ import annotations

import orjson
import pytest

from consumers.engine.outcome import Delivered, Misconfigured, Outcome, Rejected, RetryLater
from consumers.engine.wire import Response
from consumers.shopify.erasure import erasures
from tests.consumers.desk import Answer, Thing
from tests.consumers.shopify.shop import GID, PRIYA, Desk, by_name, customer, is_customer, refused, says

ORDER = Thing(PRIYA, "customers", {"until": "2025-04-20T00:00:00.000000Z"})
NO_ADDRESS = Thing("au/person:7", "customers", ORDER.record)
ERASED = {"customerRequestDataErasure": {"customerId": f"{GID}1", "userErrors": []}}
ROOT = "customerRequestDataErasure"


def erased(answer: Answer, thing: Thing = ORDER) -> tuple[Desk, Outcome]:
    desk = Desk(answer=answer)
    (outcome,) = desk.send(erasures, thing)
    return desk, outcome


def test_the_customer_is_looked_up_and_ordered_to_be_erased() -> None:
    desk, outcome = erased(says(is_customer(customer("1")), ERASED))
    assert isinstance(outcome, Delivered)
    looked, ordered = desk.said()
    assert looked["variables"] == {"identifier": {"emailAddress": PRIYA[3:]}}
    assert ordered == {"operation": "EraseCustomer", "variables": {"customerId": f"{GID}1"}}


def test_nobody_is_erased_for_a_key_without_an_address_or_that_the_shop_does_not_know() -> None:
    desk, outcome = erased(says(), NO_ADDRESS)
    assert isinstance(outcome, Delivered)
    assert desk.named() == []
    desk, outcome = erased(says())
    assert isinstance(outcome, Delivered)
    assert desk.named() == ["LookupCustomer"]


def test_an_app_without_the_scope_is_told_and_stops_nothing_else() -> None:
    denied = {"errors": [{"message": "Access denied", "extensions": {"code": "ACCESS_DENIED"}}]}
    _, outcome = erased(says(is_customer(customer("1")), Response(200, orjson.dumps(denied))))
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "erase"
    assert "write_customer_data_erasure" in outcome.message


@pytest.mark.parametrize("body", [b"[]", b'"no"', b"null"])
def test_a_refusal_in_another_shape_stops_the_connection_like_any(body: bytes) -> None:
    assert isinstance(erased(says(is_customer(customer("1")), Response(403, body)))[1], Misconfigured)


def test_a_shop_that_fails_to_take_the_order_is_told_and_one_that_lost_the_customer_is_done() -> None:
    failed = refused(ROOT, (["customerId"], "Failed to request customer data erasure"))
    _, outcome = erased(says(is_customer(customer("1")), failed))
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "erase"
    gone = refused(ROOT, (["customerId"], "Customer does not exist"))
    assert isinstance(erased(says(is_customer(customer("1")), gone))[1], Delivered)


def test_what_passes_is_asked_again_and_a_wrong_key_waits_for_a_right_one() -> None:
    assert isinstance(erased(by_name(LookupCustomer=lambda _: Response(503)))[1], RetryLater)
    assert isinstance(erased(says(is_customer(customer("1")), Response(503)))[1], RetryLater)
    assert isinstance(erased(lambda request: Response(401))[1], Misconfigured)
