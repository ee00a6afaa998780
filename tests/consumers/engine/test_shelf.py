"""What waits long waits on the shelf: nothing is lost, an order per key is kept, and no wait is given out twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.engine.item import OWN, PART, Record, from_shelf
from consumers.engine.lanes import Lanes
from consumers.engine.outcome import OWN_KEY, Deferred, Later
from tests.consumers.engine.stage import CODEC, KIM, MORNING, Partition, partition, record, said
from tests.schemas.examples import PRIYA

HOUR = timedelta(hours=1)
STOPPED = Deferred("stopped", wakes="connection/au")


def deferred(hours: int) -> Deferred:
    """Until so many hours after the morning."""
    return Deferred("subscribe_gap", until=MORNING + hours * HOUR)


@pytest.fixture
def place() -> Iterator[Partition]:
    with partition() as made:
        yield made


def due(place: Partition, hours: float, most: int = 100) -> list[Record]:
    """What is given out so long after the morning."""
    return [from_shelf(place.slot, CODEC, laid) for laid in place.slot.shelf.due(MORNING + hours * HOUR, most)]


def woken(place: Partition, event: str = "connection/au", most: int = 100) -> list[Record]:
    return [from_shelf(place.slot, CODEC, laid) for laid in place.slot.shelf.woken(event, most)]


def places(records: list[Record]) -> list[int]:
    return [found.place for found in records]


def test_a_record_comes_back_as_it_was_when_its_time_has_come(place: Partition) -> None:
    laid = record(place.slot, 17, value=b"\x00\x01\xff", headers=said(thing="913", foreign=b"\xe9"))
    laid.attempts, laid.first_failed = 2, "2025-03-31T06:00:00+00:00"
    assert place.slot.shelf.put(laid, deferred(1), MORNING) == ""
    assert due(place, 0.99) == []
    (back,) = due(place, 1)
    assert (back.key, back.topic, back.source, back.value) == (KIM, "customers", "customers", b"\x00\x01\xff")
    assert (back.headers, back.object, back.timestamp) == (laid.headers, "913", laid.timestamp)
    assert (back.offset, back.place) == (-1, 17), "its offset is passed, but known"
    assert (back.attempts, back.first_failed) == (2, "2025-03-31T06:00:00+00:00")


def test_an_entry_is_given_out_once_and_again_to_an_heir(place: Partition) -> None:
    place.slot.shelf.put(record(place.slot, 1), STOPPED, MORNING)
    place.settle()
    assert places(woken(place)) == [1]
    assert woken(place) == []
    place.crash()
    assert place.slot.shelf.size == 1
    assert places(woken(place)) == [1]


def test_a_record_that_nothing_would_ever_wake_is_a_fault_of_ours_and_not_laid_down() -> None:
    with pytest.raises(ValueError, match=r"deferred \(busy\) without a time or an event"):
        Deferred("busy")


def test_what_is_finished_leaves_no_trace(place: Partition) -> None:
    place.slot.shelf.put(record(place.slot, 1), STOPPED, MORNING)
    place.settle()
    (back,) = woken(place)
    place.slot.shelf.remove(back)
    place.settle()
    assert (place.slot.shelf.size, set(place.remembered())) == (0, set())


def test_only_what_waits_for_the_event_is_woken(place: Partition) -> None:
    place.slot.shelf.put(record(place.slot, 1), STOPPED, MORNING)
    place.slot.shelf.put(
        record(place.slot, 2, "nz/kim@customer.example"), Deferred("away", wakes="connection/nz"), MORNING
    )
    assert places(woken(place, "connection/nz")) == [2]
    assert woken(place, "order/913748") == []


def test_what_waits_for_something_of_its_key_is_due_once_that_has_come_and_in_its_order(place: Partition) -> None:
    shelf = place.slot.shelf
    for number, hours in ((1, 5), (2, 4)):
        shelf.put(record(place.slot, number), Deferred("original", MORNING + hours * HOUR, OWN_KEY), MORNING)
    shelf.put(record(place.slot, 3), deferred(6), MORNING)
    shelf.put(
        record(place.slot, 4, key="au/priya.oconnor@customer.example"),
        Deferred("original", MORNING + HOUR, OWN_KEY),
        MORNING,
    )
    place.settle()
    shelf.hasten(KIM, MORNING)
    found = due(place, 0)
    assert places(found) == [1, 2]
    shelf.hasten(KIM, MORNING)
    assert due(place, 0) == [], "what is in hand is not given out again"
    for one in found:
        shelf.remove(one)
    assert places(due(place, 7)) == [4, 3]
    assert shelf.size == 2


def test_no_more_are_given_out_than_asked_for_and_the_rest_comes_next(place: Partition) -> None:
    for offset in range(5):
        place.slot.shelf.put(record(place.slot, offset, f"au/{offset}"), deferred(1), MORNING)
    place.settle()
    assert [places(due(place, 2, most=2)) for _ in range(4)] == [[0, 1], [2, 3], [4], []]


def test_what_was_laid_down_and_not_settled_yet_is_found_in_its_order(place: Partition) -> None:
    place.slot.shelf.put(record(place.slot, 2, "au/a"), deferred(2), MORNING)
    place.settle()
    place.slot.shelf.put(record(place.slot, 1, "au/b"), deferred(1), MORNING)
    assert place.slot.shelf.next_due() == "2025-04-01T07:00:00.000000+00:00"
    assert places(due(place, 3)) == [1, 2]


def test_a_clock_that_goes_back_changes_no_order(place: Partition) -> None:
    """F65; also over a crash, where an heir's clock may be behind."""
    place.slot.shelf.put(record(place.slot, 1), STOPPED, MORNING)
    place.slot.shelf.put(record(place.slot, 2), STOPPED, MORNING - HOUR)
    place.settle()
    place.crash()
    place.slot.shelf.put(record(place.slot, 3), STOPPED, MORNING - 2 * HOUR)
    assert places(woken(place)) == [1, 2, 3]


def test_a_later_record_of_the_same_kind_goes_behind_the_one_that_waits(place: Partition) -> None:
    place.slot.shelf.put(record(place.slot, 1, headers=said(thing="7")), deferred(1), MORNING)
    shelf = place.slot.shelf
    assert shelf.waits_before(record(place.slot, 2, headers=said(thing="8")), same_object=False) == deferred(1)
    assert shelf.waits_before(record(place.slot, 2, headers=said(thing="8")), same_object=True) is None
    assert shelf.waits_before(record(place.slot, 2, topic="orders"), same_object=False) is None
    assert shelf.waits_before(record(place.slot, 2, "au/robin@customer.example"), same_object=False) is None


def test_what_is_laid_down_anew_keeps_its_place_before_those_that_came_later(place: Partition) -> None:
    shelf = place.slot.shelf
    shelf.put(record(place.slot, 1), deferred(1), MORNING)
    shelf.put(record(place.slot, 2), deferred(1), MORNING)
    first, second = due(place, 1)
    assert shelf.waits_before(first, same_object=False) is None
    shelf.put(first, deferred(5), MORNING)
    assert shelf.waits_before(second, same_object=False) == deferred(5)
    shelf.put(second, deferred(5), MORNING)
    assert shelf.size == 2
    assert places(due(place, 5)) == [1, 2]


def test_a_part_waits_as_the_event_it_belongs_to_and_a_newer_one_takes_its_place(place: Partition) -> None:
    consent = Deferred("subscribe_gap", MORNING + HOUR, part="consent")
    shelf = place.slot.shelf
    value = CODEC.encode("customers", PRIYA).payload
    assert shelf.put(record(place.slot, 1, value=value), consent, MORNING) == ""
    superfluous = shelf.put(record(place.slot, 2, value=value), consent, MORNING)
    assert shelf.look(superfluous).place == 1
    shelf.remove(from_shelf(place.slot, CODEC, shelf.look(superfluous)))
    (left,) = due(place, 1)
    assert (left.place, left.part, left.record["person_id"]) == (2, "consent", "73152")


def test_a_part_that_somebody_has_in_hand_is_not_replaced(place: Partition) -> None:
    """Else it would be told as superseded and delivered as well."""
    consent = Deferred("subscribe_gap", MORNING + HOUR, part="consent")
    place.slot.shelf.put(record(place.slot, 1), consent, MORNING)
    (awake,) = due(place, 1)
    assert place.slot.shelf.put(record(place.slot, 2), consent, MORNING) == ""
    assert place.slot.shelf.put(awake, consent, MORNING) == awake.shelf, "a newer one waits: it need not be laid down"
    place.slot.shelf.remove(awake)
    assert places(due(place, 2)) == [2]


def test_a_part_laid_down_anew_is_one_entry(place: Partition) -> None:
    consent = Deferred("subscribe_gap", MORNING + HOUR, part="consent")
    place.slot.shelf.put(record(place.slot, 1), consent, MORNING)
    for hour in (1, 2, 3):
        (awake,) = due(place, hour)
        again = Deferred("subscribe_gap", MORNING + (hour + 1) * HOUR, part="consent")
        assert place.slot.shelf.put(awake, again, MORNING) == ""
        assert place.slot.shelf.size == 1


def test_reasons_are_counted_by_connection(place: Partition) -> None:
    place.slot.shelf.put(record(place.slot, 1), STOPPED, MORNING)
    place.slot.shelf.put(record(place.slot, 2, "nz/a"), deferred(1), MORNING)
    assert place.slot.shelf.reasons == {("au", "stopped"): 1, ("nz", "subscribe_gap"): 1}


def test_a_follow_up_is_ours_and_a_newer_one_takes_its_place(place: Partition) -> None:
    later = Later("customers", "totals", HOUR)
    place.slot.shelf.follow_up(KIM, later, MORNING)
    place.slot.shelf.follow_up(KIM, later, MORNING + HOUR)
    place.settle()
    place.crash()
    assert (due(place, 1.5), place.slot.shelf.size) == ([], 0)
    (found,) = due(place, 2)
    assert (found.key, found.topic, found.part, found.record) == (KIM, "customers", "totals", {})
    assert found.ours
    assert found.headers == {OWN: b"1", PART: b"totals"}
    place.slot.shelf.remove(found)
    place.settle()
    assert set(place.remembered()) == set()


def test_a_follow_up_asked_for_while_one_is_in_hand_runs_once_if_it_is_due_and_later_if_it_is_not(
    place: Partition,
) -> None:
    shelf = place.slot.shelf
    shelf.follow_up(KIM, Later("customers", "totals", timedelta(0)), MORNING)
    (awake,) = due(place, 0)
    shelf.follow_up(KIM, Later("customers", "totals", timedelta(0)), MORNING)
    assert due(place, 0) == [], "the one in hand comes after what asked, and does both"
    shelf.follow_up(KIM, Later("customers", "totals", HOUR), MORNING)
    shelf.remove(awake)
    assert [found.key for found in due(place, 1)] == [KIM]


def test_a_key_longer_than_the_stores_limit_is_followed_up_under_its_whole_name(place: Partition) -> None:
    key = "au/" + "x" * 1000
    place.slot.shelf.follow_up(key, Later("customers", "totals", HOUR), MORNING)
    place.settle()
    place.crash()
    assert [found.key for found in due(place, 1)] == [key]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("arrive"), st.sampled_from("ab"), st.integers(0, 3)),
        st.tuples(st.just("pass"), st.just(""), st.integers(1, 3)),
        st.tuples(st.just("wake"), st.just(""), st.integers(1, 3)),
        st.tuples(st.just("crash"), st.just(""), st.just(0)),
    ),
    max_size=25,
)


@given(STEPS, st.lists(st.sampled_from(["done", "done", "until", "event"]), min_size=1))
def test_every_record_ends_once_and_in_the_order_of_its_key(steps: list[tuple[str, str, int]], says: list[str]) -> None:
    """Whatever a plan says of each try, however few are woken at once, and wherever a worker crashes."""
    with partition() as place:
        house = _House(place, says)
        for what, key, count in steps:
            house.step(what, key, count)
        house.says = ["done"]
        for _ in range(40):
            house.step("pass", "", 5)
            house.step("wake", "", 5)
        assert house.finished == {key: sorted(house.arrived[key]) for key in house.arrived}
        assert set(place.remembered()) == set()


class _House:
    """The least worker: arrivals and what is woken go into lanes, and each is tried once a step."""

    def __init__(self, place: Partition, says: list[str]) -> None:
        self.place, self.says = place, says
        self.hours, self.tries = 0, 0
        self.lanes = Lanes(lambda _: False)
        self.arrived: dict[str, list[int]] = {"au/a": [], "au/b": []}
        self.finished: dict[str, list[int]] = {"au/a": [], "au/b": []}

    def step(self, what: str, key: str, count: int) -> None:
        if what == "arrive":
            for _ in range(count):
                number = sum(map(len, self.arrived.values()))
                self.arrived[f"au/{key}"].append(number)
                self.lanes.add(record(self.place.slot, number, f"au/{key}"))
        elif what == "pass":
            self.hours += 1
            for found in due(self.place, self.hours, count):
                self.lanes.add_first(found)
        elif what == "wake":
            for found in woken(self.place, most=count):
                self.lanes.add_first(found)
        else:
            self.place.crash()
        self._work()
        self.place.settle()

    def _work(self) -> None:
        while self.lanes.kinds():
            for (taken,) in self.lanes.take(self.lanes.kinds()[0], 1):
                self._try(taken)
                self.lanes.done(taken.key)

    def _try(self, taken: Record) -> None:
        shelf, now = self.place.slot.shelf, MORNING + self.hours * HOUR
        behind = shelf.waits_before(taken, same_object=False)
        said = self.says[self.tries % len(self.says)]
        self.tries += behind is None
        if behind is not None:
            assert shelf.put(taken, behind, now) == ""
        elif said == "done":
            self.finished[taken.key].append(taken.place)
            if taken.shelf:
                shelf.remove(taken)
        else:
            shelf.put(taken, deferred(self.hours + 1) if said == "until" else STOPPED, now)
