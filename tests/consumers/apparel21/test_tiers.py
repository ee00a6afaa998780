"""Tiers: the newest by its own time, in the form each place wants, and nowhere if one place does not know it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.apparel21.person import Code, Field, LoyaltyRecord, Privacy, Wish, changed, holds, stamp
from consumers.apparel21.tiers import tiers
from consumers.apparel21.xml import Element, dump, load
from consumers.engine.outcome import (
    Deferred,
    Delivered,
    Misconfigured,
    Outcome,
    Rejected,
    RetryLater,
    Skipped,
    Superseded,
    Unchanged,
)
from consumers.engine.wire import Request, Response
from tests.consumers.apparel21.counter import GOLDEN, NOW, Desk, account, event, golden, response

PRIYA = "priya.oconnor@customer.example"
BODY = (GOLDEN / "priya.xml").read_bytes()
STALE = Response(400, b"<AP21Error><ErrorCode>5010</ErrorCode></AP21Error>")
FORMS = response(golden("tier_custom_data")["steps"][0]["answer"])


def apparel21(*puts: Response, person: bytes = BODY, forms: Response = FORMS) -> Any:
    """Answers of an Apparel21 that has one person; PUTs are answered in turn, the last one for ever."""
    waiting = list(puts) or [Response(200)]

    def answer(request: Request) -> Response:
        if request.method == "PUT":
            return waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if "templates" in request.path:
            return forms
        return Response(200, person if request.path == "/Persons/73152" else b"<Persons>" + person + b"</Persons>")

    return answer


def gold(minute: int = 0, **changes: Any) -> Any:
    told = {"kind": "earned", "email": PRIYA, "tier_name": "Gold", "tier_expiry": "2026-04-02", "origin": "yotpo"}
    return event("tiers", **{"source_time": f"2025-04-02T01:{minute:02d}:00Z", **told, **changes})


def one(desk: Desk, *things: Any) -> Outcome:
    [outcome] = desk.send(tiers, list(things))
    return outcome


def test_of_several_changes_the_newest_by_its_own_time_is_written() -> None:
    desk = Desk(account(), apparel21())
    outcome = one(desk, gold(9), gold(5, tier_name="Silver"))
    assert isinstance(outcome, Delivered)
    [put] = [request.body for request in desk.asked if request.method == "PUT"]
    assert b"<Value>Gold</Value>" in put
    assert isinstance(one(desk, gold(7, tier_name="Silver")), Superseded)
    desk.asked.clear()
    assert isinstance(one(desk, gold(12)), Unchanged)
    assert desk.asked == []


@pytest.mark.parametrize("body", [b"<html>busy</html>", b"<AP21Error><ErrorCode>5014</ErrorCode></AP21Error>"])
def test_a_page_for_people_or_an_error_is_no_yes(body: bytes) -> None:
    assert isinstance(one(Desk(account(), apparel21(Response(200, body))), gold()), RetryLater)


def test_who_is_named_without_an_address_is_known_by_their_id() -> None:
    nameless = gold(email="", key="au/person:73152", person_id="73152")
    assert isinstance(one(Desk(account(), apparel21()), nameless), Delivered)


def test_a_state_without_a_tier_concerns_only_whom_we_told_of_one() -> None:
    nothing = {"kind": "snapshot", "tier_name": "", "tier_expiry": None}
    desk = Desk(account(), apparel21())
    assert one(desk, gold(1, **nothing)) == Unchanged()
    assert desk.asked == []
    one(desk, gold(2))
    assert isinstance(one(desk, gold(3, **nothing)), Delivered)


def test_snapshots_of_files_never_come_back_to_apparel21() -> None:
    assert one(Desk(account()), gold(origin="apparel21-file", kind="snapshot")) == Skipped("origin")


def test_the_person_is_remembered_and_the_template_is_read_once() -> None:
    desk = Desk(account(), apparel21())
    one(desk, gold(1))
    assert desk.calls()[0] == "GET /Persons/customdatatemplates/Loyalty"
    one(desk, gold(2, tier_expiry="2027-04-02"))
    assert desk.calls() == ["GET /Persons/73152", "PUT /Persons/73152"]


def test_what_is_there_already_is_not_written() -> None:
    there = BODY.replace(b"<Value>Silver</Value>", b"<Value>gold</Value>")
    desk = Desk(account(custom_data={"card": "Loyalty", "tier": "Tier", "expiry": ""}), apparel21(person=there))
    outcome = one(desk, gold())
    assert isinstance(outcome, Delivered)
    assert outcome.note == "Apparel21 had it already"


@pytest.mark.parametrize(("stale", "kind"), [(3, Delivered), (4, RetryLater)])
def test_a_stale_stamp_is_read_again_three_times_at_most(stale: int, kind: type) -> None:
    desk = Desk(account(), apparel21(*[STALE] * stale, Response(200)))
    assert isinstance(one(desk, gold()), kind)
    assert desk.calls().count("PUT /Persons/73152") == 4
    assert len(desk.naps) >= 3


@pytest.mark.parametrize("lost", [Response(0), Response(500, b"<html>")])
def test_a_put_whose_answer_is_lost_is_looked_for_before_it_is_sent_again(lost: Response) -> None:
    desk = Desk(account(), apparel21(lost, Response(200)))
    assert isinstance(one(desk, gold()), Delivered)
    calls = desk.calls()
    first = calls.index("PUT /Persons/73152")
    assert calls[first + 1 :] == ["GET /Persons/73152", "PUT /Persons/73152"]


def test_a_card_that_is_not_there_is_a_matter_of_settings() -> None:
    missing = Response(404, b"<AP21Error><ErrorCode>5008</ErrorCode></AP21Error>")
    assert isinstance(one(Desk(account(), apparel21(forms=missing)), gold()), Misconfigured)
    other = account(custom_data={"card": "Loyalty", "tier": "Stufe"})
    outcome = one(Desk(other, apparel21()), gold())
    assert isinstance(outcome, Misconfigured)
    assert "'Stufe'" in outcome.reason


def test_a_tier_that_a_closed_list_does_not_have_is_told() -> None:
    closed = Response(200, FORMS.body.replace(b"<IsAdhocList>True", b"<IsAdhocList>False"))
    outcome = one(Desk(account(), apparel21(forms=closed)), gold(tier_name="Platinum"))
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "unknown_tier"


def test_a_message_needs_a_record_to_stand_on() -> None:
    bare = BODY.replace(b"<Loyalty>", b"<Gone>").replace(b"</Loyalty>", b"</Gone>")
    place: dict[str, Any] = {"tier": ["loyalty"], "loyalty": {"message": True}}
    outcome = one(Desk(account(**place), apparel21(person=bare)), gold())
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "no_loyalty"
    named: dict[str, Any] = {"tier": ["loyalty"], "loyalty": {"message": True, "type": 30861}}
    desk = Desk(account(**named), apparel21(person=bare))
    assert isinstance(one(desk, gold()), Delivered)
    assert b"<LoyaltyTypeId>30861</LoyaltyTypeId>" in desk.asked[-1].body


def test_a_tier_that_is_lost_ends_on_the_day_that_it_is_in_apparel21() -> None:
    """Half past two in the morning in Melbourne, on the third, is still the second in Greenwich."""
    desk = Desk(account(tier=["loyalty"], loyalty={"types": {"Silver": 30861}}), apparel21())
    lost = gold(kind="lost", tier_name="", tier_expiry=None, source_time="2025-04-02T15:30:00Z")
    assert isinstance(one(desk, lost), Delivered)
    assert b"<Expiry>2025-04-03</Expiry>" in desk.asked[-1].body


def test_who_has_no_rewards_account_is_enrolled_only_where_a_program_is_named() -> None:
    bare = BODY.replace(b"<Account>", b"<Gone>").replace(b"</Account>", b"</Gone>")
    place: dict[str, Any] = {"tier": ["rewards_account"], "rewards_account": {"tiers": {"Gold": 3}}}
    outcome = one(Desk(account(**place), apparel21(person=bare)), gold())
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "no_account"
    place["rewards_account"]["program"] = 1
    desk = Desk(account(**place), lambda r: Response(201) if r.method == "POST" else apparel21(person=bare)(r))
    assert isinstance(one(desk, gold()), Delivered)
    assert desk.asked[-1].path == "/Rewards/Accounts"


def test_somebody_with_two_records_is_not_guessed() -> None:
    def answer(request: Request) -> Response:
        twins = b"<Persons>" + BODY + BODY.replace(b"73152", b"91004") + b"</Persons>"
        return apparel21()(request) if "templates" in request.path else Response(200, twins)

    outcome = one(Desk(account(), answer), gold())
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "ambiguous"


@pytest.mark.parametrize("hours", [24, 24 * 90])
def test_waits_grow_and_end(hours: int) -> None:
    desk = Desk(account(person_wait=f"{hours}h"), lambda r: FORMS if "templates" in r.path else Response(404))
    now, rests = NOW, []
    while isinstance(outcome := one(desk.at(now), gold()), Deferred):
        assert outcome.until is not None
        rests.append(outcome.until - now)
        now = outcome.until
    assert isinstance(outcome, Rejected)
    assert rests[0] == timedelta(minutes=1)
    assert rests == sorted(rests[:-1]) + rests[-1:]
    assert now - NOW == timedelta(hours=hours)


WISHES = st.one_of(
    st.builds(
        Field, st.just("Loyalty"), st.sampled_from(["Tier", "Note"]), st.text("ab &<é", max_size=4).map(str.strip)
    ),
    st.builds(Code, st.sampled_from([1321, 1361, 99]), st.integers(0, 3)),
    st.builds(Privacy, st.booleans()),
    st.builds(lambda text: LoyaltyRecord((), {"Message": text}), st.text("ab &<é", max_size=4).map(str.strip)),
)


@settings(deadline=None)  # other work on this machine is no fault of ours
@given(
    st.lists(WISHES, max_size=5, unique_by=lambda wish: (type(wish), getattr(wish, "label", getattr(wish, "type", 0))))
)
def test_a_wish_is_held_once_written_and_nothing_else_changes(wishes: list[Wish]) -> None:
    person = load(BODY)
    assert person is not None
    body = load(dump(changed(person, wishes, "Australia")))
    assert body is not None
    for wish in wishes:
        assert holds(body, wish), wish
    assert stamp(body) == "1/04/2025 4:05:11 PM"
    for path in ("Nickname", "Surname", "Addresses/Billing/City", "Contacts/Phones/Home", "Loyalties/Loyalty/CardNo"):
        assert body.findtext(path) == person.findtext(path)
    assert {"Code", "Currency", "RewardsAccounts"}.isdisjoint(one.tag for one in body)
    assert body.find("Loyalties/Loyalty/LoyaltyType") is None


def test_somebody_without_an_address_gets_a_country() -> None:
    person = load(b"<Person><Id>7</Id><Addresses><Billing><City /></Billing></Addresses></Person>")
    assert isinstance(person, Element)
    assert changed(person, [], "Australia").findtext("Addresses/Billing/Country") == "Australia"
