"""The Avro definitions as data: which belongs to which topic, what the fields mean, what an empty record looks like."""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

Json = dict[str, Any]

FOLDER = Path(__file__).parent
RELEASED = FOLDER / "released"

RECORDS: Mapping[str, str] = {"customers": "customer", "orders": "order", "rewards": "reward", "tiers": "tier"}
"""Event topic -> name of its definition, `<name>.avsc`."""

ENVELOPE = ("connection", "origin", "source_time", "file", "sha256", "line", "file_time", "bulk")
"""The last fields of every record: where it came from. All before them is content."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Field(NamedTuple):
    """One field of a record; inside `lines` and the like the name is dotted."""

    name: str
    type: Any
    doc: str
    personal: bool


@cache
def definition(topic: str) -> Json:
    """The definition of an event topic's records, as parsed JSON; not to be changed."""
    return load(FOLDER / f"{RECORDS[topic]}.avsc")


def load(path: Path) -> Json:
    """A definition as parsed JSON."""
    loaded: Json = json.loads(path.read_text(encoding="utf-8"))
    return loaded


@cache
def fields(topic: str) -> tuple[Field, ...]:
    """All fields of a topic's records, nested ones right after the field that holds them.

    >>> [field.name for field in fields("orders") if field.name.startswith("original")]
    ['original', 'original.tran_idx', 'original.tran_number', 'original.key', 'original.loyalty']
    """
    return tuple(_fields(definition(topic), ""))


def _fields(record: Json, prefix: str) -> Iterator[Field]:
    for field in record["fields"]:
        name = prefix + field["name"]
        yield Field(name, field["type"], field["doc"], field.get("personal", False))
        inner = record_within(field["type"])
        if inner is not None:
            yield from _fields(inner, f"{name}.")


def record_within(avro: Any) -> Json | None:
    """The record that a type is, repeats (array) or allows (union); None if there is none."""
    if isinstance(avro, list):
        return next((found for branch in avro if (found := record_within(branch)) is not None), None)
    if not isinstance(avro, dict):
        return None
    return avro if avro["type"] == "record" else record_within(avro.get("items"))


def blank(topic: str) -> Json:
    """A record with every field at its default, fresh each time: a start for whoever fills in only what is known."""
    return {field["name"]: default(field) for field in definition(topic)["fields"]}


def default(field: Json) -> Any:
    """The default of a field as the Python value that decoding would give."""
    return _value(field["type"], field["default"])


def _value(avro: Any, raw: Any) -> Any:
    if isinstance(avro, list):
        return _value(avro[0], raw)  # a union's default belongs to its first branch (Avro specification, "Unions")
    match avro.get("logicalType") if isinstance(avro, dict) else None:
        case "timestamp-micros":
            return EPOCH + timedelta(microseconds=raw)
        case "date":
            return date(1970, 1, 1) + timedelta(days=raw)
        case "decimal":
            return Decimal(int.from_bytes(raw.encode("latin-1"), "big", signed=True)).scaleb(-avro["scale"])
        case _:
            return deepcopy(raw)
