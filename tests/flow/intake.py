"""Producers on real Kafka, for tests: files that arrive, and what a reader of committed data sees."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from operations.produce import chosen_connections, work
from operations.watching import Watch
from producers.ledger import Entry
from sandbox.kafka.broker import Broker
from schemas.topics import EVENT_TOPICS
from tests.ground import Ground
from tests.role import Role


class Intake(Ground):
    """A ground with a folder (or server) where files arrive for connection `au`."""

    def __init__(self, kafka: Broker, prefix: str, folder: Path, source: str = "", more: str = "") -> None:
        """`source`: the connection's sftp table, else a folder is used; `more`: further lines of the connection."""
        self.data = folder / "data"
        self.kind = "sftp" if source else "folder"
        table = source or f'path = "{self.data}"\n'
        files = f'[connection.au.{self.kind}]\n{table}poll = "500ms"\nstill = "100ms"\n'
        super().__init__(kafka.bootstrap, prefix, folder, f"[connection.au]\n{more}\n{files}", partitions=3)

    def place(self, folder: str, name: str = "") -> Path:
        """`/folder/au/name` on this machine."""
        path = self.data / folder / "au"
        path.mkdir(parents=True, exist_ok=True)
        return path / name

    def drop(self, name: str, content: str | bytes, folder: str = "pending") -> Path:
        """A file arrives, and is whole as soon as it is there."""
        path, draft = self.place(folder, name), self.place(folder, f"{name}.part")
        draft.write_bytes(content.encode() if isinstance(content, str) else content)
        return draft.rename(path)

    def names_in(self, folder: str) -> list[str]:
        """The files in a folder."""
        return sorted(path.name for path in self.place(folder).iterdir())

    def once(self) -> int:
        """Produce in this process until nothing is due; the exit code."""
        settings = self.settings
        return work(settings, self.kind, chosen_connections(settings, self.kind, None), Watch(), once=True)

    def producer(self, *arguments: str, state: str = "state") -> Role:
        """A producer in a process of its own, with its own (or a shared) state folder."""
        return self.start("produce", self.kind, *arguments, state=state)

    def rows_seen(self) -> Counter[tuple[str, str, int]]:
        """How often a reader sees each row: (topic, sha-256, line)."""
        return Counter(
            (topic, record["sha256"], record["line"]) for topic in EVENT_TOPICS for record in self.records(topic)
        )

    def books(self) -> dict[str, Entry]:
        """The ledger: file name -> its page."""
        return {entry.name: entry for entry in self.pages()}
