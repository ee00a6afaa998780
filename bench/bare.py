"""The least that must be done to bring a CSV file to Kafka as Avro: csv.reader, fastavro, produce. It checks nothing.

`python -m bench.bare customers FILE BOOTSTRAP` prints the rows and the processor seconds they took.
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

from confluent_kafka import Producer
from fastavro import parse_schema, schemaless_writer

from schemas.definitions import definition

Cell = Callable[[str], Any]
Record = dict[str, Any]


def main(kind: str, file: Path, bootstrap: str) -> None:
    """Bring one file to the topic `bare.KIND`."""
    schema, producer = parse_schema(definition(kind)), Producer({"bootstrap.servers": bootstrap})
    rows, begun = 0, time.process_time()
    with file.open(newline="", encoding="utf-8") as stream:
        reader = csv.reader(stream)
        header = next(reader)
        records = _customers(header, reader) if kind == "customers" else _orders(header, reader)
        for count, record in records:
            rows += count
            written = BytesIO()
            schemaless_writer(written, schema, record)
            _produce(producer, f"bare.{kind}", written.getvalue(), f"au/{record['email']}")
    producer.flush()
    print(rows, time.process_time() - begun)


def _produce(producer: Producer, topic: str, value: bytes, key: str) -> None:
    while True:
        try:
            producer.produce(topic, value, key)
        except BufferError:
            producer.poll(0.1)
        else:
            producer.poll(0)
            return


def _customers(header: Sequence[str], rows: Iterator[list[str]]) -> Iterator[tuple[int, Record]]:
    reads = _reads("customers", header)
    for row in rows:
        yield 1, {name: read(cell) for (name, read), cell in zip(reads, row, strict=True)}


def _orders(header: Sequence[str], rows: Iterator[list[str]]) -> Iterator[tuple[int, Record]]:
    """Lines of one order stand together here; the order's own fields are taken from the first."""
    reads = _reads("orders", header)
    line_fields = {field["name"] for field in _lines_of(definition("orders"))}
    held: Record | None = None
    for row in rows:
        values = {name: read(cell) for (name, read), cell in zip(reads, row, strict=True)}
        line = {name: value for name, value in values.items() if name in line_fields}
        if held is not None and held["tran_idx"] == values["tran_idx"]:
            held["lines"].append(line)
            continue
        if held is not None:
            yield len(held["lines"]), held
        held = {**{name: value for name, value in values.items() if name not in line_fields}, "lines": [line]}
    if held is not None:
        yield len(held["lines"]), held


def _lines_of(schema: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = next(field for field in schema["fields"] if field["name"] == "lines")["type"][
        "items"
    ]["fields"]
    return found


def _reads(kind: str, header: Sequence[str]) -> list[tuple[str, Cell]]:
    """For each column its field and how its text becomes the field's type."""
    schema = definition(kind)
    fields = [*schema["fields"], *(_lines_of(schema) if kind == "orders" else [])]
    types = {field["name"]: str(field["type"]) for field in fields}
    names = [{"PERIDX": "person_id"}.get(column, column.lower()) for column in header]
    return [(name, _read(types[name])) for name in names]


def _read(kind: str) -> Cell:
    if "timestamp-micros" in kind:
        return lambda cell: datetime.fromisoformat(cell).replace(tzinfo=UTC)
    if "'date'" in kind:
        return lambda cell: date.fromisoformat(cell) if cell else None
    if "decimal" in kind:
        return lambda cell: Decimal(cell) if cell else None
    if "boolean" in kind:
        return lambda cell: cell == "Yes"
    return int if kind == "long" else str


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
