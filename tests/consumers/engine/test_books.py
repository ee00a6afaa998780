"""What became of a record is written down once: memory, receipt, dead letter, shelf, count, and its offset passed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import orjson
import pytest

from consumers.engine.books import Books
from consumers.engine.dead_letters import Limit, TooManyDeadLetters
from consumers.engine.item import LETTER, OFFSET, OWN, PART, REDRIVE, REPLAY, TOPIC, Record, from_shelf
from consumers.engine.outcome import (
    Deferred,
    Delivered,
    Emit,
    Final,
    Later,
    Outcome,
    Rejected,
    Skipped,
    Superseded,
    Unchanged,
)
from schemas import headers as names
from schemas.topics import Names
from tests.consumers.engine.stage import CODEC, KIM, MORNING, Partition, partition, record, said
from tests.schemas.examples import PRIYA

CONSENT = Deferred("subscribe_gap", MORNING + timedelta(minutes=30), part="consent", remember={"profile": {"id": "p1"}})


@pytest.fixture
def place() -> Iterator[Partition]:
    with partition() as made:
        yield made


def books(run: int = 100) -> Books:
    return Books("post", Names("x."), CODEC, Limit(run, 1.0), "0.1.0", lambda _: "t1", lambda: MORNING)


def arrived(place: Partition, offset: int = 0, **more: object) -> Record:
    """A record that was taken from its topic."""
    headers = said(**more) if more else said()  # type: ignore[arg-type]
    made = record(place.slot, offset, headers=headers)
    assert place.slot.positions["customers"].take(offset)
    return made


def due(place: Partition, when: datetime) -> list[Record]:
    """What the shelf gives out then."""
    return [from_shelf(place.slot, CODEC, laid) for laid in place.slot.shelf.due(when, 10)]


def counted(place: Partition) -> dict[str, int]:
    return {name.removeprefix("~total/"): count for name, count in place.slot.counts.items() if count}


def receipts(place: Partition) -> list[dict[str, object]]:
    return [orjson.loads(m.value or b"") for m in place.slot.outbox if m.topic == "x.tillstream.receipts"]


@pytest.mark.parametrize(
    ("outcome", "name"),
    [
        (Delivered({"profile": {"id": "p1"}}, status=202, call="profile"), "delivered"),
        (Unchanged({"profile": {"id": "p1"}}), "unchanged"),
        (Superseded({"profile": {"id": "p1"}}), "superseded"),
        (Skipped("web", {"profile": {"id": "p1"}}), "skipped:web"),
        (Rejected("invalid", "no", remember={"profile": {"id": "p1"}}), "dead"),
    ],
)
def test_each_last_word_is_remembered_counted_once_and_passes_the_offset(
    place: Partition, outcome: Final, name: str
) -> None:
    books().finish(arrived(place, 17), outcome)
    assert place.slot.recall(f"{KIM}#profile") == {"id": "p1"}
    assert counted(place) == {f"au/ab12/customers/{name}": 1}
    assert (place.slot.positions["customers"].committed, place.slot.unsettled) == (18, 1)
    assert len(receipts(place)) == (not isinstance(outcome, Unchanged))


def test_a_receipt_says_where_from_and_what_came_of_it(place: Partition) -> None:
    books().finish(arrived(place, 17), Delivered(status=202, call="profile", note="n"))
    assert receipts(place) == [
        {
            "time": "2025-04-01T06:00:00.000+00:00",
            "group": "post",
            "topic": "customers",
            "part": "",
            "partition": 3,
            "offset": 17,
            "file": "ab12",
            "line": "17",
            "object": "7",
            "outcome": "delivered",
            "call": "profile",
            "status": 202,
            "note": "n",
        }
    ]


def test_a_refused_record_is_buried_and_what_it_causes_is_told(place: Partition) -> None:
    emit = Emit("customers", KIM, {"points": 20}, part="back")
    books().finish(arrived(place), Rejected("invalid", "no", emits=(emit,)))
    buried, caused, _ = place.slot.outbox
    assert (buried.topic, caused.topic) == ("x.tillstream.post.dlq", "x.tillstream.post.replay")
    assert caused.value == b'{"points":20}'
    assert dict(caused.headers) == {OWN: b"1", TOPIC: b"customers", PART: b"back"}


def test_an_event_of_ours_says_of_itself_what_other_events_say(place: Partition) -> None:
    """And nothing of how the record that caused it came here: no part, no replay, no dead letter, no row of a file."""
    cause = record(place.slot, 0, headers={**said(thing="73152"), TOPIC: b"customers", "tillstream.attempts": b"3"})
    place.slot.positions["customers"].take(0)
    books().finish(cause, Delivered(emits=(Emit("customers", KIM, PRIYA),)))
    event = place.slot.outbox[0]
    assert (event.topic, event.key) == ("x.customers", KIM.encode())
    assert dict(event.headers) == {
        names.CONTENT: CODEC.encode("customers", PRIYA).content.encode(),
        names.SOURCE_TIME: b"2025-04-01T05:05:11.000000Z",
        names.ORDER: b"2025-04-01T05:05:11.000000Z|2025-04-01T06:00:00.000000Z|000000002",
        names.OBJECT: b"73152",
        names.ORIGIN: b"apparel21-file",
        names.SHA256: b"",
        names.LINE: b"2",
    }


def test_what_is_shelved_passes_its_offset_and_is_counted_when_it_ends(place: Partition) -> None:
    log = books()
    log.shelve(arrived(place, 17), CONSENT)
    assert place.slot.recall(f"{KIM}#profile") == {"id": "p1"}
    assert (counted(place), place.slot.positions["customers"].committed) == ({}, 18)
    (told,) = receipts(place)
    assert (told["outcome"], told["why"], told["until"]) == ("waiting", "subscribe_gap", "2025-04-01T06:30:00+00:00")
    (back,) = due(place, MORNING + timedelta(minutes=30))
    log.finish(back, Delivered())
    assert counted(place) == {"au/ab12/customers/delivered": 1}
    assert place.slot.shelf.size == 0
    assert receipts(place)[-1]["offset"] == 17


def test_a_part_that_a_newer_record_replaces_on_the_shelf_ends_as_superseded(place: Partition) -> None:
    log = books()
    log.shelve(arrived(place, 1), CONSENT)
    log.shelve(arrived(place, 2), CONSENT)
    assert (counted(place), place.slot.shelf.size) == ({"au/ab12/customers/superseded": 1}, 1)


def test_a_part_laid_down_anew_is_not_counted_until_it_ends(place: Partition) -> None:
    log = books()
    log.shelve(arrived(place, 1), CONSENT)
    (back,) = due(place, MORNING + timedelta(hours=1))
    log.shelve(back, CONSENT)
    assert (counted(place), place.slot.shelf.size) == ({}, 1)


def test_a_part_in_hand_whose_newer_one_waits_ends_as_superseded_instead_of_waiting_on(place: Partition) -> None:
    log = books()
    log.shelve(arrived(place, 1), CONSENT)
    (awake,) = due(place, MORNING + timedelta(hours=1))
    log.shelve(arrived(place, 2), CONSENT)
    log.shelve(awake, CONSENT)
    assert (counted(place), place.slot.shelf.size) == ({"au/ab12/customers/superseded": 1}, 1)


def test_a_follow_up_is_noted_and_is_no_line_of_the_books(place: Partition) -> None:
    log = books()
    log.finish(arrived(place), Delivered(later=(Later("customers", "totals", timedelta(0)),)))
    (own,) = due(place, MORNING)
    log.finish(own, Delivered())
    assert counted(place) == {"au/ab12/customers/delivered": 1}


def test_what_is_replayed_is_not_counted_again(place: Partition) -> None:
    again = record(place.slot, 4, source="replay", headers={**said(), REPLAY: b"r1"})
    place.slot.positions["replay"].take(4)
    books().finish(again, Delivered())
    assert (counted(place), place.slot.positions["replay"].committed) == ({}, 5)


def redriven(place: Partition, offset: int, **more: bytes) -> Record:
    """A dead letter that was sent again."""
    headers = {**said(), TOPIC: b"customers", REDRIVE: b"d1", LETTER: b"3/7", OFFSET: b"17", **more}
    assert place.slot.positions["replay"].take(offset)
    return record(place.slot, offset, source="replay", headers=headers)


@pytest.mark.parametrize(("outcome", "name"), [(Delivered(), "delivered"), (Superseded(), "superseded")])
def test_a_dead_letter_that_goes_through_changes_its_state_in_the_books(
    place: Partition, outcome: Final, name: str
) -> None:
    again = redriven(place, 4)
    books().finish(again, outcome)
    assert counted(place) == {"au/ab12/customers/dead": -1, f"au/ab12/customers/{name}": 1}
    assert (again.place, receipts(place)[0]["run"]) == (17, "d1")
    assert place.slot.state.get("~redriven/3/7") == b"1"


def test_a_dead_letter_that_dies_again_stays_one_and_stops_nobody(place: Partition) -> None:
    log = books(run=2)
    for offset in range(5):
        log.finish(redriven(place, offset), Rejected("invalid", "no"))
    assert counted(place) == {}


def test_the_dead_letter_of_a_replay_was_never_in_the_books(place: Partition) -> None:
    books().finish(redriven(place, 4, **{REPLAY: b"r1"}), Delivered())
    assert counted(place) == {}


def test_a_redriven_letter_is_known_as_such_from_the_moment_it_waits(place: Partition) -> None:
    books().shelve(redriven(place, 4), CONSENT)
    assert place.slot.state.get("~redriven/3/7") == b"1"
    (woken,) = due(place, MORNING + timedelta(hours=1))
    books().finish(woken, Delivered())
    assert counted(place) == {"au/ab12/customers/dead": -1, "au/ab12/customers/delivered": 1}


def test_too_many_refusals_in_a_row_stop_the_worker(place: Partition) -> None:
    log = books(run=2)
    outcomes: list[Outcome] = [Rejected("invalid", "no"), Unchanged(), Rejected("invalid", "no")]
    for offset, outcome in enumerate(outcomes):
        assert isinstance(outcome, Final)
        log.finish(arrived(place, offset), outcome)
    with pytest.raises(TooManyDeadLetters):
        log.finish(arrived(place, 3), Rejected("invalid", "no"))
