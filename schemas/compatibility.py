"""Refuse a change of the definitions that would strand anybody: `python -m schemas.compatibility`.

Both ways, against every schema that was ever released: what was written then must be readable now (events stay in Kafka
for weeks and are replayed), and what is written now must be readable by what was released then (producers and consumers
are not upgraded in the same second). At a release the four definitions are copied to `released/<name>-<version>.avsc`.
Source of the rules: Apache Avro 1.12 specification, "Schema Resolution".
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from schemas.definitions import RECORDS, RELEASED, Json, definition, load, record_within

WIDER = {
    ("int", "long"),
    ("int", "float"),
    ("int", "double"),
    ("long", "float"),
    ("long", "double"),
    ("float", "double"),
}
"""Written as the first, readable as the second."""


class Difference(NamedTuple):
    """Where a writer's schema cannot be read with a reader's."""

    field: str
    rule: str


class Break(NamedTuple):
    """One reason why today's definition may not be released."""

    schema: str
    field: str
    rule: str
    between: str

    def __str__(self) -> str:
        """One line for whoever made the change."""
        return f"{self.schema}: field {self.field}: {self.rule} ({self.between})"


def breaks(released: Path = RELEASED) -> list[Break]:
    """Everything that is wrong with today's definitions, all at once; empty when they may be released."""
    found = [broken for topic in RECORDS for broken in _alone(definition(topic))]
    today = {definition(topic)["name"]: definition(topic) for topic in RECORDS}
    for path in sorted(released.glob("*.avsc")):
        old = load(path)
        found += _against(today.get(old["name"]), old, path.name)
    return found


def _alone(schema: Json) -> Iterator[Break]:
    """Without a default a field could never be taken out again."""
    for field in schema["fields"]:
        if "default" not in field:
            yield Break(schema["name"], field["name"], "has no default", "today's definition")
        inner = record_within(field["type"])
        if inner is not None:
            yield from _alone(inner)


def _against(new: Json | None, old: Json, name: str) -> Iterator[Break]:
    if new is None:
        yield Break(old["name"], "*", "was released and is gone", name)
        return
    for field, rule in differences(reader=new, writer=old):
        yield Break(new["name"], field, rule, f"today's readers, records written with {name}")
    for field, rule in differences(reader=old, writer=new):
        yield Break(new["name"], field, rule, f"readers with {name}, records written today")


def differences(*, reader: Any, writer: Any, field: str = "") -> Iterator[Difference]:
    """Where a reader with one schema cannot read, or would misread, what was written with the other."""
    if isinstance(reader, list) or isinstance(writer, list):
        yield from _unions(_branches(reader), _branches(writer), field)
    elif not _alike(reader, writer):
        yield Difference(field, f"{_kind(writer)} cannot be read as {_kind(reader)}")
    elif _meaning(reader) != _meaning(writer):
        yield Difference(field, f"{_meaning(writer)} would be read as {_meaning(reader)}")
    elif isinstance(reader, dict) and isinstance(writer, dict):
        yield from _inside(reader, writer, field)


def _unions(readers: list[Any], writers: list[Any], field: str) -> Iterator[Difference]:
    for branch in writers:
        candidate = next((candidate for candidate in readers if _alike(candidate, branch)), None)
        if candidate is None:
            allowed = " or ".join(_kind(reader) for reader in readers)
            yield Difference(field, f"{_kind(branch)} cannot be read as {allowed}")
        else:
            yield from differences(reader=candidate, writer=branch, field=field)


def _inside(reader: Json, writer: Json, field: str) -> Iterator[Difference]:
    for part in ("items", "values"):
        if part in reader:
            yield from differences(reader=reader[part], writer=writer[part], field=field)
    gone = set(writer.get("symbols", ())) - set(reader.get("symbols", ()))
    if gone and "default" not in reader:
        yield Difference(field, f"the symbols {sorted(gone)} cannot be read")
    written = {inner["name"]: inner for inner in writer.get("fields", ())}
    for inner in reader.get("fields", ()):
        name = f"{field}.{inner['name']}" if field else inner["name"]
        if inner["name"] in written:
            yield from differences(reader=inner["type"], writer=written[inner["name"]]["type"], field=name)
        elif "default" not in inner:
            yield Difference(name, "is not written and has no default to be read as")


def _branches(avro: Any) -> list[Any]:
    return avro if isinstance(avro, list) else [avro]


def _alike(reader: Any, writer: Any) -> bool:
    return _kind(reader) == _kind(writer) or (_kind(writer), _kind(reader)) in WIDER


def _kind(avro: Any) -> str:
    if not isinstance(avro, dict):
        return str(avro)
    return f"{avro['type']} {avro['name']}" if "name" in avro else str(avro["type"])


def _meaning(avro: Any) -> str:
    """The logical type with its parameters: equal bytes of another meaning are misread without any error."""
    logical = avro.get("logicalType") if isinstance(avro, dict) else None
    if logical is None:
        return "a plain value"
    return f"{logical}({avro['precision']},{avro['scale']})" if logical == "decimal" else str(logical)


def main(released: Path = RELEASED) -> int:
    """Print what is wrong, one line each; 0 when nothing is."""
    found = breaks(released)
    for broken in found:
        sys.stderr.write(f"{broken}\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
