"""A person's records follow their address, and only a newer row can move them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from producers.people import UNSEEN, Person, address_for, load_person, place

ADDRESSES = st.sampled_from(["", "a@customer.example", "b@customer.example", "c@customer.example"])
ROWS = st.lists(
    st.tuples(st.integers(1, 99).map(lambda n: f"{n:02}"), ADDRESSES), max_size=12, unique_by=lambda row: row[0]
)


def after(rows: list[tuple[str, str]]) -> Person:
    """What is known after these rows came, in this order."""
    person = UNSEEN
    for order, email in rows:
        person = place(person, email, order, staff=False).person
    return person


@given(ROWS)
def test_the_newest_row_with_an_address_decides_when_rows_come_in_order(rows: list[tuple[str, str]]) -> None:
    addresses = [email for _, email in sorted(rows) if email]
    assert after(sorted(rows)).email == (addresses[-1] if addresses else "")


@given(ROWS, st.tuples(st.just("00"), ADDRESSES))
def test_an_old_row_changes_nothing(rows: list[tuple[str, str]], old: tuple[str, str]) -> None:
    person = after(sorted([*rows, ("99", "z@customer.example")]))
    assert place(person, old[1], old[0], staff=True).person == person


@given(ROWS)
def test_nobody_has_left_the_address_where_they_are(rows: list[tuple[str, str]]) -> None:
    person = after(rows)
    assert person.email not in person.left
    assert load_person(person.dump()) == person


def test_a_move_goes_under_the_old_address_and_later_rows_under_the_new_one() -> None:
    first = place(UNSEEN, "old@customer.example", "1", staff=False)
    moved = place(first.person, "new@customer.example", "2", staff=False)
    later = place(moved.person, "new@customer.example", "3", staff=False)
    assert (first.address, first.previous) == ("old@customer.example", None)
    assert (moved.address, moved.previous) == ("old@customer.example", "old@customer.example")
    assert (later.address, later.previous) == ("new@customer.example", "old@customer.example")


def test_a_late_row_goes_to_the_lane_that_knew_the_person_then() -> None:
    person = Person("5", "new@customer.example", left=("old@customer.example",))
    assert place(person, "old@customer.example", "3", staff=False).address == "old@customer.example"
    assert place(person, "between@customer.example", "3", staff=False).address == "new@customer.example"


def test_who_moves_back_has_left_the_other_address() -> None:
    person = after([("1", "a@customer.example"), ("2", "b@customer.example"), ("3", "a@customer.example")])
    assert (person.email, person.left) == ("a@customer.example", ("b@customer.example",))


def test_a_row_without_an_address_goes_where_the_person_was_last() -> None:
    placed = place(Person("1", "kim@customer.example"), "", "2", staff=False)
    assert (placed.address, placed.person.email) == ("kim@customer.example", "kim@customer.example")


def test_an_order_goes_under_its_own_address_unless_the_person_moved_away_from_it() -> None:
    kim = Person("1", "kim@customer.example", left=("old@customer.example",))
    assert address_for(kim, "gift@customer.example") == "gift@customer.example"
    assert address_for(kim, "old@customer.example") == "kim@customer.example"
    assert address_for(kim, "") == "kim@customer.example"
    assert address_for(UNSEEN, "") is None
