"""Several brands, a list for each: what a yes and a no to one of them does at a sandbox Klaviyo."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from consumers.engine.outcome import Deferred, Delivered, Misconfigured, RetryLater
from consumers.engine.wire import Request, Response
from consumers.klaviyo.plans import consents, profiles
from consumers.klaviyo.settings import ConsentColumn
from consumers.klaviyo.sink import SINK
from sandbox.klaviyo.server import KlaviyoServer
from tests.consumers.desk import Desk, Thing, account, customer
from tests.sandbox.klaviyo.contract import open_contract

PRIYA = "priya.oconnor@customer.example"
COLUMNS = tuple(
    ConsentColumn(column=f"{brand}_{channel}", channel=channel, list=brand)
    for brand in ("WATTLE", "BANKSIA")
    for channel in ("email", "sms")
)
LEAVE = "DELETE /api/lists/WATTLE/relationships/profiles"


@pytest.fixture
def desk(klaviyo: KlaviyoServer) -> Iterator[Desk]:
    """A desk of a merchant with two brands; its requests are held against Klaviyo's own contract on the way."""
    own = account(datetime.now(UTC), url=klaviyo.url, list="", consent=COLUMNS, subscribe_gap=timedelta(0))
    klaviyo.settings(limits=False)
    klaviyo.add_list("WATTLE")
    klaviyo.add_list("BANKSIA")
    contract = open_contract()
    with httpx.Client(base_url=klaviyo.url, headers=dict(SINK.headers(own.settings)), trust_env=False) as client:

        def answer(request: Request) -> Response:
            said = client.request(request.method, request.path, params=request.query or None, json=request.body)
            contract.check(said)
            return Response(said.status_code, said.content, dict(said.headers))

        yield Desk(own, answer)


def row(minute: int, mobile: str = "", **said: str) -> Thing:
    """Priya's row of a minute an hour ago, with these consent columns."""
    when = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=60 - minute)
    blank: dict[str, Any] = {"privacy": None, "email_opt_in": None, "sms_opt_in": None}
    return customer("73152", last_updated=when, mobile=mobile, extra=said, **blank)


def mailed(klaviyo: KlaviyoServer, channel: str = "email") -> set[str]:
    """The lists whose mail Priya gets."""
    profile = klaviyo.profile(PRIYA)
    subscribed = profile["consents"].get(channel, {}).get("state") == "SUBSCRIBED"
    return set(profile["lists"]) if subscribed else set()


def both(desk: Desk, klaviyo: KlaviyoServer) -> None:
    """Priya gets both brands' mail: the second list takes a second call, half an hour later."""
    desk.send(profiles, row(0, wattle_email="Yes"))
    klaviyo.advance(1900)
    desk.send(profiles, row(1, wattle_email="Yes", banksia_email="Yes"))
    assert mailed(klaviyo) == {"WATTLE", "BANKSIA"}
    desk.calls()


def test_a_yes_to_one_brand_and_a_no_to_another_subscribes_to_the_one(klaviyo: KlaviyoServer, desk: Desk) -> None:
    desk.send(profiles, row(0, wattle_email="No", banksia_email="Yes"))
    assert mailed(klaviyo) == {"BANKSIA"}


def test_a_no_to_one_brand_leaves_its_list_and_the_other_brands_mail_goes_on(
    klaviyo: KlaviyoServer, desk: Desk
) -> None:
    both(desk, klaviyo)
    [outcome] = desk.send(profiles, row(2, wattle_email="No", banksia_email="Yes"))
    assert isinstance(outcome, Delivered)
    assert desk.calls() == ["GET /api/profiles", "POST /api/profile-import", LEAVE]
    assert mailed(klaviyo) == {"BANKSIA"}
    assert klaviyo.counts()["tallies"].get("unsubscribes", 0) == 0


def test_the_last_no_of_a_channel_is_a_no_to_the_channel(klaviyo: KlaviyoServer, desk: Desk) -> None:
    both(desk, klaviyo)
    desk.send(profiles, row(2, wattle_email="No"))
    desk.send(profiles, row(3, wattle_email="No", banksia_email="No"))
    assert klaviyo.profile(PRIYA)["consents"]["email"]["state"] == "UNSUBSCRIBED"
    assert klaviyo.profile(PRIYA)["lists"] == []


def test_a_later_yes_to_one_brand_brings_back_no_other(klaviyo: KlaviyoServer, desk: Desk) -> None:
    desk.send(profiles, row(0, wattle_email="Yes"))
    desk.send(profiles, row(2, wattle_email="No", banksia_email="No"))
    klaviyo.advance(1900)
    desk.send(profiles, row(3, wattle_email="No", banksia_email="Yes"))
    assert mailed(klaviyo) == {"BANKSIA"}


def test_a_list_for_both_channels_is_left_when_one_channel_refuses(klaviyo: KlaviyoServer, desk: Desk) -> None:
    """On the list by SMS, Priya would get its e-mail, too, since e-mail is subscribed for the other brand."""
    number = "+61491570006"
    desk.send(profiles, row(0, number, wattle_email="Yes", wattle_sms="Yes", banksia_email="Yes"))
    klaviyo.advance(1900)
    desk.send(profiles, row(1, number, wattle_email="No", wattle_sms="Yes", banksia_email="Yes"))
    desk.send(consents, Thing(f"au/{PRIYA}", "customers", {}))
    assert mailed(klaviyo) == {"BANKSIA"}
    assert klaviyo.profile(PRIYA)["consents"]["sms"]["state"] == "SUBSCRIBED"


def test_a_yes_to_a_second_brand_waits_for_the_gap(klaviyo: KlaviyoServer, desk: Desk) -> None:
    desk.account = account(desk.account.now(), list="", consent=COLUMNS)
    [outcome] = desk.send(profiles, row(0, wattle_email="Yes", banksia_email="Yes"))
    assert isinstance(outcome, Deferred)
    assert (outcome.part, mailed(klaviyo)) == ("consent", {"WATTLE"})
    klaviyo.advance(1900)
    desk.at(desk.account.now() + timedelta(minutes=31))
    desk.send(consents, Thing(f"au/{PRIYA}", "customers", {}))
    assert mailed(klaviyo) == {"WATTLE", "BANKSIA"}


def test_a_yes_waits_for_the_gap_also_where_somebody_else_subscribed_the_person(
    klaviyo: KlaviyoServer, desk: Desk
) -> None:
    """The other connection of the account, or a worker that was killed before it could settle."""
    desk.account = account(desk.account.now(), list="", consent=COLUMNS)
    desk.send(profiles, row(0, wattle_email="Yes"))
    desk.memory.clear()
    [outcome] = desk.send(profiles, row(1, banksia_email="Yes"))
    assert isinstance(outcome, Deferred)
    klaviyo.advance(1900)
    desk.at(desk.account.now() + timedelta(minutes=32))
    desk.send(consents, Thing(f"au/{PRIYA}", "customers", {}))
    assert mailed(klaviyo) == {"WATTLE", "BANKSIA"}


def test_a_list_that_is_named_later_gets_nobody_who_had_said_yes_before(klaviyo: KlaviyoServer, desk: Desk) -> None:
    column = ConsentColumn(column="wattle_email", channel="email")
    desk.account = account(desk.account.now(), list="", consent=(column,))
    desk.send(profiles, row(0, wattle_email="Yes"))
    klaviyo.advance(1900)
    named = column.model_copy(update={"list": "WATTLE"})
    desk.account = account(desk.account.now(), list="", consent=(named,))
    desk.send(profiles, row(1, wattle_email="Yes"))
    assert klaviyo.profile(PRIYA)["lists"] == []


def test_a_yes_joins_the_brands_list_though_another_connection_has_subscribed_the_address(
    klaviyo: KlaviyoServer, desk: Desk
) -> None:
    """Two connections with a list each share an account: Klaviyo says "subscribed", and it is so for the other list."""
    [column] = [one for one in COLUMNS if (one.list, one.channel) == ("WATTLE", "email")]
    desk.account = account(desk.account.now(), list="", consent=(column,))
    since = {"state": "SUBSCRIBED", "at": "2025-01-01T00:00:00+00:00"}
    klaviyo.seed(attributes={"email": PRIYA}, consents={"email": since}, lists=["BANKSIA"])
    desk.send(profiles, row(0, wattle_email="Yes"))
    assert mailed(klaviyo) == {"WATTLE", "BANKSIA"}


def test_a_yes_to_one_brand_lifts_no_refusal_that_was_made_at_klaviyo(klaviyo: KlaviyoServer, desk: Desk) -> None:
    both(desk, klaviyo)
    long_ago = (datetime.now(UTC) - timedelta(minutes=50)).isoformat()
    klaviyo.seed(attributes={"email": PRIYA}, consents={"email": {"state": "UNSUBSCRIBED", "at": long_ago}})
    desk.send(profiles, row(20, wattle_email="No", banksia_email="Yes"))
    desk.send(profiles, row(21, wattle_email="Yes", banksia_email="Yes"))
    assert mailed(klaviyo) == set()


def test_who_left_a_list_at_klaviyo_is_not_put_back(klaviyo: KlaviyoServer, desk: Desk) -> None:
    gone = {"list_id": "WATTLE", "reason": "UNSUBSCRIBE", "timestamp": datetime.now(UTC).isoformat()}
    listed = {"consent": "SUBSCRIBED", "consent_timestamp": "2025-01-01T00:00:00+00:00", "list_suppressions": [gone]}
    found = {"id": "01X", "attributes": {"email": PRIYA, "subscriptions": {"email": {"marketing": listed}}}}
    real = desk.answer

    def answer(request: Request) -> Response:
        if request.endpoint != "profiles":
            return real(request)
        return Response(200, httpx.Response(200, json={"data": [found]}).content)

    desk.answer = answer
    desk.send(profiles, row(0, wattle_email="Yes", banksia_email="Yes"))
    subscribed = [request for request in desk.asked if request.endpoint == "subscribe"]
    assert [one.body["data"]["relationships"]["list"]["data"]["id"] for one in subscribed] == ["BANKSIA"]


def test_a_no_to_a_profile_that_klaviyo_does_not_show_yet_is_tried_again(klaviyo: KlaviyoServer, desk: Desk) -> None:
    both(desk, klaviyo)
    real = desk.answer
    desk.answer = lambda request: Response(200, b'{"data":[]}') if request.endpoint == "profiles" else real(request)
    [outcome] = desk.send(profiles, row(2, wattle_email="No", banksia_email="Yes"))
    assert isinstance(outcome, RetryLater)
    desk.answer = real
    desk.send(profiles, row(2, wattle_email="No", banksia_email="Yes"))
    assert mailed(klaviyo) == {"BANKSIA"}


def test_a_list_that_klaviyo_does_not_know_is_a_matter_of_settings(klaviyo: KlaviyoServer, desk: Desk) -> None:
    both(desk, klaviyo)
    real = desk.answer
    desk.answer = lambda request: Response(404, b"{}") if request.method == "DELETE" else real(request)
    [outcome] = desk.send(profiles, row(2, wattle_email="No", banksia_email="Yes"))
    assert isinstance(outcome, Misconfigured)


def test_a_no_under_former_settings_outweighs_an_older_yes_under_new_ones(klaviyo: KlaviyoServer, desk: Desk) -> None:
    brands = desk.account
    plain = (ConsentColumn(column="MAIL", channel="email"),)
    desk.account = account(desk.account.now(), list="", consent=plain)
    desk.send(profiles, row(5, mail="No"))
    desk.account = brands
    desk.send(profiles, row(4, banksia_email="Yes"))
    assert mailed(klaviyo) == set()
