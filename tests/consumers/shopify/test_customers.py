"""Customers in the shop: one for each address, whatever comes first, and whatever the shop has against a part."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.engine.outcome import Delivered, Rejected, RetryLater, Skipped, Superseded, Unchanged
from consumers.engine.wire import Json, Response
from consumers.shopify.customers import customers, moved
from tests.consumers.desk import Thing
from tests.consumers.shopify.shop import (
    PRIYA,
    Desk,
    account,
    by_name,
    customer,
    is_customer,
    operation,
    polled,
    refused,
    says,
)
from tillstream.settings import Secret

MAIL, NEW = PRIYA[3:], "priya.shah@customer.example"
LATER, HOUR = datetime(2025, 5, 1, tzinfo=UTC), timedelta(hours=1)
NOBODY: Json = {"customerByIdentifier": None}


def created(desk: Desk) -> list[Json]:
    """The bodies of all creations that were asked for."""
    return [one["variables"]["input"] for one in desk.said() if one["operation"] == "CreateCustomer"]


def rows() -> list[Thing]:
    """Rows of two persons at one address, at several times."""
    names = [("73180", "Amy"), ("91004", "A."), ("73180", ""), ("91004", "Ame")]
    days = [datetime(2025, 4, day, tzinfo=UTC) for day in (3, 5, 7, 9)]
    return [
        polled(person, "amy.lee@customer.example", firstname=name, last_updated=day)
        for (person, name), day in zip(names, days, strict=True)
    ]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.permutations(range(4)))
def test_what_is_known_does_not_depend_on_how_rows_are_cut_into_works(cuts: list[int], order: list[int]) -> None:
    arrived = [rows()[place] for place in order]
    together, apart = Desk(), Desk()
    apart.each(customers, *arrived)
    while arrived:
        size = cuts.pop() if cuts else 4
        together.one(customers, *arrived[:size])
        arrived = arrived[size:]
    ends = [desk.profile("au/amy.lee@customer.example") for desk in (together, apart)]
    kept = [{name: end[name] for name in ("person", "id", "body", "voices", "seen")} for end in ends]
    assert kept[0] == kept[1]


def test_a_late_older_row_changes_nothing() -> None:
    desk = Desk()
    old, _, new, _ = rows()
    desk.one(customers, new)
    desk.asked.clear()
    assert isinstance(desk.one(customers, old), Superseded)
    assert desk.asked == []


def test_files_bring_nobody_unless_the_merchant_says_so() -> None:
    row = polled("73152", origin="apparel21-file")
    assert Desk().one(customers, row) == Skipped("origin")
    asked_for = Desk(account(access_token=Secret.of("a"), from_files=True))
    assert isinstance(asked_for.one(customers, row), Delivered)


@pytest.mark.parametrize(
    ("against", "left_out"),
    [
        ((["phone"], "Phone has already been taken"), {"phone", "smsMarketingConsent"}),
        ((["input", "phone"], "Phone is invalid"), {"phone", "smsMarketingConsent"}),
        ((["addresses", "0", "province"], "Province is invalid"), {"addresses"}),
        ((["emailMarketingConsent", "marketingState"], "is odd"), {"emailMarketingConsent", "smsMarketingConsent"}),
    ],
)
def test_what_the_shop_does_not_take_is_left_out(against: tuple[list[str], str], left_out: set[str]) -> None:
    desk = Desk(answer=says(NOBODY, NOBODY, refused("customerCreate", against)))
    outcome = desk.one(customers, polled("73152"))
    assert isinstance(outcome, Delivered)
    assert outcome.note
    whole, less = created(desk)
    assert set(whole) - set(less) == left_out


@pytest.mark.parametrize("against", [(["email"], "Email is invalid"), (None, "Something new")])
def test_what_nothing_helps_against_is_a_dead_letter(against: tuple[list[str] | None, str]) -> None:
    desk = Desk(answer=says(NOBODY, NOBODY, refused("customerCreate", against)))
    outcome = desk.one(customers, polled("73152"))
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "invalid"


def test_an_address_that_is_taken_is_looked_for_again() -> None:
    """Somebody else made the customer between our look and our creation; or we did, and no answer came."""
    taken = refused("customerCreate", (["email"], "Email has already been taken"))
    desk = Desk(answer=says(NOBODY, NOBODY, taken, is_customer(customer("9"))))
    outcome = desk.one(customers, polled("73152"))
    assert isinstance(outcome, Delivered)
    assert outcome.emits[0].value["shopify_id"] == "9"
    assert desk.named()[:5] == [
        "LookupCustomer",
        "LookupCustomer",
        "CreateCustomer",
        "LookupCustomer",
        "LookupCustomer",
    ]


def test_a_shop_that_contradicts_itself_is_asked_later() -> None:
    taken = refused("customerCreate", (["email"], "Email has already been taken"))
    desk = Desk(answer=by_name(LookupCustomer=lambda _: NOBODY, CreateCustomer=lambda _: taken))
    assert isinstance(desk.one(customers, polled("73152")), RetryLater)
    assert desk.named().count("CreateCustomer") == 3


@pytest.mark.parametrize("made", [{}, {"customer": None}, {"customer": "9"}, ["9"]])
def test_a_creation_that_does_not_say_whom_it_made_is_looked_for(made: Json) -> None:
    desk = Desk(answer=says(NOBODY, NOBODY, {"customerCreate": made}))
    assert isinstance(desk.one(customers, polled("73152")), RetryLater)


@pytest.mark.parametrize("status", [0, 500, 503])
def test_an_unclear_creation_is_begun_again_with_a_look(status: int) -> None:
    desk = Desk(answer=says(NOBODY, NOBODY, Response(status)))
    assert isinstance(desk.one(customers, polled("73152")), RetryLater)
    desk.answer = by_name(LookupCustomer=lambda _: is_customer(customer("9")))
    assert isinstance(desk.one(customers, polled("73152")), Delivered)
    assert desk.named().count("CreateCustomer") == 1


def test_an_address_that_another_has_in_the_shop_keeps_its_customer() -> None:
    """The person's new address has an account of its own; both stay, and the till's is the new one."""
    desk = Desk()
    desk.one(customers, polled("73152"))
    gone = desk.one(customers, polled("73152", NEW, key_email=MAIL, previous_email=MAIL, last_updated=LATER))
    assert isinstance(gone, Delivered)
    desk.asked.clear()
    desk.answer = says(
        is_customer(customer("9", defaultEmailAddress={"emailAddress": NEW, "marketingState": "PENDING"}))
    )
    arrived = desk.one(moved, Thing(gone.emits[0].key, "customers", gone.emits[0].value))
    assert isinstance(arrived, Delivered)
    assert [emit.value["shopify_id"] for emit in arrived.emits] == ["9"]
    assert "email" not in next(one["variables"]["input"] for one in desk.said() if one["operation"] == "UpdateCustomer")


@pytest.mark.parametrize("first", ["email", "phone"])
def test_a_new_address_that_somebody_takes_meanwhile_is_looked_for_again(first: str) -> None:
    """Also where the number is taken as well, whichever the shop names first."""
    desk = Desk()
    desk.one(customers, polled("73152"))
    gone = desk.one(customers, polled("73152", NEW, key_email=MAIL, previous_email=MAIL, last_updated=LATER))
    assert isinstance(gone, Delivered)
    taken = {
        "email": (["email"], "Email has already been taken"),
        "phone": (["phone"], "Phone has already been taken"),
    }
    both = [taken.pop(first), *taken.values()]

    def look(asked: Json) -> Json:
        said = asked["identifier"].get("emailAddress")
        quicker = customer("9", defaultEmailAddress={"emailAddress": NEW})
        there = "UpdateCustomer" in [operation(request)["operation"] for request in desk.asked]
        return is_customer({MAIL: customer("1"), NEW: quicker if there else None}.get(said))

    def change(asked: Json) -> Json:
        complaints = [one for one in both if one[0][0] in asked["input"]]
        return refused("customerUpdate", *(complaints if "email" in asked["input"] else ()))

    desk.asked.clear()
    desk.answer = by_name(LookupCustomer=look, UpdateCustomer=change)
    arrived = desk.one(moved, Thing(gone.emits[0].key, "customers", gone.emits[0].value))
    assert isinstance(arrived, Delivered)
    assert [emit.value["shopify_id"] for emit in arrived.emits] == ["9"]


@pytest.mark.parametrize(("privacy", "told"), [(True, ["UNSUBSCRIBED"]), (False, [])])
def test_who_has_another_address_in_the_shop_alone_is_known_by_the_shops_id(privacy: bool, told: list[str]) -> None:
    """They are not made a second time; and what was said at the till for one address is no yes for another."""
    desk = Desk()
    desk.one(customers, polled("73152", privacy=not privacy))
    desk.asked.clear()
    mail = {"emailAddress": NEW, "marketingState": "SUBSCRIBED" if privacy else "NOT_SUBSCRIBED"}
    theirs = customer("1", defaultEmailAddress=mail)
    desk.answer = by_name(LookupCustomer=lambda asked: is_customer(theirs if "id" in asked["identifier"] else None))
    outcome = desk.one(customers, polled("73152", privacy=privacy, last_updated=LATER))
    assert isinstance(outcome, Delivered)
    said = desk.said()
    assert not [one for one in said if one["operation"] == "CreateCustomer"]
    assert "email" not in next(one["variables"]["input"] for one in said if one["operation"] == "UpdateCustomer")
    consents = [
        one["variables"]["input"]["emailMarketingConsent"] for one in said if one["operation"] == "EmailConsent"
    ]
    assert [one["marketingState"] for one in consents] == told


def test_a_no_travels_to_the_customer_who_has_the_new_address_and_a_yes_does_not() -> None:
    for privacy, told in ((True, ["UNSUBSCRIBED"]), (False, [])):
        desk = Desk()
        desk.one(customers, polled("73152", privacy=privacy))
        leaves = polled("73152", NEW, key_email=MAIL, previous_email=MAIL, privacy=privacy, last_updated=LATER)
        gone = desk.one(customers, leaves)
        assert isinstance(gone, Delivered)
        [emit] = gone.emits
        state = "SUBSCRIBED" if privacy else "UNSUBSCRIBED"
        mail = {"emailAddress": NEW, "marketingState": state, "marketingUpdatedAt": "2025-01-01T00:00:00Z"}
        desk.asked.clear()
        desk.answer = says(is_customer(customer("9", defaultEmailAddress=mail)))
        assert isinstance(desk.one(moved, Thing(emit.key, "customers", emit.value)), Delivered)
        said = [one["variables"]["input"] for one in desk.said() if one["operation"] == "EmailConsent"]
        assert [one["emailMarketingConsent"]["marketingState"] for one in said] == told


def test_a_move_of_one_of_two_persons_leaves_the_customer_to_the_other() -> None:
    desk = Desk()
    first, other, _, _ = rows()
    desk.each(customers, first, other)
    address = "amy.lee@customer.example"
    leaves = polled("91004", NEW, key_email=address, previous_email=address, last_updated=LATER)
    gone = desk.one(customers, leaves)
    assert isinstance(gone, Delivered)
    assert "id" not in gone.emits[0].value
    kept = desk.profile(f"au/{address}")
    assert (kept["person"], kept["id"], list(kept["voices"]["email"])) == ("73180", "1", ["73180"])
    arrived = desk.one(moved, Thing(gone.emits[0].key, "customers", gone.emits[0].value))
    assert isinstance(arrived, Delivered)
    assert [one["email"] for one in created(desk)][-1] == NEW


def test_who_leaves_takes_the_customer_along_though_the_others_row_is_newer() -> None:
    """The polls told of both, and of the one who stays first."""
    desk, address = Desk(), "amy.lee@customer.example"
    desk.each(customers, *rows())
    leaves = polled(
        "73180", NEW, key_email=address, previous_email=address, last_updated=rows()[3].record["last_updated"] - HOUR
    )
    gone = desk.one(customers, leaves)
    assert isinstance(gone, Delivered)
    assert gone.emits[0].value["id"] == "1"
    assert "id" not in desk.profile(f"au/{address}")


def test_what_is_sent_again_on_demand_asks_the_shop_again() -> None:
    desk = Desk()
    row = polled("73152")
    desk.one(customers, row)
    desk.asked.clear()
    assert isinstance(desk.one(customers, row), Unchanged)
    desk.answer = by_name(LookupCustomer=lambda _: is_customer(customer("1")))
    again = desk.one(customers, replace(row, forced=True))
    assert isinstance(again, Delivered)
    assert desk.named()[0] == "LookupCustomer"
    assert [emit.value["shopify_id"] for emit in again.emits] == ["1"]


def test_the_event_of_the_id_says_whose_it_is() -> None:
    outcome: Any = Desk().one(customers, polled("73152"))
    [emit] = outcome.emits
    record = emit.value
    assert (emit.topic, emit.key, emit.part) == ("customers", PRIYA, "")
    assert (record["origin"], record["email"], record["person_id"]) == ("shopify", MAIL, "73152")
    assert (record["shopify_id"], record["email_opt_in"], record["connection"]) == ("1", None, "au")


def test_what_was_said_under_another_table_is_not_sent_any_more() -> None:
    desk = Desk()
    desk.one(customers, polled("73152", city="Kew"))
    desk.account = replace(desk.account, version="v2")
    desk.one(customers, polled("73152", joined_store_code="", last_updated=LATER))
    assert "note" not in desk.profile(PRIYA)["body"]


def test_a_number_that_cannot_be_looked_up_keeps_nobody_out() -> None:
    odd = Response(200, b'{"errors": [{"message": "Invalid phone"}]}')
    bad = refused("customerCreate", (["phone"], "Phone is invalid"))
    desk = Desk(answer=says(NOBODY, odd, bad))
    outcome = desk.one(customers, polled("73152"))
    assert isinstance(outcome, Delivered)
    assert ["phone" in body for body in created(desk)] == [True, False]
