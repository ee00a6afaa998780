"""What is encoded comes back; what was never encoded is named for what it is."""

import json
from copy import deepcopy
from datetime import datetime, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_writer
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import SINGLE_OBJECT, Codec, Misfit, Poison, UnknownSchema, codec, mark
from schemas.definitions import ENVELOPE, RECORDS, Json, blank, definition
from schemas.topics import Names
from tests.schemas.examples import AT, PRIYA, RETURN, records

PLAIN = codec(None)
ANY = st.sampled_from(sorted(RECORDS)).flatmap(lambda topic: st.tuples(st.just(topic), records(topic)))


@given(ANY)
def test_what_is_encoded_comes_back(given_record: tuple[str, Json]) -> None:
    topic, record = given_record
    assert PLAIN.decode(topic, PLAIN.encode(topic, record).payload) == record


@pytest.mark.parametrize(("topic", "record"), [("customers", PRIYA), ("orders", RETURN)])
def test_a_shops_own_records_come_back(topic: str, record: Json) -> None:
    assert PLAIN.decode(topic, PLAIN.encode(topic, record).payload) == record


def test_the_framing_is_avros_single_object_encoding() -> None:
    payload = PLAIN.encode("customers", PRIYA).payload
    assert payload[:2] == bytes.fromhex("c301")
    assert payload[2:10] == mark(definition("customers"))


def test_fingerprints_are_those_of_the_avro_specification() -> None:
    """The Java implementation prints 7275d51a3f395c8f for "int"; on the wire it is little-endian."""
    assert mark("int").hex() == "8f5c393f1ad57572"


@given(ANY, st.data())
def test_the_content_hash_sees_content_and_nothing_else(given_record: tuple[str, Json], data: st.DataObject) -> None:
    topic, record = given_record
    other = data.draw(records(topic))
    envelope = {name: other[name] for name in ENVELOPE}
    assert PLAIN.encode(topic, {**record, **envelope}).content == PLAIN.encode(topic, record).content
    equal = {name: record[name] for name in record if name not in ENVELOPE} == {
        name: other[name] for name in other if name not in ENVELOPE
    }
    assert (PLAIN.encode(topic, other).content == PLAIN.encode(topic, record).content) == equal


def test_the_content_hash_ignores_the_order_of_a_files_columns() -> None:
    one = {**PRIYA, "extra": {"a": "1", "b": "2"}}
    two = {**PRIYA, "extra": {"b": "2", "a": "1"}}
    assert PLAIN.encode("customers", one) == PLAIN.encode("customers", two)


def test_a_missing_field_is_written_as_its_default() -> None:
    bare = {key: value for key, value in PRIYA.items() if key not in {"city", "extra", "dob"}}
    assert PLAIN.decode("customers", PLAIN.encode("customers", bare).payload)["extra"] == {}


@given(st.binary(max_size=80))
def test_random_bytes_are_poison(noise: bytes) -> None:
    with pytest.raises((Poison, UnknownSchema)):
        PLAIN.decode("customers", noise)


@given(ANY, st.binary(max_size=200))
def test_random_bytes_behind_our_own_mark_are_read_or_poison(given_record: tuple[str, Json], noise: bytes) -> None:
    topic, _ = given_record
    payload = SINGLE_OBJECT + mark(definition(topic)) + noise
    try:
        assert set(PLAIN.decode(topic, payload)) == set(blank(topic))
    except Poison:
        return


@given(ANY, st.data())
def test_a_truncated_record_is_poison(given_record: tuple[str, Json], data: st.DataObject) -> None:
    topic, record = given_record
    payload = PLAIN.encode(topic, record).payload
    with pytest.raises(Poison):
        PLAIN.decode(topic, payload[: data.draw(st.integers(0, len(payload) - 1))])


@given(st.binary(min_size=1, max_size=9))
def test_bytes_after_the_record_are_poison(tail: bytes) -> None:
    with pytest.raises(Poison, match=f"{len(tail)} of .* bytes are left"):
        PLAIN.decode("customers", PLAIN.encode("customers", PRIYA).payload + tail)


def test_a_record_of_another_topic_is_poison() -> None:
    with pytest.raises(Poison, match="a record of the topic orders on the topic customers"):
        PLAIN.decode("customers", PLAIN.encode("orders", RETURN).payload)


def test_a_fingerprint_nobody_knows_may_be_known_later() -> None:
    with pytest.raises(UnknownSchema) as caught:
        PLAIN.decode("customers", SINGLE_OBJECT + bytes(range(8)) + b"whatever")
    assert caught.value.id == "with the fingerprint 0001020304050607"


def test_a_confluent_record_waits_for_a_registry() -> None:
    with pytest.raises(UnknownSchema, match="with the id 42"):
        PLAIN.decode("customers", b"\x00\x00\x00\x00\x2awhatever")


@pytest.mark.parametrize(
    ("topic", "field", "value"),
    [
        ("customers", "city", None),
        ("customers", "city", "\ud800"),
        ("customers", "privacy", "No"),
        ("customers", "extra", {"a": 1}),
        ("customers", "line", 2**63),
        ("orders", "order_total", Decimal("1.005")),
        ("orders", "order_total", Decimal("99999999999.00")),
        ("orders", "sale_datetime", "2025-04-01"),
        ("orders", "sale_datetime", datetime(2025, 4, 1)),  # noqa: DTZ001 - that is the point
        ("orders", "lines", [{"qty": "one"}]),
    ],
)
def test_a_record_that_does_not_fit_names_the_field_and_not_the_value(topic: str, field: str, value: Any) -> None:
    with pytest.raises(Misfit, match=rf"\.{field} ") as caught:
        PLAIN.encode(topic, {**blank(topic), field: value})
    assert str(value) not in str(caught.value).replace(type(value).__name__, "")


def earlier(folder: Path) -> Codec:
    """A codec of an earlier release: orders had no `staff`, lines no value; `colour` was still there."""
    old: Json = deepcopy(definition("orders"))
    old["fields"] = [field for field in old["fields"] if field["name"] not in {"staff", "sale_datetime", "extra"}]
    old["fields"].insert(0, {"name": "till", "type": "string", "default": ""})
    lines = next(field for field in old["fields"] if field["name"] == "lines")["type"]["items"]
    lines["fields"] = [field for field in lines["fields"] if field["name"] not in {"line_value", "barcode"}]
    (folder / "order-0.avsc").write_text(json.dumps(old))
    return Codec(None, Names(), folder)


def test_a_released_writer_is_read_with_todays_defaults(tmp_path: Path) -> None:
    reader = earlier(tmp_path)
    old = json.loads((tmp_path / "order-0.avsc").read_text())
    stream = BytesIO()
    schemaless_writer(stream, parse_schema(old), {**RETURN, "till": "3"})
    payload = SINGLE_OBJECT + mark(old) + stream.getvalue()
    first, second = reader.decode("orders", payload), reader.decode("orders", payload)
    lines = [{**line, "line_value": Decimal("0.00"), "barcode": ""} for line in RETURN["lines"]]
    epoch = AT - timedelta(seconds=AT.timestamp())
    assert first == {**RETURN, "lines": lines, "staff": None, "sale_datetime": epoch, "extra": {}}
    first["extra"]["changed"] = "by one reader"
    assert second["extra"] == {}
