"""The same plans against the simulated account over HTTP: what they ask is taken, and ends where it should."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import orjson
import pytest

from consumers.clearer.customers import customers
from consumers.clearer.orders import UNCLEAR, orders
from consumers.clearer.points import points_back
from consumers.clearer.sink import SINK
from consumers.clearer.webhook import read
from consumers.engine.outcome import Deferred, Delivered, Misconfigured, Unchanged
from consumers.engine.wire import Request, Response
from consumers.webhooks import Event
from sandbox.clearer.server import ClearerServer
from tests.consumers.clearer.shop import PRIYA, Desk, Thing, account, customer, original, refund, sale, with_line


@pytest.fixture
def desk(clearer: ClearerServer) -> Iterator[Desk]:
    """A desk whose requests travel to the sandbox; an answer that does not come has the status 0."""
    own = account(datetime.now(UTC), url=clearer.url)
    with httpx.Client(base_url=clearer.url, headers=dict(SINK.headers(own.settings)), trust_env=False) as client:

        def answer(request: Request) -> Response:
            try:
                said = client.request(request.method, request.path, json=request.body)
            except httpx.TransportError:
                return Response(0)
            return Response(said.status_code, said.content, dict(said.headers))

        yield Desk(own, answer)


def test_the_contracts_files_end_as_they_should(clearer: ClearerServer, desk: Desk) -> None:
    desk.send(customers, *map(customer, ("73152", "73160", "73180", "91004", "80117", "60001")))
    desk.send(orders, *map(sale, ("913748", "913802", "913803", "913804", "913805", "913810")))
    assert clearer.customer("73152")["pointBalance"] == 194
    assert isinstance(desk.send(orders, refund())[0], Delivered)
    assert clearer.customer("73152")["pointBalance"] == 134
    assert clearer.customer("80117")["pointBalance"] == 10
    assert {one["externalId"] for one in clearer.customers()} == {"73152", "73160", "73180", "80117", "60001"}
    assert [one["externalId"] for one in clearer.orders()] == ["D11300004711", "D11300004741"]
    assert clearer.unknown() == []


def test_all_of_a_sale_comes_back(clearer: ClearerServer, desk: Desk) -> None:
    desk.send(orders, sale("913748"))
    desk.send(orders, refund(), with_line(refund(tran_idx="R2"), line_value=Decimal("-134.95")))
    [order] = clearer.orders()
    assert (order["financialStatus"], clearer.customer("73152")["pointBalance"]) == ("refunded", 0)


@pytest.mark.parametrize(("fault", "done"), [("answer", True), ("answer", False), ("reset", True), ("reset", False)])
def test_an_unclear_answer_never_makes_two_orders(clearer: ClearerServer, desk: Desk, fault: str, done: bool) -> None:
    desk.send(customers, customer("73152"))
    clearer.fault(kind=fault, status=500, endpoint="POST /v1/orders", times=1, done=done)
    assert desk.send(orders, sale("913748")) == [UNCLEAR]
    assert isinstance(desk.send(orders, sale("913748"))[0], Delivered)
    [order] = clearer.orders()
    assert (order["posted"], clearer.customer("73152")["pointBalance"]) == (1, 194)


def test_a_refund_before_its_order_waits_and_is_right_in_the_end(clearer: ClearerServer, desk: Desk) -> None:
    elsewhere = "au/priya.shah@customer.example"
    early = refund(original=original(key=elsewhere))
    assert isinstance(desk.send(orders, early)[0], Deferred)
    desk.send(orders, sale("913748"))
    assert isinstance(desk.send(orders, early)[0], Delivered)
    assert desk.send(orders, early) == [Unchanged()]
    assert clearer.orders()[0]["total"] == "134.95"


def test_a_tier_that_changes_is_told_and_can_be_read(clearer: ClearerServer, desk: Desk) -> None:
    desk.send(orders, with_line(sale("913748"), line_value=Decimal("600.00")))
    [told] = clearer.webhooks("customers/tier_changed")
    [event] = read(desk.account, {"x-webhook-topic": told.pop("topic")}, orjson.dumps(told), desk.account.now())
    assert isinstance(event, Event)
    assert (event.tail, event.record["tier_name"], event.record["person_id"]) == (PRIYA[3:], "Gold", "73152")


def test_points_of_a_redemption_go_back(clearer: ClearerServer, desk: Desk) -> None:
    desk.send(orders, sale("913748"))
    told = clearer.redeem("73152", 100)
    [event] = read(desk.account, {"x-webhook-topic": "points/redeemed"}, orjson.dumps(told), desk.account.now())
    assert isinstance(event, Event)
    back = Thing(PRIYA, "rewards", {**event.record, "kind": "points_back", "reason": "no voucher"})
    clearer.fault(kind="reset", endpoint="POST /v1/customers/{customerId}/points", times=1, done=True)
    outcomes = desk.send(points_back, back, back, back)
    assert isinstance(outcomes[1], Delivered)
    assert outcomes[2] == Unchanged()
    assert clearer.customer("73152")["pointBalance"] == 194


def test_a_wrong_key_stops_the_connection_and_the_check_says_so(clearer: ClearerServer, desk: Desk) -> None:
    assert all(finding.well for finding in desk.run(SINK.check(desk.account)))
    clearer.settings(api_key="k-2")
    assert isinstance(desk.send(customers, customer("73152"))[0], Misconfigured)
    assert not all(finding.well for finding in desk.run(SINK.check(desk.account)))
