"""Online customers: who is made, whose consent changes, and which no is never undone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.apparel21.customers import customers
from consumers.engine.outcome import Deferred, Delivered, Outcome, Rejected, RetryLater, Skipped, Superseded, Unchanged
from consumers.engine.wire import Request, Response
from tests.consumers.apparel21.counter import NOW, Desk, Thing, account, event

LIAM = "liam.nguyen@customer.example"
NOBODY = Response(404, b"<AP21Error><ErrorCode>5008</ErrorCode></AP21Error>")
BUSY = Response(400, b"<AP21Error><ErrorCode>5010</ErrorCode></AP21Error>")


class Till:
    """An Apparel21 with one person, whose privacy flag tills and we set; its clock shows hours of one day."""

    def __init__(self, privacy: bool | None = False, *, hour: int = 1, posts: int = 201) -> None:
        self.privacy, self.hour, self.posts = privacy, hour, posts

    def set(self, privacy: bool, hour: int) -> None:
        self.privacy, self.hour = privacy, hour

    def __call__(self, request: Request) -> Response:
        if request.method == "POST":
            if self.posts != 201:
                return Response(self.posts, b"<AP21Error><ErrorCode>5006</ErrorCode></AP21Error>")
            self._write(request)
            return Response(201, headers={"location": "http://ap21.example/RetailAPI/Persons/7?countryCode=AU"})
        if self.privacy is None:
            return NOBODY
        if request.method == "PUT":
            self._write(request)
            return Response(200)
        noon = "PM" if self.hour > 11 else "AM"
        person = (
            f"<Person><Id>7</Id><Contacts><Email>{LIAM}</Email></Contacts><Privacy>{self.privacy}</Privacy>"
            f"<UpdateTimeStamp>14/06/2025 {self.hour % 12 or 12}:00:00 {noon}</UpdateTimeStamp></Person>"
        )
        return Response(200, (person if request.path.endswith("/7") else f"<Persons>{person}</Persons>").encode())

    def _write(self, request: Request) -> None:
        self.privacy = b"<Privacy>true</Privacy>" in request.body


def said(hour: int, *, email: bool | None = None, **changes: Any) -> Thing:
    """What the shop says at an hour of Melbourne's day (UTC+10)."""
    told = {"email": LIAM, "firstname": "Liam", "surname": "Nguyen", "shopify_id": "77", "origin": "shopify"}
    when = f"2025-06-13T{hour + 14:02d}:00:00Z" if hour < 10 else f"2025-06-14T{hour - 10:02d}:00:00Z"
    return event("customers", source_time=when, email_opt_in=email, **{**told, **changes})


def at(hour: int) -> datetime:
    return datetime(2025, 6, 14, hour, tzinfo=ZoneInfo("Australia/Melbourne"))


def one(desk: Desk, *things: Thing) -> Outcome:
    [outcome] = desk.send(customers, list(things))
    return outcome


def test_who_is_missing_is_made_and_not_made_again() -> None:
    till = Till(None)
    desk = Desk(account(), till)
    assert isinstance(one(desk, said(2, email=True)), Delivered)
    assert desk.calls() == ["GET /Persons", "POST /Persons/"]
    assert isinstance(one(desk, said(3, email=True, city="Kew")), Unchanged)
    assert desk.calls() == []


def test_who_is_there_keeps_what_the_tills_say() -> None:
    desk = Desk(account(), Till(privacy=False))
    outcome = one(desk, said(2, email=True))
    assert isinstance(outcome, Delivered)
    assert (outcome.call, outcome.note) == ("GET /Persons", "")


def test_a_first_yes_never_undoes_a_no() -> None:
    till = Till(privacy=True, hour=1)
    outcome = one(Desk(account(), till), said(2, email=True))
    assert isinstance(outcome, Delivered)
    assert "opt-in not written" in outcome.note
    assert till.privacy


def test_a_no_is_written_and_our_own_no_may_be_taken_back() -> None:
    till = Till(privacy=False)
    desk = Desk(account(at(3)), till)
    one(desk, said(2, email=False))
    assert till.privacy
    till.hour = 3  # Apparel21's time of our writing, which is later than the word that came in the same minute
    one(desk, said(2, email=True, line=2))
    assert not till.privacy


def test_our_own_no_stays_where_somebody_changed_the_person_after_the_yes() -> None:
    """For all we know, the till heard another no: the yes was said before that, and came late."""
    till = Till(privacy=False)
    desk = Desk(account(at(3)), till)
    one(desk, said(2, email=False))
    till.hour = 9
    outcome = one(desk, said(4, email=True))
    assert isinstance(outcome, Delivered)
    assert "opt-in not written" in outcome.note
    assert till.privacy


def test_a_no_that_stood_already_is_not_ours_to_take_back() -> None:
    till = Till(privacy=True, hour=3)
    desk = Desk(account(at(4)), till)
    one(desk, said(1, email=False))
    one(desk, said(2, email=True))
    assert till.privacy


def test_a_no_that_is_said_again_later_is_written_over_a_tills_yes() -> None:
    till = Till(privacy=False)
    desk = Desk(account(), till)
    one(desk, said(2, email=False))
    till.set(privacy=False, hour=3)
    assert isinstance(one(desk, said(2, email=False)), Unchanged)
    assert not till.privacy
    one(desk, said(4, email=False))
    assert till.privacy


def test_a_no_at_the_till_while_we_write_is_not_overwritten() -> None:
    till = Till(privacy=False)
    desk = Desk(account(), till)
    one(desk, said(1))
    till.set(privacy=True, hour=2)

    def slower_than_the_till(request: Request) -> Response:
        if request.method == "PUT":
            till.set(privacy=True, hour=5)
            return BUSY
        return till(request)

    desk.answer = slower_than_the_till
    assert isinstance(one(desk, said(3, email=True)), RetryLater)
    assert till.privacy


@pytest.mark.parametrize(
    ("places", "written"),
    [
        ([{"channel": "email", "privacy": True}], b"<Privacy>true</Privacy>"),
        ([{"channel": "email", "reference": 1321, "yes": 20411, "no": 20412}], b"<Id>20412</Id>"),
    ],
)
def test_who_said_nothing_is_made_as_somebody_who_did_not_agree(places: list[dict[str, Any]], written: bytes) -> None:
    desk = Desk(account(consent=places), Till(None))
    one(desk, said(2))
    assert written in desk.asked[-1].body


ONE_FLAG: list[dict[str, Any]] = [{"channel": "email", "privacy": True}, {"channel": "sms", "privacy": True}]
ONE_CODE: list[dict[str, Any]] = [
    {"channel": channel, "reference": 1321, "yes": 20411, "no": 20412} for channel in ("email", "sms")
]


@pytest.mark.parametrize(("places", "no"), [(ONE_FLAG, b"<Privacy>true</Privacy>"), (ONE_CODE, b"<Id>20412</Id>")])
def test_of_two_channels_that_are_kept_in_one_place_a_no_wins(places: list[dict[str, Any]], no: bytes) -> None:
    desk = Desk(account(consent=places), Till(None))
    one(desk, said(2, email=False, sms_opt_in=True))
    assert no in desk.asked[-1].body


def test_a_yes_to_one_channel_does_not_lift_the_no_of_another_that_is_kept_in_its_place() -> None:
    till = Till(privacy=False)
    desk = Desk(account(at(3), consent=ONE_FLAG), till)
    one(desk, said(2, email=False))
    one(desk, said(3, sms_opt_in=True))
    assert till.privacy
    one(desk, said(4, email=True))
    assert not till.privacy


def test_a_yes_that_is_only_repeated_does_not_undo_what_was_said_at_a_till() -> None:
    till = Till(privacy=False)
    desk = Desk(account(), till)
    one(desk, said(2, email=True))
    till.set(privacy=True, hour=3)
    assert isinstance(one(desk, said(5, email=True, city="Kew")), Unchanged)
    assert till.privacy


@pytest.mark.parametrize(("hour", "undone"), [(4, False), (6, True)])
def test_a_new_yes_counts_against_a_tills_no_only_if_it_is_later(hour: int, undone: bool) -> None:
    till = Till(privacy=False)
    desk = Desk(account(), till)
    one(desk, said(1))
    till.set(privacy=True, hour=5)
    one(desk, said(hour, email=True))
    assert till.privacy is not undone


def test_a_late_statement_counts_where_nothing_newer_was_said() -> None:
    till = Till(privacy=False)
    desk = Desk(account(), till)
    one(desk, said(5))
    assert isinstance(one(desk, said(3, email=False)), Delivered)
    assert till.privacy
    assert isinstance(one(desk, said(2, email=True)), Superseded)
    assert till.privacy


def test_several_records_are_one_person_and_the_last_word() -> None:
    till = Till(None)
    desk = Desk(account(), till)
    one(desk, said(2, email=True, city="Kew"), said(4, email=False, firstname=""), said(3, city=""))
    [post] = [request for request in desk.asked if request.method == "POST"]
    assert b"<Firstname>Liam</Firstname>" in post.body
    assert b"<City>Kew</City>" in post.body
    assert till.privacy


def test_an_address_that_is_taken_by_somebody_unseen_waits_with_the_hint() -> None:
    desk = Desk(account(), Till(None, posts=400))
    waiting = one(desk, said(2))
    assert isinstance(waiting, Deferred)
    assert waiting.until is not None
    desk.at(NOW.replace(day=22))
    final = one(desk, said(2))
    assert isinstance(final, Rejected)
    assert "WEB" in final.message


class Family(Till):
    """Two persons with one address; which of them said no."""

    def __init__(self) -> None:
        super().__init__()
        self.refused = {7: False, 8: False}

    def __call__(self, request: Request) -> Response:
        if request.method == "PUT":
            self.refused[int(request.path[-1])] = b"<Privacy>true</Privacy>" in request.body
            return Response(200)
        persons = {number: self._person(number) for number in self.refused}
        one = persons.get(int(request.path[-1])) if request.path[-1].isdigit() else None
        return Response(200, (one or f"<Persons>{''.join(persons.values())}</Persons>").encode())

    def _person(self, number: int) -> str:
        return (f"<Person><Id>{number}</Id><Contacts><Email>{LIAM}</Email></Contacts>"
                f"<Privacy>{self.refused[number]}</Privacy></Person>")  # fmt: skip


def test_a_no_for_an_address_that_several_persons_share_is_for_all_of_them() -> None:
    family = Family()
    outcome = one(Desk(account(), family), said(2, email=False))
    assert isinstance(outcome, Delivered)
    assert family.refused == {7: True, 8: True}
    assert LIAM not in outcome.note


def test_a_no_reaches_the_person_of_the_till_who_has_another_address_in_the_shop() -> None:
    """The shop's customer, whom we made of a sign-up, has a new address there; the tills do not know it."""
    till, new = Till(), {"email": "new@customer.example", "person_id": "7"}
    desk = Desk(account(), lambda request: NOBODY if "email" in dict(request.query) else till(request))
    yes, no = (
        replace(one, key="au/new@customer.example", record={**one.record, **new})
        for one in (said(2, email=True), said(3, email=False))
    )
    assert isinstance(one(desk, yes), Deferred)
    assert isinstance(one(desk, no), Delivered)
    assert till.privacy


def test_whose_a_yes_is_of_several_persons_nobody_knows() -> None:
    family = Family()
    outcome = one(Desk(account(), family), said(2, email=True))
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "ambiguous"
    mixed = account(
        consent=[{"channel": "email", "privacy": True}, {"channel": "sms", "reference": 17, "yes": 31, "no": 32}]
    )
    both = one(Desk(mixed, family), said(3, email=False), said(3, email=None, sms_opt_in=True))
    assert isinstance(both, Delivered)
    assert "none of them" in both.note
    assert family.refused == {7: True, 8: True}


@pytest.mark.parametrize(
    "page",
    [
        b"<!DOCTYPE html><html><body>Sorry</body></html>",
        b"<html xmlns='http://www.w3.org/1999/xhtml'/>",
        b"<Fault><Reason>a gateway is busy</Reason></Fault>",
    ],
)
@pytest.mark.parametrize("status", [200, 404])
def test_a_page_for_people_is_no_word_that_there_is_nobody(status: int, page: bytes) -> None:
    desk = Desk(account(), lambda _: Response(status, page))
    assert isinstance(one(desk, said(2)), RetryLater)
    assert desk.calls() == ["GET /Persons"]


@pytest.mark.parametrize("page", [Response(404, b"<html>"), Response(200, b"<html>busy</html>")])
def test_a_page_in_place_of_an_answer_is_no_word_on_the_person(page: Response) -> None:
    till = Till(None)
    desk = Desk(account(), lambda request: page if request.method == "POST" else till(request))
    assert isinstance(one(desk, said(2)), RetryLater)


def test_others_records_and_nameless_ones_are_skipped() -> None:
    desk = Desk(account(), Till())
    assert one(desk, said(2, origin="apparel21-file")) == Skipped("origin")
    assert one(desk, said(2, email=None, key="au/person:7")) == Skipped("no_email")
    assert desk.asked == []


Steps = st.lists(st.tuples(st.sampled_from(["shop yes", "shop no", "shop", "till no", "till yes"])), max_size=9)


@settings(deadline=None)  # other work on this machine is no fault of ours
@given(Steps, st.booleans())
def test_no_is_never_undone_by_an_older_yes(steps: list[tuple[str]], begins: bool) -> None:
    """Whatever happens in whatever order: after a till's no, only a yes that is newer and new lifts it."""
    till = Till(privacy=begins)
    desk = Desk(account(), till)
    last_no = 0 if begins else None
    for hour, (step,) in enumerate(steps, start=1):
        if step.startswith("till"):
            till.set(privacy=step == "till no", hour=hour)
            last_no = hour if step == "till no" else None
            continue
        before = till.privacy
        one(desk, said(hour, email={"shop yes": True, "shop no": False, "shop": None}[step]))
        if step == "shop no":
            last_no = hour
        if before and not till.privacy:
            assert step == "shop yes"
            assert last_no is not None
            assert hour > last_no
        if step == "shop":
            assert till.privacy == before


def test_a_statement_that_came_late_never_beats_the_till() -> None:
    till = Till(privacy=False)
    desk = Desk(account(), till)
    one(desk, said(1, email=False))
    one(desk, said(2, email=True))
    till.set(privacy=True, hour=6)
    one(desk, said(3, email=False))
    assert till.privacy
    one(desk, said(5))
    assert till.privacy


def test_a_sign_up_of_a_till_that_comes_back_from_the_shop_is_not_looked_for() -> None:
    desk = Desk(account(), Till(None))
    assert isinstance(one(desk, said(2, person_id="7")), Unchanged)
    assert isinstance(one(desk, said(3)), Unchanged)
    assert desk.calls() == []
    desk.answer = Till(privacy=True, hour=1)
    outcome = one(desk, said(4, email=True))
    assert isinstance(outcome, Delivered)
    assert "opt-in not written" in outcome.note, "a first yes, although the person is known"
