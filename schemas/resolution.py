"""Fill in what an older or newer writer left out: today's defaults, as the values that decoding gives.

fastavro resolves schemas itself but hands out a default as raw JSON: a number for a time, text for money, and the same
dict to every record. So the fields a writer lacks are found once per writer and filled here.
"""

from collections.abc import Callable, Iterator
from typing import Any

from schemas.definitions import Json, default, record_within

Step = Callable[[Json], None]


def completer(reader: Json, writer: Json) -> Callable[[Json], Json]:
    """A function that puts fresh defaults where `writer` has no field, and returns the record it was given."""
    steps = tuple(_steps(reader, writer))

    def complete(record: Json) -> Json:
        for step in steps:
            step(record)
        return record

    return complete


def _steps(reader: Json, writer: Json) -> Iterator[Step]:
    written = {field["name"]: field for field in writer["fields"]}
    for field in reader["fields"]:
        if field["name"] not in written:
            yield _fill(field)
            continue
        ours, theirs = record_within(field["type"]), record_within(written[field["name"]]["type"])
        if ours is not None and theirs is not None and any(_steps(ours, theirs)):
            yield _descend(field["name"], completer(ours, theirs))


def _fill(field: Json) -> Step:
    def fill(record: Json) -> None:
        record[field["name"]] = default(field)

    return fill


def _descend(name: str, complete: Callable[[Json], Json]) -> Step:
    def descend(record: Json) -> None:
        held: Any = record[name]
        for inner in held if isinstance(held, list) else [held] if held is not None else []:
            complete(inner)

    return descend
