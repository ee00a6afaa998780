"""Customers at Yotpo: one account for each address, whatever comes first and however it is cut into works."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.engine.outcome import Delivered, Misconfigured, Rejected, Skipped, Superseded, Unchanged
from consumers.yotpo.customers import customers, moved
from tests.consumers.desk import Thing, customer, order_text
from tests.consumers.yotpo.shop import PRIYA, Desk, account, bodies, says

NEW = "priya.shah@customer.example"
LATER, DAY = datetime(2025, 5, 1, tzinfo=UTC), timedelta(days=1)


def rows() -> list[Thing]:
    """Rows of two persons at one address, at several times."""
    names = [("73180", "Amy"), ("91004", "A."), ("73180", ""), ("91004", "Ame")]
    days = [datetime(2025, 4, day, tzinfo=UTC) for day in (3, 5, 7, 9)]
    return [
        customer(person, "amy.lee@customer.example", firstname=name, last_updated=day)
        for (person, name), day in zip(names, days, strict=True)
    ]


def test_a_late_older_row_changes_nothing() -> None:
    desk = Desk(account())
    old, _, _, new = rows()
    desk.one(customers, new)
    assert desk.one(customers, old) == Superseded()
    assert len(desk.asked) == 1


def test_what_is_empty_in_a_newer_row_is_not_forgotten() -> None:
    desk = Desk(account())
    for row in rows()[:3]:
        desk.one(customers, row)
    assert [(body["id"], body["first_name"]) for body in bodies(desk, "/customers")] == [
        ("73180", "Amy"),
        ("73180", "A."),
    ]


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.permutations(range(4)))
def test_the_account_does_not_depend_on_how_rows_are_cut_into_works(cuts: list[int], order: list[int]) -> None:
    arrived = [rows()[place] for place in order]
    together, apart = Desk(account()), Desk(account())
    for row in arrived:
        apart.one(customers, row)
    while arrived:
        size = cuts.pop() if cuts else 4
        together.one(customers, *arrived[:size])
        arrived = arrived[size:]
    assert bodies(together, "/customers")[-1] == bodies(apart, "/customers")[-1]


def test_a_changed_address_is_said_under_the_same_id() -> None:
    desk = Desk(account())
    desk.one(customers, customer("73152"))
    gone = desk.one(
        customers, customer("73152", NEW, key_email=PRIYA[3:], previous_email=PRIYA[3:], last_updated=LATER)
    )
    assert isinstance(gone, Delivered)
    (emit,) = gone.emits
    assert (emit.key, emit.part) == (f"au/{NEW}", "moved")
    arrived = desk.one(moved, Thing(emit.key, "customers", emit.value))
    assert isinstance(arrived, Delivered)
    assert bodies(desk, "/customers")[-1] == {
        "email": NEW, "id": "73152", "pos_account_id": "73152", "first_name": "Priya", "last_name": "O'Connor",
        "phone_number": "+61491570006",
    }  # fmt: skip
    assert desk.one(customers, customer("73152", NEW, last_updated=LATER)) != Skipped("no_email")
    assert len(bodies(desk, "/customers")) == 2


@pytest.mark.parametrize("first", [True, False])
def test_a_late_older_row_changes_nothing_at_the_new_address_either(first: bool) -> None:
    """Yesterday's file after today's, in which somebody has moved; it may even be there before the news of that."""
    desk = Desk(account())
    desk.one(customers, customer("73152"))
    gone = desk.one(
        customers, customer("73152", NEW, key_email=PRIYA[3:], previous_email=PRIYA[3:], last_updated=LATER)
    )
    assert isinstance(gone, Delivered)
    (emit,) = gone.emits
    news, late = Thing(emit.key, "customers", emit.value), customer("73152", NEW, firstname="Prya")
    if first:
        desk.one(customers, late)
        desk.one(moved, news)
    else:
        desk.one(moved, news)
        assert desk.one(customers, late) == Superseded()
    assert bodies(desk, "/customers")[-1]["first_name"] == "Priya"


def test_who_stays_at_an_address_gets_an_account_when_its_owner_has_left() -> None:
    """The next daily file repeats their row, which is older than the one that told of the leaving."""
    desk, address = Desk(account()), "amy.lee@customer.example"
    owner, other, _, _ = rows()
    desk.each(customers, owner, other)
    leaves = customer(owner.object, NEW, key_email=address, previous_email=address, last_updated=LATER)
    gone = desk.one(customers, leaves)
    assert isinstance(gone, Delivered)
    desk.one(moved, Thing(gone.emits[0].key, "customers", gone.emits[0].value))
    assert desk.profile(other.key)["seen"][other.object][0] != other.content, "or nobody would look at the row"
    assert isinstance(desk.one(customers, other), Delivered)
    sent = [(body["id"], body["email"]) for body in bodies(desk, "/customers")]
    assert sent[-2:] == [("73180", NEW), ("91004", address)]
    assert desk.one(customers, replace(owner, content="late")) == Superseded()


def test_who_leaves_takes_their_account_along_though_somebody_else_s_row_is_newer() -> None:
    """Both rows are of one file, in which the one who stays stands first."""
    desk, address = Desk(account()), "amy.lee@customer.example"
    owner, other, _, _ = rows()
    desk.each(customers, owner, other)
    desk.one(customers, replace(other, record={**other.record, "firstname": "Ame"}, order=order_text(LATER, 3)))
    leaves = customer(owner.object, NEW, key_email=address, previous_email=address, last_updated=LATER - DAY)
    gone = desk.one(customers, leaves)
    assert isinstance(gone, Delivered)
    desk.one(moved, Thing(gone.emits[0].key, "customers", gone.emits[0].value))
    assert (bodies(desk, "/customers")[-1]["id"], bodies(desk, "/customers")[-1]["email"]) == (owner.object, NEW)
    assert desk.profile(other.key).get("id") is None
    assert desk.one(customers, replace(owner, content="late")) == Superseded()


def test_consent_is_never_membership() -> None:
    desk = Desk(account())
    desk.one(customers, customer("73160"))
    assert "opted_in" not in desk.asked[0].body
    assert desk.one(customers, customer("73180", rescued=True)) == Skipped("opt_out_only")


def test_what_others_know_of_people_is_not_for_yotpo() -> None:
    assert Desk(account()).one(customers, customer("73152", origin="clearer")) == Skipped("origin")


def test_a_refusal_is_remembered_as_nothing() -> None:
    def outcome(status: int, **body: Any) -> object:
        desk = Desk(account(), answer=says(status, body))
        made = desk.one(customers, customer("73152"))
        assert desk.memory == {}
        return made

    assert outcome(422, error_message="Email has already been taken") == Rejected("invalid", "refused as invalid", 422)
    assert isinstance(outcome(401), Misconfigured)


def test_an_operator_may_ask_for_it_again() -> None:
    desk = Desk(account())
    desk.one(customers, customer("73152"))
    assert isinstance(desk.one(customers, customer("73152")), Unchanged)
    assert isinstance(desk.one(customers, replace(customer("73152"), forced=True)), Delivered)
