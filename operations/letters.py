"""Read dead letters: which there are, why each was buried, and which were sent again already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from consumers.engine.item import LETTER
from operations.arguments import Letters
from operations.reading import Kafka, between, records, spans, there
from operations.standing import read_state, waiting_again
from schemas.topics import Names

WEBHOOKS = "webhooks"
"""Not a consumer group, but it has dead letters too: what came in and could not be read."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter as it lies there; `timestamp` is Kafka's, in milliseconds."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]

    @property
    def place(self) -> str:
        """Where it is on its topic: PARTITION/OFFSET."""
        return f"{self.partition}/{self.offset}"

    @property
    def time(self) -> str:
        """When it was buried: ISO 8601 in UTC."""
        return datetime.fromtimestamp(self.timestamp / 1000, UTC).isoformat(timespec="seconds")

    def told(self, name: str) -> str:
        """One of our headers, without its prefix; "" where it is missing."""
        return self.headers.get(f"tillstream.{name}", b"").decode("utf-8", "replace")


def topic_of(names: Names, group: str) -> str:
    """Where a group's dead letters are."""
    return names.webhooks_dead_letters if group == WEBHOOKS else names.dead_letters(group)


def each(kafka: Kafka, topic: str, chosen: Letters) -> Iterator[Letter]:
    """The chosen letters, in order within each partition. Raises KafkaException."""
    whole = spans(kafka, there(kafka, [topic]).partitions)
    key = None if chosen.key is None else chosen.key.encode()
    for message in records(kafka, between(kafka, whole, chosen.start, chosen.end)):
        letter = _letter(message)
        if key in {None, letter.key} and chosen.reason in {None, letter.told("reason")}:
            yield letter


def in_order(letters: Iterable[Letter]) -> list[Letter]:
    """Oldest first; those of one partition, and so of one customer, as they lie there."""
    found: list[tuple[tuple[int, int, int], Letter]] = []
    latest: dict[int, int] = {}
    for letter in letters:
        time = latest[letter.partition] = max(letter.timestamp, latest.get(letter.partition, 0))
        found.append(((time, letter.partition, letter.offset), letter))
    return [letter for _, letter in sorted(found, key=lambda one: one[0])]


def sent_again(kafka: Kafka, names: Names, group: str) -> set[str]:
    """The places of letters that were redriven: the group has taken them, or they wait on its replay topic.

    The state is read first: what the group takes meanwhile is still found on the topic.
    """
    if group == WEBHOOKS:
        return set()
    state = names.state(group)
    book = read_state(kafka, state, there(kafka, [state]).partitions.get(state, 0))
    return book.redriven | {place for one in waiting_again(kafka, names, group, book) if (place := _place(one))}


def _place(message: Any) -> str:
    place: bytes = dict(message.headers() or ()).get(LETTER) or b""
    return place.decode("ascii", "replace")


def _letter(message: Any) -> Letter:
    headers = {name: value or b"" for name, value in message.headers() or ()}
    time = message.timestamp()[1]
    return Letter(message.partition(), message.offset(), time, message.key(), message.value(), headers)
