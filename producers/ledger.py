"""Keep the books of every file: what was in it, what became of its rows, and how far its reading came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import orjson

from producers.memory import Drawer

COUNTED = ("rows", "accepted", "rejected", "records", "lines_joined", "rescued")
NONE, TOPIC = "none:", "topic:"


@dataclass(frozen=True, slots=True)
class Entry:
    """One file's page in the books.

    rows = accepted + rejected; accepted = records + lines_joined + the sum of `none`, which says why an accepted row
    made no record: `duplicate`, `unchanged`, `definition`, `waiting` for its person, `replaced` while it waited.
    `topics` counts what was published per topic: records, rescued opt-outs, tier snapshots. `done` is how many rows
    and rejects the committed `transactions` hold. `rejects` is the name of the rejects file ("" = none needed so far),
    `too_large` the lines of rows that Kafka would not take, `refused` why the whole file was, `archived` when it was
    put away, the last time if it came again. Times are ISO 8601 in UTC, "" for not yet.
    """

    connection: str
    folder: str
    name: str
    sha256: str
    rows: int = 0
    accepted: int = 0
    rejected: int = 0
    records: int = 0
    lines_joined: int = 0
    none: Mapping[str, int] = field(default_factory=dict)
    rescued: int = 0
    topics: Mapping[str, int] = field(default_factory=dict)
    done: int = 0
    transactions: int = 0
    rejects: str = ""
    too_large: tuple[int, ...] = ()
    refused: tuple[str, ...] = ()
    started: str = ""
    finished: str = ""
    archived: str = ""

    @property
    def gap(self) -> int:
        """Rows nobody can account for; must be 0."""
        made = self.records + self.lines_joined + sum(self.none.values())
        return abs(self.rows - self.accepted - self.rejected) + abs(self.accepted - made)

    @property
    def in_vain(self) -> bool:
        """Was nothing of it taken? What was wrong, such as a table, may be mended when the same bytes come again."""
        return bool(self.refused) or bool(self.archived and self.rejected and not self.accepted)

    def anew(self, name: str, started: str) -> Entry:
        """The page for another reading; what the one before counted stays counted."""
        read = replace(self, done=0, rejects="", too_large=(), refused=(), finished="", archived="")
        return replace(read, name=name, started=started)

    def plus(self, counts: Mapping[str, int]) -> Entry:
        """The page with more counted: names of `COUNTED`, `none:WHY` and `topic:TOPIC`."""
        plain = {name: getattr(self, name) + counts[name] for name in COUNTED if name in counts}
        return replace(self, none=_added(self.none, counts, NONE), topics=_added(self.topics, counts, TOPIC), **plain)


def _added(before: Mapping[str, int], counts: Mapping[str, int], prefix: str) -> dict[str, int]:
    total = Counter(before)
    for name, more in counts.items():
        if name.startswith(prefix):
            total[name.removeprefix(prefix)] += more
    return {name: number for name, number in sorted(total.items()) if number}


def key(connection: str, folder: str, sha256: str) -> str:
    """The ledger's key: the same bytes in another folder are other work."""
    return f"{connection}/{folder}/{sha256}"


def load(raw: bytes) -> Entry:
    """An entry from a record of the ledger topic."""
    read: dict[str, Any] = orjson.loads(raw)
    return Entry(**{**read, "refused": tuple(read["refused"]), "too_large": tuple(read["too_large"])})


class Ledger:
    """The books of the connections of one partition. What is written counts elsewhere after the commit."""

    def __init__(self, drawer: Drawer) -> None:
        self._drawer = drawer

    def find(self, connection: str, folder: str, sha256: str) -> Entry | None:
        """The page of a file, by its bytes."""
        raw = self._drawer.get(key(connection, folder, sha256))
        return load(raw) if raw else None

    def write(self, entry: Entry) -> None:
        """Put a page in its place."""
        self._drawer.put(key(entry.connection, entry.folder, entry.sha256), orjson.dumps(asdict(entry)))

    def pages(self, connection: str) -> Iterator[Entry]:
        """All pages of a connection."""
        for _, raw in self._drawer.scan(f"{connection}/"):
            yield load(raw)

    def book(self, connection: str, counted: Iterable[tuple[tuple[str, str], Mapping[str, int]]]) -> None:
        """Raise the pages of files that were read before: (folder, sha-256) and what was counted."""
        for (folder, sha256), counts in counted:
            entry = self.find(connection, folder, sha256)
            if entry is not None:
                self.write(entry.plus(counts))
