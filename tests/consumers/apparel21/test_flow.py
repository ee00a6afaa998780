"""The whole way: events on real Kafka, the real engine, Apparel21's own rules at the end."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sandbox.apparel21.server import Apparel21Server
from sandbox.kafka.broker import Broker
from schemas.topics import EVENT_TOPICS
from tests import accounts
from tests.consumers.apparel21.counter import Thing, event
from tests.ground import Ground
from tests.waiting import Leap, until

PRIYA = "priya.oconnor@customer.example"
CARD = 'tier = ["custom_data"]'
REFERENCE = "reference = { type = 1361, codes = { Silver = 20501, Gold = 20502 } }"
TYPES = "loyalty = { types = { Silver = 30871, Gold = 30872 } }"
ACCOUNT = "rewards_account = { tiers = { Silver = 2, Gold = 3 } }"
VOUCHER = 'voucher = { sku = 6321, type = "LOYALTY_EMAIL", amounts = { "$20 off" = 20 } }'

Open = Callable[..., Ground]


@pytest.fixture
def street(kafka: Broker, prefix: str, tmp_path: Path, apparel21: Apparel21Server) -> Open:
    """A ground whose connection has an account with these settings."""

    def made(settings: str) -> Ground:
        ground = Ground(kafka.bootstrap, prefix, tmp_path, accounts.apparel21(apparel21, settings), sink="apparel21")
        ground.create()
        return ground

    return made


def everything(road: Ground) -> bytes:
    """Every byte that stands in any topic of this test: keys, values and headers."""
    own = [name("apparel21") for name in (road.names.state, road.names.dead_letters, road.names.replay)]
    names = [*map(road.names.topic, EVENT_TOPICS), road.names.receipts, *own]
    parts = [
        part
        for name in names
        for one in road.read(name)
        for part in (one.key(), one.value(), *(value for _, value in one.headers() or ()))
    ]
    return b"\n".join(part for part in parts if part)


def gold(minute: int = 0, **changes: Any) -> Thing:
    """A tier event of this minute."""
    told = {"kind": "earned", "email": PRIYA, "tier_name": "Gold", "tier_expiry": "2027-12-31", "points_balance": 640}
    when = {"origin": "yotpo", "source_time": f"2026-06-14T02:{minute:02d}:00Z"}
    return event("tiers", **{**told, **when, **changes})


def redemption(**changes: Any) -> Thing:
    """A redemption of twenty dollars."""
    told = {"kind": "redemption", "email": PRIYA, "redemption_id": "8841", "option_name": "$20 off", "points": 200}
    when = {"origin": "yotpo", "source_time": "2026-06-14T02:00:00Z"}
    return event("rewards", **{**told, **when, "option_type": "Custom Reward", **changes})


def test_a_tier_goes_on_the_card(street: Open, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7, cards={"Loyalty": {"Note": "VIP"}})
    road = street(CARD)
    road.write(gold())
    assert road.consume() == 0
    card = apparel21.person(7)["cards"]["Loyalty"]
    assert card == {"Note": "VIP", "Tier": ["Gold"], "Tier expiry": "2027-12-31", "Points": "640"}
    assert road.totals() == {"tiers/delivered": 1}


def test_a_tier_becomes_a_reference_code(street: Open, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7, references={"1321": 20411})
    road = street(f'tier = ["reference"]\n{REFERENCE}')
    road.write(gold())
    road.consume()
    assert apparel21.person(7)["references"] == {"1321": 20411, "1361": 20502}


def test_a_tier_becomes_a_loyalty_type(street: Open, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7, loyalties=[{"type": 30871, "CardNo": "LM7"}, {"type": 30861}])
    road = street(f'tier = ["loyalty"]\n{TYPES}')
    road.write(gold())
    road.consume()
    silver, club = apparel21.person(7)["loyalties"]
    assert (silver["type"], silver["values"]["Expiry"], silver["values"]["CardNo"]) == (30872, "2027-12-31", "LM7")
    assert club["type"] == 30861


def test_a_tier_is_set_on_the_rewards_account(street: Open, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7, tier=2)
    stamp = apparel21.person(7)["stamp"]
    road = street(f'tier = ["rewards_account"]\n{ACCOUNT}')
    road.write(gold())
    road.consume()
    person = apparel21.person(7)
    assert (person["account"]["tier"], person["account"]["locked"]) == (3, "2027-12-31")
    assert person["stamp"] == stamp


def test_a_tier_goes_to_two_places_at_once(street: Open, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7, tier=2)
    road = street(f'tier = ["custom_data", "rewards_account"]\n{ACCOUNT}')
    road.write(gold())
    road.consume()
    person = apparel21.person(7)
    assert person["cards"]["Loyalty"]["Tier"] == ["Gold"]
    assert person["account"]["tier"] == 3


def test_two_tier_changes_and_a_till_edit_at_once(street: Open, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7)
    apparel21.till(7, reads=2, texts={"Addresses/Billing/City": "Ballarat"})
    road = street(CARD)
    road.write(gold(5, kind="lost", tier_name="Silver", tier_expiry=None))
    road.write(gold(9, tier_expiry="2028-12-31"))
    road.consume()
    person = apparel21.person(7)
    assert person["texts"]["Addresses/Billing/City"] == "Ballarat"
    assert person["cards"]["Loyalty"] == {"Tier": ["Gold"], "Tier expiry": "2028-12-31", "Points": "640"}
    assert apparel21.counts()["endpoints"]["PUT /Persons/{id}"]["400"] == 2


def test_an_older_change_that_comes_late_changes_nothing(street: Open, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7)
    road = street(CARD)
    road.write(gold(9))
    road.consume()
    road.write(gold(5, tier_name="Silver"))
    road.consume()
    assert apparel21.person(7)["cards"]["Loyalty"]["Tier"] == ["Gold"]
    assert road.totals() == {"tiers/delivered": 1, "tiers/superseded": 1}


def test_an_unknown_tier_is_told_and_never_made(street: Open, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7)
    road = street(f'tier = ["custom_data", "reference"]\n{REFERENCE}')
    road.write(gold(tier_name="Platinum"))
    road.consume()
    (letter,) = road.dead()
    assert letter["reason"] == "unknown_tier"
    assert "Platinum" in letter["message"]
    assert apparel21.person(7)["cards"] == {}


def test_who_is_not_marked_waits_and_is_written_once_marked(street: Open, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7, web=False)
    road, clock = street(CARD), Leap()
    road.write(gold())
    road.consume(clock=clock)
    assert road.totals() == {}
    apparel21.mark(7, web=True)
    clock.leap(61)
    road.consume(clock=clock)
    assert apparel21.person(7)["cards"]["Loyalty"]["Tier"] == ["Gold"]
    assert road.totals() == {"tiers/delivered": 1}


def test_who_never_shows_is_told_with_the_hint(street: Open, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7, web=False)
    road, clock = street(f'{CARD}\nperson_wait = "3m"'), Leap()
    road.write(gold())
    for _ in range(4):
        road.consume(clock=clock)
        clock.leap(125)
    (letter,) = road.dead()
    assert (letter["reason"], "marked WEB" in letter["message"]) == ("unknown_person", True)
    assert PRIYA not in str(letter)


@pytest.mark.parametrize("fault", [{"kind": "reset", "done": True}, {"status": 500, "done": True}, {"status": 503}])
def test_a_new_online_customer_is_made_once(street: Open, apparel21: Apparel21Server, fault: dict[str, Any]) -> None:
    apparel21.fault(endpoint="POST /Persons", times=1, **fault)
    road = street(CARD)
    liam = {"email": "liam@customer.example", "firstname": "Liam", "surname": "Nguyen", "shopify_id": "77"}
    when = {"origin": "shopify", "source_time": "2026-06-14T02:00:00Z"}
    road.write(event("customers", **liam, **when, email_opt_in=False))
    road.consume()
    assert road.totals() == {"customers/delivered": 1}
    (made,) = apparel21.persons("liam@customer.example")
    assert (made["texts"]["Firstname"], made["texts"]["Privacy"]) == ("Liam", "true")


def test_a_redemption_that_comes_five_times_with_a_crash_in_between_makes_one_voucher(
    street: Open, apparel21: Apparel21Server
) -> None:
    apparel21.seed(PRIYA, id=7)
    apparel21.settings(pin="pin-47-11")
    apparel21.fault(kind="hang", done=True, endpoint="POST /Persons/{id}/Orders", times=1)
    road = street(VOUCHER)
    road.write(*[redemption()] * 2)
    with road.worker(LOG_LEVEL="debug") as worker:
        until(apparel21.orders, what="an order whose answer hangs")
        worker.kill()
    road.write(*[redemption()] * 3)
    with road.worker("--once", LOG_LEVEL="debug") as worker:
        assert worker.end() == 0, worker.told
    (voucher,) = apparel21.vouchers()
    assert (voucher["amount"], voucher["email"]) == ("20.00", PRIYA)
    assert road.totals() == {"rewards/delivered": 1, "rewards/unchanged": 4}
    for secret in (voucher["pin"], voucher["number"]):
        assert secret not in worker.told
        assert secret.encode() not in everything(road)


@pytest.mark.parametrize("code", [5052, 4711])
def test_no_pin_gets_anywhere_however_talkative_apparel21_is(
    street: Open, apparel21: Apparel21Server, code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    apparel21.settings(pin="pin-47-11", duplicate_code=code)
    apparel21.seed(PRIYA, id=7)
    apparel21.fault(kind="reset", done=True, endpoint="POST /Persons/{id}/Orders", times=1)
    apparel21.fault(status=500, endpoint="GET /Persons/{id}/Orders", times=1)
    road, clock = street(VOUCHER), Leap()
    for number in range(3):
        road.write(redemption(redemption_id=f"r{number}"))
    road.consume(clock=clock)
    clock.leap(125)
    road.consume(clock=clock)
    assert len(apparel21.vouchers()) == 3
    assert road.totals() == {"rewards/delivered": 3}
    told = "".join(capfd.readouterr())
    assert not [one["number"] for one in apparel21.vouchers() if one["number"] in told]
    assert "pin-47-11" not in told
    assert b"pin-47-11" not in everything(road)


def test_points_go_back_once_when_there_can_be_no_voucher(street: Open, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7)
    road = street(VOUCHER)
    road.write(*[redemption(option_name="10 percent")] * 3)
    road.consume()
    (back,) = [one for one in road.records("rewards") if one["kind"] == "points_back"]
    assert (back["redemption_id"], back["points"], back["origin"]) == ("8841", 200, "yotpo")
    assert [letter["reason"] for letter in road.dead()] == ["no_amount"]
    road.consume()
    totals = road.totals()
    assert totals == {
        "rewards/dead": 1, "rewards/skipped:points_given_back": 2, "rewards/skipped:not_a_redemption": 1,
    }  # fmt: skip


def test_a_wrong_password_stops_the_connection_and_buries_nothing(street: Open, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7)
    apparel21.settings(password="another")
    road = street(CARD)
    road.write(gold())
    assert road.consume() == 1
    assert road.dead() == []
    apparel21.settings(password="sandbox")
    assert road.consume() == 0
    assert apparel21.person(7)["cards"]["Loyalty"]["Tier"] == ["Gold"]


def test_one_request_at_a_time_with_a_pause_after_each(street: Open, apparel21: Apparel21Server) -> None:
    for number in range(4):
        apparel21.seed(f"p{number}@customer.example", id=100 + number)
    apparel21.settings(latency=0.05)
    road = street(f'{CARD}\ngap = "100ms"')
    for number in range(4):
        road.write(gold(email=f"p{number}@customer.example"))
    road.consume()
    times = [one["time"] for one in apparel21.requests()]
    assert len(times) >= 13
    assert min(later - earlier for earlier, later in pairwise(times)) >= 0.14, "latency and gap, by two clocks"
