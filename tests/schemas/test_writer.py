"""What we write ourselves is to the byte what fastavro writes, and refused where fastavro refuses."""

from io import BytesIO
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_writer
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.definitions import RECORDS, Json, definition
from schemas.writer import writer
from tests.schemas.examples import PRIYA, RETURN, records

OURS = {topic: writer(definition(topic)) for topic in RECORDS}
THEIRS = {topic: parse_schema(definition(topic)) for topic in RECORDS}
REFUSALS = (ValueError, TypeError, OverflowError, AttributeError)
ANY = st.sampled_from(sorted(RECORDS)).flatmap(lambda topic: st.tuples(st.just(topic), records(topic)))
LONG = {**PRIYA, "city": "x" * 64, "adrs1": "x" * 63, "firstname": "é" * 64, "surname": "x" * 70_000}
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.text(max_size=80),
    st.sampled_from(["\ud800", "2025-04-01", "x" * 9_000]),
    st.binary(max_size=3),
    st.dates(),
    st.datetimes(timezones=st.timezones()),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)


def fastavro(topic: str, record: Json) -> bytes:
    """What the library makes of it."""
    stream = BytesIO()
    schemaless_writer(stream, THEIRS[topic], record)
    return stream.getvalue()


@given(ANY)
@example(("customers", LONG))
@example(("orders", RETURN))
def test_every_record_is_written_as_fastavro_writes_it(given_record: tuple[str, Json]) -> None:
    topic, record = given_record
    assert OURS[topic](record) == fastavro(topic, record)


@given(ANY, st.data())
def test_fields_that_are_missing_are_written_as_fastavro_writes_them(
    given_record: tuple[str, Json], data: st.DataObject
) -> None:
    topic, record = given_record
    kept = data.draw(st.sets(st.sampled_from(sorted(record))))
    part = {name: value for name, value in record.items() if name in kept}
    assert OURS[topic](part) == fastavro(topic, part)


@given(ANY, ODD, st.data())
def test_what_does_not_fit_is_refused_where_fastavro_refuses_it(
    given_record: tuple[str, Json], odd: Any, data: st.DataObject
) -> None:
    topic, record = given_record
    record[data.draw(st.sampled_from(sorted(record)))] = odd
    try:
        theirs = fastavro(topic, record)
    except REFUSALS:
        with pytest.raises(REFUSALS):
            OURS[topic](record)
    else:
        assert OURS[topic](record) == theirs
