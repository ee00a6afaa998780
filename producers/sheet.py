"""Collect what one transaction will hold: messages, and what they count in the books of which file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from producers.ledger import NONE, TOPIC
from tillstream.kafka.publisher import Message


class Page(NamedTuple):
    """Whose books: a file by its folder and bytes."""

    folder: str
    sha256: str


class Sheet:
    """Messages and counts since the last transaction; `weight` is what the events weigh, in bytes."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._counts: dict[Page, Counter[str]] = {}
        self.weight = 0

    def counts(self, page: Page) -> Counter[str]:
        """The counts of one file; to be raised in place."""
        found = self._counts.get(page)
        if found is None:
            found = self._counts[page] = Counter()
        return found

    def record(self, page: Page, topic: str, message: Message, *, main: bool = True) -> None:
        """A message goes out; `main` = it is what the row became, not what follows from it."""
        self.messages.append(message)
        self.weight += len(message.value or b"")
        counts = self.counts(page)
        counts[TOPIC + topic] += 1
        if main:
            counts["records"] += 1

    def none(self, page: Page, why: str, number: int = 1) -> None:
        """An accepted row makes no record (-1: it does after all)."""
        self.counts(page)[NONE + why] += number

    def pages(self) -> Iterator[tuple[Page, Counter[str]]]:
        """All that was counted, per file."""
        yield from self._counts.items()

    def clear(self) -> None:
        """Start a new one."""
        self.messages = []
        self._counts = {}
        self.weight = 0
