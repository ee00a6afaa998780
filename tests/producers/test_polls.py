"""When a poll is due, and what it remembers; the rest is proved on a real Kafka in tests/flow."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.erasure import Erasure
from producers.looks import daily
from producers.notes import Notes
from producers.office import Lost

MELBOURNE = ZoneInfo("Australia/Melbourne")


@given(
    st.times().map(lambda one: one.replace(second=0, microsecond=0)),
    st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_a_nightly_look_is_due_once_a_day_by_the_shops_clock(at: time, now: datetime) -> None:
    due = daily(at, MELBOURNE, now)
    assert now < due <= now + timedelta(hours=25)
    again = daily(at, MELBOURNE, due)
    assert timedelta(hours=22) <= again - due <= timedelta(hours=26)


@pytest.mark.parametrize(
    ("evening", "due"),
    [
        (datetime(2025, 4, 5, 12, tzinfo=UTC), "2025-04-05T15:30:00+00:00"),  # 02:30 comes twice: the first
        (datetime(2025, 4, 5, 15, 40, tzinfo=UTC), "2025-04-06T16:30:00+00:00"),  # and not the second as well
        (datetime(2025, 10, 4, 12, tzinfo=UTC), "2025-10-04T16:30:00+00:00"),  # is skipped: 03:30 on the new clock
        (datetime(2025, 10, 4, 16, 40, tzinfo=UTC), "2025-10-05T15:30:00+00:00"),
    ],
)
def test_a_nightly_look_is_made_once_in_a_night_in_which_the_clock_changes(evening: datetime, due: str) -> None:
    assert daily(time(2, 30), MELBOURNE, evening).isoformat() == due


class Drawer(dict[str, bytes]):
    """A drawer in memory."""

    def put(self, key: str, value: bytes | None) -> None:
        if value is None:
            self.pop(key, None)
        else:
            self[key] = value

    def scan(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        yield from ((key, value) for key, value in sorted(self.items()) if key.startswith(prefix))


def test_polls_and_connections_remember_apart() -> None:
    drawer = Drawer()
    one, other = Notes(drawer, "au", "apparel21-poll"), Notes(drawer, "nz", "apparel21-poll")
    one.remember("person/7", "x")
    one.move({"newest": "2025"})
    assert (one.known("person/7"), one.position, other.known("person/7"), other.position) == (
        "x",
        {"newest": "2025"},
        "",
        None,
    )
    one.remember("person/7", "")
    assert drawer.keys() == {"au/poll/apparel21-poll/at"}


def test_who_is_erased_is_forgotten_and_nobody_whose_address_only_ends_as_theirs() -> None:
    notes = Notes(Drawer(), "au", "apparel21-poll")
    notes.remember("person/7", "stamp\x1fhash\x1fann@customer.example")
    notes.remember("person/8", "stamp\x1fhash\x1fjoann@customer.example")
    notes.forget(Erasure("au", (), ("ann@customer.example",)))
    assert (notes.known("person/7"), notes.known("person/8")) == ("stamp", "stamp\x1fhash\x1fjoann@customer.example")


def test_a_look_that_was_begun_before_the_partition_was_lost_learns_nothing_more() -> None:
    notes = Notes(Drawer(), "au", "apparel21-poll")
    notes.close()
    with pytest.raises(Lost):
        notes.known("person/7")
