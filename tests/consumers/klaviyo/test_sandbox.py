"""The same plans against the sandbox Klaviyo over HTTP: what they ask is taken, and ends where it should."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from consumers.engine.outcome import Delivered, Rejected
from consumers.engine.wire import Request, Response
from consumers.klaviyo.orders import orders, sums
from consumers.klaviyo.plans import profiles
from consumers.klaviyo.sink import SINK
from sandbox.klaviyo.server import KlaviyoServer
from tests.consumers.klaviyo.shop import Desk, Thing, account, customer, sale
from tests.sandbox.klaviyo.contract import Contract, open_contract

PRIYA, ZOE, AMY = (f"{name}@customer.example" for name in ("priya.oconnor", "zoe.dangelo", "amy.lee"))


@pytest.fixture(scope="module")
def contract() -> Contract:
    """Klaviyo's OpenAPI document, if this machine has it."""
    return open_contract()


@pytest.fixture
def desk(klaviyo: KlaviyoServer, contract: Contract) -> Iterator[Desk]:
    """A desk whose requests travel to the sandbox, and are held against Klaviyo's own contract on the way."""
    own = account(datetime.now(UTC), url=klaviyo.url)
    klaviyo.settings(limits=False)
    with httpx.Client(base_url=klaviyo.url, headers=dict(SINK.headers(own.settings)), trust_env=False) as client:

        def answer(request: Request) -> Response:
            said = client.request(request.method, request.path, params=request.query or None, json=request.body)
            contract.check(said)
            return Response(said.status_code, said.content, dict(said.headers))

        yield Desk(own, answer)


def consents(klaviyo: KlaviyoServer, who: str) -> dict[str, str]:
    return {channel: told["state"] for channel, told in klaviyo.profile(who)["consents"].items()}


@pytest.mark.parametrize("bulk", [False, True])
def test_the_contracts_customers_end_as_it_says(klaviyo: KlaviyoServer, desk: Desk, bulk: bool) -> None:
    works: list[Thing | list[Thing]] = [customer(one) for one in ("73152", "73160", "80117", "60001")]
    works.append([customer("73180"), customer("91004")])
    outcomes = desk.send(profiles, *works) if bulk else [one for work in works for one in desk.send(profiles, work)]
    assert {type(outcome) for outcome in outcomes} == {Delivered}
    assert consents(klaviyo, PRIYA) == {"email": "SUBSCRIBED", "sms": "SUBSCRIBED"}
    assert consents(klaviyo, ZOE) == {"email": "UNSUBSCRIBED", "sms": "UNSUBSCRIBED"}
    assert consents(klaviyo, AMY)["email"] == "UNSUBSCRIBED"
    assert klaviyo.profile(AMY)["properties"]["AP21 Person ID"] == "91004"
    assert all(profile["lists"] == ["Y6nRLr"] for profile in klaviyo.profiles())
    assert klaviyo.profile(ZOE)["location"]["zip"] == "0800"


def test_the_contracts_orders_end_as_it_says(klaviyo: KlaviyoServer, desk: Desk) -> None:
    desk.send(orders, *(sale(tran) for tran in ("913748", "913802", "913803", "913804", "913810")))
    desk.send(orders, sale("913801"))
    desk.send(sums, Thing(f"au/{PRIYA}", "customers", {}))
    assert [event["value"] for event in klaviyo.events("In-Store Order")] == [194.9, 49.95]
    assert sorted(event["value"] for event in klaviyo.events("In-Store Refund")) == [39.95, 59.95]
    assert klaviyo.profile(PRIYA)["properties"]["Total In-Store Order Value"] == 134.95
    [new] = desk.send(profiles, customer("73152"))
    assert isinstance(new, Delivered)
    assert klaviyo.profile(PRIYA)["lists"] == ["Y6nRLr"]


def test_one_number_at_two_addresses_is_first_come(klaviyo: KlaviyoServer, desk: Desk) -> None:
    rows = [customer("73152", f"p{n}@customer.example", person_id=str(n), mobile="+61491570006") for n in range(6)]
    outcomes = desk.send(profiles, *rows)
    assert {type(outcome) for outcome in outcomes} == {Delivered}
    assert len(klaviyo.profiles("+61491570006")) == 1
    assert len(klaviyo.profiles()) == 6


def test_a_row_that_a_job_refuses_stops_only_itself(klaviyo: KlaviyoServer, desk: Desk) -> None:
    klaviyo.sabotage(fail_emails=["p3@customer.example"])
    rows = [customer("80117", f"p{n}@customer.example", person_id=str(n)) for n in range(6)]
    outcomes = desk.send(profiles, *rows)
    assert [isinstance(outcome, Rejected) for outcome in outcomes] == [False, False, False, True, False, False]


def test_a_refusal_at_klaviyo_is_never_lifted_by_a_first_sight(klaviyo: KlaviyoServer, desk: Desk) -> None:
    klaviyo.seed(
        attributes={"email": PRIYA}, consents={"email": {"state": "UNSUBSCRIBED", "at": "2020-01-01T00:00:00Z"}}
    )
    desk.send(profiles, customer("73152", mobile=""))
    assert consents(klaviyo, PRIYA)["email"] == "UNSUBSCRIBED"


def test_a_changed_address_keeps_the_profile(klaviyo: KlaviyoServer, desk: Desk) -> None:
    desk.send(profiles, customer("73152"))
    before = klaviyo.profile(PRIYA)["id"]
    moved = {"previous_email": PRIYA, "key_email": PRIYA, "last_updated": datetime(2025, 5, 1, tzinfo=UTC)}
    [outcome] = desk.send(profiles, customer("73152", "priya.shah@customer.example", **moved))
    assert isinstance(outcome, Delivered)
    assert klaviyo.profile("priya.shah@customer.example")["id"] == before
    assert klaviyo.profiles(PRIYA) == []


def test_the_check_finds_the_sandbox_well(klaviyo: KlaviyoServer, desk: Desk) -> None:
    assert all(finding.well for finding in desk.run(SINK.check(desk.account)))
    klaviyo.settings(keys=["pk_another"])
    assert not all(finding.well for finding in desk.run(SINK.check(desk.account)))
