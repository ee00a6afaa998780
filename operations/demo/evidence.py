"""Find what went wrong on purpose: the row that was rejected, and the record that Klaviyo would not take."""

from __future__ import annotations

from typing import NamedTuple

from operations.demo.exports import rows
from operations.demo.stage import Stage
from operations.reading import records, spans, there
from schemas.topics import Names


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
