"""Say when each poll last succeeded, what it has read today, and why it stands, from its page in the books."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from producers.ledger import Entry
from tillstream.settings.model import FOLDERS


class Looked(NamedTuple):
    """A poll of a connection: when it last succeeded (ISO 8601 in UTC, None: not yet today), how many it read that day,
    how many events they became, and why it stands ("" when it does not)."""

    connection: str
    poll: str
    looked: str | None
    read: int
    records: int
    why: str


def of_file(page: Entry) -> bool:
    """Is it a file's page, and not a poll's?"""
    return page.folder in FOLDERS


def looks(pages: Iterable[Entry]) -> list[Looked]:
    """The newest page of every poll."""
    newest: dict[tuple[str, str], Entry] = {}
    for page in sorted(pages, key=lambda one: one.started):
        if not of_file(page):
            newest[page.connection, page.folder] = page
    return [
        Looked(connection, poll, page.finished or None, page.rows, page.records, "; ".join(page.refused))
        for (connection, poll), page in sorted(newest.items())
    ]
