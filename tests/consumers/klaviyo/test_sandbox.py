"""The same plans against the sandbox Klaviyo over HTTP: what they ask is taken, and ends where it should."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from consumers.engine.outcome import Delivered, Rejected, RetryLater
from consumers.engine.wire import Request, Response
from consumers.klaviyo.orders import orders, sums
from consumers.klaviyo.plans import profiles
from consumers.klaviyo.rewards import rewards
from consumers.klaviyo.sink import SINK
from consumers.klaviyo.tiers import tiers
from sandbox.klaviyo.server import KlaviyoServer
from tests.consumers.desk import Desk, Thing, account, customer, sale
from tests.consumers.klaviyo.exports import Exports, event, golden
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


def test_a_no_to_sms_reaches_the_number_that_stands_on_the_profile_as_well(klaviyo: KlaviyoServer, desk: Desk) -> None:
    """The row's new number is another profile's: the old one is still the one that is written to."""
    desk.send(profiles, customer("73152", mobile="+61491570006", sms_opt_in=True))
    klaviyo.seed(attributes={"email": ZOE, "phone_number": "+61491570110"}, consents={"sms": {"state": "SUBSCRIBED"}})
    later = datetime(2025, 5, 1, tzinfo=UTC)
    desk.send(profiles, customer("73152", mobile="+61491570110", sms_opt_in=False, last_updated=later))
    assert {consents(klaviyo, email)["sms"] for email in (PRIYA, ZOE)} == {"UNSUBSCRIBED"}


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


def test_f53_a_repeated_id_is_dropped_silently_and_counts_once(klaviyo: KlaviyoServer, desk: Desk) -> None:
    """A worker whose memory is gone sends it again: Klaviyo says yes as before, and keeps the first."""
    for _ in range(2):
        desk.memory.clear()
        assert [type(outcome) for outcome in desk.send(orders, sale("913748"))] == [Delivered]
        told = {"kind": "redemption", "origin": "yotpo", "redemption_id": "8841", "option_value": "20.00"}
        redeemed = event("rewards", email=PRIYA, source_time="2026-06-14T02:00:00Z", **told)
        assert [type(outcome) for outcome in desk.send(rewards, redeemed)] == [Delivered]
    assert [event["metric"] for event in klaviyo.events()] == ["In-Store Order", "Loyalty Points Redeemed"]
    assert klaviyo.counts()["tallies"]["duplicate_events"] == 2


@pytest.mark.parametrize("bulk", [False, True])
def test_the_contracts_rewards_end_as_it_says(klaviyo: KlaviyoServer, desk: Desk, bulk: bool) -> None:
    """Alone or together: what is cleared is cleared, and nobody hears of the first load."""
    steps, exports = golden("rewards")["steps"], Exports().tiers()
    others = [f"22{n},7{n},p{n}@customer.example,1,Wattle Club,2,Silver,,,2024-01-01{',' * 12}{{}}" for n in range(4)]
    for step in steps:
        day = f"{step['now'][:10]}T02:00:00"
        things = exports.rewards(step["file"], [*step["rows"], *(row.format(day) for row in others if bulk)])
        outcomes = (
            desk.send(rewards, *things) if bulk else [done for thing in things for done in desk.send(rewards, thing)]
        )
        assert not {type(outcome) for outcome in outcomes} & {Rejected, RetryLater}
        if step is steps[1]:
            assert klaviyo.events() == []
            assert klaviyo.profile(PRIYA)["properties"]["Next Tier"] == "Gold"
    kept = klaviyo.profile(PRIYA)["properties"]
    assert (kept["Rewards Tier"], kept["Rewards Points"], kept["Rewards Tier Locked Until"]) == (
        "Gold",
        20,
        "2026-04-18",
    )
    assert not kept.keys() & {"Next Tier", "Spend To Next Tier", "Next Reward Expiry"}
    told = sorted((event["metric"], event["unique"], event["value"]) for event in klaviyo.events(who=PRIYA))
    assert told == [
        ("Reward Expired", "ap21-au-reward-163910-expired", 12.5),
        ("Reward Issued", "ap21-au-reward-164500-issued", 15),
        ("Reward Redeemed", "ap21-au-reward-163910-redeemed-12.50", 17.5),
        ("Reward Redeemed", "ap21-au-reward-164002-redeemed-0.00", 15),
        ("Reward Redeemed", "ap21-au-reward-164500-redeemed-0.00", 15),
        ("Rewards Tier Changed", "ap21-au-tier-22672-2025-04-18-3", None),
    ]
    assert (klaviyo.counts()["endpoints"].get("POST /api/event-bulk-create-jobs") is not None) == bulk


def test_the_loyalty_tier_ends_as_it_says(klaviyo: KlaviyoServer, desk: Desk) -> None:
    steps = golden("loyalty_tiers")["steps"]
    desk.send(tiers, [event("tiers", **step["record"]) for step in steps[:5]])
    assert not klaviyo.profile(PRIYA)["properties"].keys() & {"Loyalty Tier", "Loyalty Tier Expiry"}
    assert [event["properties"]["Direction"] for event in klaviyo.events("Loyalty Tier Changed")] == ["up", "down"]
