"""What can never be delivered is kept as it was, with its reason; too much of it stops the group."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.engine.dead_letters import (
    ATTEMPTS,
    FIRST_FAILED,
    REMEMBERED,
    Limit,
    Origin,
    TooManyDeadLetters,
    letter,
)
from consumers.engine.item import PART, TOPIC
from consumers.engine.outcome import Rejected
from schemas.topics import Names
from tests.consumers.engine.stage import KIM, MORNING, Partition, partition, record

ORIGIN = Origin("post", "0.1.0", "t1", Names("test."))
WHY = Rejected("invalid", "the platform refuses the mobile number", 400, "req-9")


@pytest.fixture
def place() -> Iterator[Partition]:
    with partition() as made:
        yield made


def test_a_letter_has_the_bytes_as_they_were_and_says_why(place: Partition) -> None:
    dead = record(place.slot, 17, value=b"\xc3\x01\x00\xff")
    message = letter("post.dlq", ORIGIN, dead, WHY, MORNING)
    told = dict(message.headers)
    assert (message.topic, message.partition, message.key, message.value) == (
        "post.dlq",
        3,
        KIM.encode(),
        b"\xc3\x01\x00\xff",
    )
    assert {
        name.removeprefix("tillstream."): value.decode() for name, value in told.items() if name.startswith("t")
    } == {
        "content": "c1",
        "order": "2025-04-01",
        "object": "7",
        "sha256": "ab12",
        "group": "post",
        "topic": "customers",
        "partition": "3",
        "offset": "17",
        "timestamp": "1743487200000",
        "connection": "au",
        "entity": "customers",
        "reason": "invalid",
        "status": "400",
        "request-id": "req-9",
        "message": "the platform refuses the mobile number",
        "attempts": "1",
        "schema": "c30100ff",
        "first-failed": "2025-04-01T06:00:00+00:00",
        "last-failed": "2025-04-01T06:00:00+00:00",
        "line": "17",
        "file-sha256": "ab12",
        "file-line": "17",
        "tables": "t1",
        "version": "0.1.0",
    }
    assert {name: value for name, value in told.items() if name.startswith("kafka_dlt-")} == {
        "kafka_dlt-original-topic": b"test.customers",
        "kafka_dlt-original-partition": b"3",
        "kafka_dlt-original-offset": b"17",
        "kafka_dlt-original-timestamp": b"1743487200000",
    }


def test_the_schema_is_named_without_a_byte_of_what_the_record_says(place: Partition) -> None:
    framed, single = b"\x00\x00\x00\x00\x07", b"\xc3\x01\x01\x02\x03\x04\x05\x06\x07\x08"
    for mark in (framed, single):
        dead = record(place.slot, 17, value=mark + b"\x0a73152")
        told = letter("post.dlq", ORIGIN, dead, WHY, MORNING).headers
        assert dict(told)["tillstream.schema"] == mark.hex().encode()


def test_a_record_that_dies_again_after_a_redrive_goes_on_counting(place: Partition) -> None:
    """F59: and has each header once."""
    first = letter("post.dlq", ORIGIN, record(place.slot, 17), WHY, MORNING)
    again = record(place.slot, 5, source="replay", headers=dict(first.headers))
    second = letter("post.dlq", ORIGIN, again, WHY, MORNING + timedelta(days=1))
    names = [name for name, _ in second.headers]
    told = dict(second.headers)
    assert len(names) == len(set(names))
    assert (told["tillstream.attempts"], told[TOPIC]) == (b"2", b"customers")
    assert told["tillstream.first-failed"] == b"2025-04-01T06:00:00+00:00"
    assert told["tillstream.last-failed"] == b"2025-04-02T06:00:00+00:00"
    assert (told["kafka_dlt-original-topic"], told["kafka_dlt-original-offset"]) == (
        b"test.tillstream.post.replay",
        b"5",
    )


def test_the_part_that_was_left_to_do_is_named_so_that_a_redrive_does_only_that(place: Partition) -> None:
    dead = record(place.slot, 17)
    dead.part = "consent"
    told = letter("post.dlq", ORIGIN, dead, WHY, MORNING).headers
    assert dict(told)[PART] == b"consent"


def test_a_record_without_key_or_with_strange_headers_has_a_letter_too(place: Partition) -> None:
    """F24, F28."""
    nobody = record(place.slot, 17, key="", headers={"foreign": b"\xff", ATTEMPTS: b"many", FIRST_FAILED: b"\xff"})
    message = letter("post.dlq", ORIGIN, nobody, Rejected("no_key", "the record has no key"), MORNING)
    assert (message.key, dict(message.headers)["foreign"]) == (None, b"\xff")
    strange = record(place.slot, 18, key=b"au/\xff".decode("utf-8", "replace"))
    strange.raw_key = b"au/\xff"
    assert letter("post.dlq", ORIGIN, strange, WHY, MORNING).key == b"au/\xff"


def test_a_run_of_refusals_stops_the_group_and_says_what_filled_it() -> None:
    """F56."""
    limit = Limit(run=3, ratio=1.0)
    for reason in ("invalid", "", "invalid", "poison"):
        limit.note(reason)
    with pytest.raises(TooManyDeadLetters, match=r"3 records in a row were refused: invalid \(3\), poison \(1\)"):
        limit.note("invalid")


def test_too_large_a_part_stops_the_group_but_not_before_two_hundred() -> None:
    limit = Limit(run=1000, ratio=0.1)
    for n in range(199):
        limit.note("invalid" if n % 2 else "")
    with pytest.raises(TooManyDeadLetters, match="of the last 200 records were refused"):
        limit.note("invalid")


@given(st.lists(st.booleans(), max_size=2500), st.integers(1, 50), st.floats(0.01, 1.0))
def test_it_stops_exactly_when_the_run_or_the_part_is_reached(ends: list[bool], run: int, ratio: float) -> None:
    limit = Limit(run, ratio)
    for n, refused in enumerate(ends):
        last = ends[max(0, n + 1 - REMEMBERED) : n + 1]
        full = refused and len(last) >= 200 and sum(last) > ratio * len(last)
        in_a_row = refused and n + 1 >= run and all(ends[n + 1 - run : n + 1])
        if full or in_a_row:
            with pytest.raises(TooManyDeadLetters):
                limit.note("invalid")
            return
        limit.note("invalid" if refused else "")
