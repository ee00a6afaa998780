"""Find what the demo shows: the rejected row, the record that Klaviyo would not take, and the books in short."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from operations.demo.exports import rows
from operations.demo.stage import Stage
from operations.reading import records, spans, there
from schemas.topics import Names

ENDS = ("delivered", "nothing new", "skipped", "no account", "dead", "waiting")
"""What may become of a record at a platform, in short; `no account`: its connection has none there."""


class RejectedRow(NamedTuple):
    """A row that the reader refused: where it came from, what is wrong with which cell, and the file it lies in now."""

    file: str
    line: int
    column: str
    value: str
    rule: str
    lies_in: str


class Letter(NamedTuple):
    """A dead letter, by its headers: none of them says who it is about."""

    reason: str
    message: str
    status: str
    line: str
    offset: str


def rejected(stage: Stage) -> list[RejectedRow]:
    """All rejected rows there are."""
    folder = stage.files / "rejected" / "au"
    return [
        RejectedRow(
            row["REJECT_FILE"],
            int(row["REJECT_LINE"]),
            row["REJECT_COLUMN"],
            row.get(row["REJECT_COLUMN"], ""),
            row["REJECT_RULE"],
            f"/rejected/au/{file.name}",
        )
        for file in sorted(folder.glob("*.csv"))
        for row in rows(file)
    ]


def letters(stage: Stage, group: str) -> list[Letter]:
    """All dead letters there are. Raises KafkaException."""
    kafka, names = stage.settings.kafka.options(), Names(stage.settings.topics.prefix)
    found = spans(kafka, there(kafka, [names.dead_letters(group)]).partitions)
    told = [
        {name.removeprefix("tillstream."): value.decode() for name, value in m.headers()} for m in records(kafka, found)
    ]
    return [
        Letter(*(headers.get(name, "") for name in ("reason", "message", "status", "file-line", "offset")))
        for headers in told
    ]


def books(told: Mapping[str, Any]) -> Iterator[tuple[str, list[int]]]:
    """Of each group in what `audit --json` told: all its records, and how many ended in each of `ENDS`."""
    for group, connections in told["groups"].items():
        ends: Counter[str] = Counter()
        for topics in connections.values():
            for outcomes in topics.values():
                ends.update(dict(_ends(outcomes)))
        yield group, [ends.total(), *(ends[name] for name in ENDS)]


def _ends(outcomes: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """One line of a group's books, in short."""
    skipped: Mapping[str, int] = outcomes["skipped"]
    yield "delivered", outcomes["delivered"]
    yield "nothing new", outcomes["unchanged"] + outcomes["superseded"]
    yield "skipped", sum(skipped.values()) - skipped.get("no_account", 0)
    yield "no account", skipped.get("no_account", 0)
    yield "dead", outcomes["dead"]
    yield "waiting", outcomes["waiting"]
