"""A desk without Kafka: rows of a CSV text go in, the messages that would be written come out."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from producers.clerk import Clerk, Desk
from producers.files.layouts import Place, layout
from producers.files.names import parse_name
from producers.files.reader import read
from producers.files.values import Reject
from producers.ledger import Entry
from producers.memory import Memory
from producers.sales import Sales
from producers.scribe import Provenance, Scribe
from producers.sheet import Page, Sheet
from schemas.codec import codec
from schemas.topics import Names
from tillstream.settings import Connection

CODEC = codec(None)
START = datetime(2025, 4, 2, tzinfo=UTC)
CUSTOMER = "PERIDX,EMAIL,PRIVACY,LAST_UPDATED,RETAIL_REP"
LINE = "TRAN_IDX,TRAN_NUMBER,SALE_DATETIME,PERIDX,EMAIL,STYLE_CODE,QTY,LINE_VALUE,ORIG_TRAN_NUMBER"
REFUND = "TRAN_IDX,TRAN_NUMBER,SALE_DATETIME,PERIDX,EMAIL,QTY,LINE_VALUE,ORIG_TRAN_IDX,ORIG_TRAN_NUMBER"


class Box(dict[str, bytes]):
    """A drawer that forgets everything with the test."""

    def put(self, key: str, value: bytes | None) -> None:
        """Remember, or forget."""
        if value is None:
            self.pop(key, None)
        else:
            self[key] = value

    def scan(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """In order."""
        yield from sorted((key, value) for key, value in self.items() if key.startswith(prefix))


@dataclass
class Told:
    """What became of one text: (topic, key, record) of each message, the rejects, and the file's page."""

    events: list[tuple[str, str, dict[str, Any]]]
    rejects: list[Reject]
    page: Entry

    @property
    def keys(self) -> list[str]:
        """The keys, in order."""
        return [key for _, key, _ in self.events]


@dataclass
class Shop:
    """One connection's memory and books over several files; `now` is what the clock says."""

    box: Box = field(default_factory=Box)
    now: datetime = START
    connection: Connection = field(default_factory=Connection)
    pages: dict[Page, Entry] = field(default_factory=dict)
    largest: int = 1_000_000

    def __post_init__(self) -> None:
        self.connection._name = "au"
        self.memory = Memory(self.box, "au")

    def file(self, name: str, text: str, folder: str = "pending") -> Told:
        """Read a file whole."""
        named = parse_name(name)
        assert named is not None
        page = Page(folder, f"sha of {name}")
        sheet, rejects = Sheet(), []
        clerk = Clerk(
            Desk(self.connection, self.memory, self.scribe(name, page), sheet, page, lambda: self.now), named.kind
        )
        self.pages[page] = Entry("au", folder, name, page.sha256)
        for item in read(io.BytesIO(text.encode()), layout(named.kind, Place()), named.time).rows:
            if isinstance(item, Reject):
                clerk.reject(item)
                rejects.append(item)
            elif rule := clerk.take(item):
                rejects += item.turned_down(rule)
        return Told(self.book(sheet), rejects, self.pages[page])

    def wait(self, time: timedelta) -> Told:
        """Time passes, and what is due goes out."""
        self.now += time
        sheet = Sheet()
        Sales(self.memory, self.scribe("", Page("", "")), sheet, self.connection).release_due(self.now, 1_000)
        return Told(self.book(sheet), [], Entry("au", "", "", ""))

    def scribe(self, name: str, page: Page) -> Scribe:
        """Who writes for a file."""
        source = Provenance("au", "apparel21-file", name, page.sha256, page.folder == "bulk")
        return Scribe(CODEC, Names(), source, self.largest)

    def book(self, sheet: Sheet) -> list[tuple[str, str, dict[str, Any]]]:
        """The events of a sheet, its counts booked."""
        for page, counts in sheet.pages():
            self.pages[page] = self.pages[page].plus(counts)
        return [
            (message.topic, message.key.decode(), CODEC.decode(message.topic, message.value))
            for message in sheet.messages
            if message.key is not None and message.value is not None and message.topic != Names().programs
        ]

    def page(self, name: str, folder: str = "pending") -> Entry:
        """The page of a file, as it is now."""
        return self.pages[Page(folder, f"sha of {name}")]


def example(kind: str) -> str:
    """The example file of the CSV contract."""
    (path,) = (Path(__file__).parent.parent / "files").glob(f"{kind}_*.csv")
    return path.read_text(encoding="utf-8")
