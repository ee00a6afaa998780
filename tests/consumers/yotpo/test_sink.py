"""What Yotpo declares: the rate, headers, the table of refusals, the check."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from pydantic import ValidationError

from consumers.engine.outcome import Misconfigured, Rejected, RetryLater
from consumers.engine.sink import EVERY
from consumers.engine.wire import Json, Response
from consumers.yotpo.check import check
from consumers.yotpo.errors import judge, message, unknown_order
from consumers.yotpo.reading import in_history, standing
from consumers.yotpo.settings import YotpoSettings
from consumers.yotpo.sink import SINK, remaining
from tests.consumers.yotpo.shop import Desk, account, says
from tillstream.settings import Secret


def test_requests_carry_the_pair_of_keys_in_headers() -> None:
    assert SINK.headers(account().settings) == {
        "X-GUID": "g-1",
        "X-API-KEY": "k-1",
        "Content-Type": "application/json",
        "Accept": "application/json",
    }


def test_the_key_may_be_in_a_file_that_is_read_again(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("first\n")
    settings = YotpoSettings.model_validate({"guid": "g", "api_key_file": str(key)})
    key.write_text("second\n")
    assert SINK.headers(settings)["X-API-KEY"] == "second"


def test_one_rate_serves_all_endpoints() -> None:
    (quota,) = SINK.quotas(account(rate=7).settings)
    assert (quota.endpoint, quota.windows) == (EVERY, ((1.0, 7),))
    with pytest.raises(ValidationError):
        account(rate=0)
    with pytest.raises(ValidationError, match="daily 02:00"):
        account(orders="weekly")


def test_connections_with_one_guid_share_an_account_whatever_the_key() -> None:
    rotated = YotpoSettings(guid="g-1", api_key=Secret.of("k-2"))
    other = YotpoSettings(guid="g-2", api_key=Secret.of("k-1"))
    assert SINK.account_id(account().settings) == SINK.account_id(rotated) != SINK.account_id(other)


def test_what_is_left_is_read_from_the_header() -> None:
    assert remaining(Response(200, headers={"ratelimit-remaining": "3"})) == 3
    assert remaining(Response(200)) is None


@pytest.mark.parametrize(
    ("status", "said", "kind", "words"),
    [
        (0, "", RetryLater, "no answer"),
        (302, "", Misconfigured, "url"),
        (400, "Malformed", Rejected, "refused as invalid"),
        (401, "Invalid guid or api_key", Misconfigured, "api_key"),
        (403, "", Misconfigured, "may not"),
        (404, "Could not find customer", Rejected, "customer"),
        (404, "Could not find order", Rejected, "order"),
        (404, "Not found", Misconfigured, "url"),
        (413, "", Rejected, "larger"),
        (418, "", Rejected, "refused"),
        (422, "Customer does not have enough points", Rejected, "not enough points"),
        (422, "Currency does not match", Rejected, "currency"),
        (422, "", Rejected, "refused as invalid"),
        (423, "", RetryLater, "locked"),
        (429, "", RetryLater, "limit"),
        (500, "", RetryLater, "not in order"),
    ],
)
def test_every_refusal_has_a_meaning(status: int, said: str, kind: type, words: str) -> None:
    outcome = judge(Response(status, orjson.dumps({"error_message": said})))
    assert isinstance(outcome, kind)
    assert words in getattr(outcome, "message", getattr(outcome, "reason", ""))


@pytest.mark.parametrize(
    "body",
    [
        {"error_message": "bad mail"},
        {"message": "bad mail"},
        {"error": {"text": "bad mail"}},
        {"errors": ["bad mail"]},
        {"errors": {"email": ["bad mail"]}},
        "bad mail",
    ],
)
def test_the_text_of_a_refusal_may_stand_anywhere(body: Json) -> None:
    raw = body.encode() if isinstance(body, str) else orjson.dumps(body)
    assert message(Response(422, raw)) == "bad mail"


def test_a_refusal_repeats_nobodys_address() -> None:
    told = judge(Response(422, b'{"error_message": "kim@customer.example is taken"}'))
    assert isinstance(told, Rejected)
    assert "kim" not in told.message


def test_a_refund_may_be_too_early() -> None:
    assert unknown_order(Response(422, b'{"error_message": "Could not find order"}'))
    assert unknown_order(Response(404, b"order not found"))
    assert unknown_order(Response(422))
    assert not unknown_order(Response(422, b'{"error_message": "Currency does not match"}'))
    assert not unknown_order(Response(500))


@pytest.mark.parametrize("words", ["Customer service", "No such order", "404 Not Found", ""])
def test_a_page_for_people_speaks_of_no_customer_and_no_order(words: str) -> None:
    page = Response(404, f"\n<html><body>{words}</body></html>".encode())
    assert isinstance(judge(page), Misconfigured)
    assert not unknown_order(page)


def test_a_check_tells_of_keys_and_tiers() -> None:
    well = Desk(account(), answer=lambda _: Response(200, b'[{"name": "Silver"}, {"name": "Gold"}]'))
    assert [(one.what, one.well) for one in well.run(check(well.account))] == [
        ("guid and api_key", True),
        ("tiers", True),
        ("webhooks", True),
    ]
    assert well.run(check(well.account))[1].told == "Silver, Gold"
    wrong = Desk(account(), answer=says(401))
    assert [one.well for one in wrong.run(check(wrong.account))] == [False, True]
    away = Desk(account(), answer=says(503))
    assert away.run(check(away.account))[0].told == "not in order (503)"
    assert "General Settings" in wrong.run(check(wrong.account))[0].told


def test_history_is_read_with_tolerance() -> None:
    lines = [None, {"order_ids": None}, {"action_name": "Return D1"}, {"order_ids": ["D2", 3]}]
    assert [in_history({"history_items": lines}, name) for name in ("D1", "Return D1", "D2", "3")] == [
        False,
        True,
        True,
        True,
    ]
    assert not in_history({"history_items": "none"}, "D1")


def test_a_standing_is_what_yotpo_says_of_a_customer() -> None:
    said = {
        "email": "Mia.Tan@customer.example",
        "thirty_party_id": 7712340056789,
        "pos_account_id": "104552",
        "points_balance": "820",
        "vip_tier_name": "Gold",
        "vip_tier_entry_date": "2026-06-14T02:20:04.000Z",
        "vip_tier_expiration": "2027-12-31T00:00:00.000Z",
    }
    found = standing(said)
    assert (found["email"], found["customer_id"], found["points_balance"]) == (
        "mia.tan@customer.example",
        "7712340056789",
        820,
    )
    assert (found["tier_name"], str(found["tier_expiry"])) == ("Gold", "2027-12-31")
    assert standing({})["tier_expiry"] is None
