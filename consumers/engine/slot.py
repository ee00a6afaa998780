"""One partition of all that a worker holds: its state, positions and shelf, and what the next settlement writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

import orjson

from consumers.engine import position
from consumers.engine.erased import Erased
from consumers.engine.position import Position
from consumers.engine.shelf import Shelf, Thing
from consumers.engine.wire import Json
from tillstream import telemetry
from tillstream.kafka.publisher import Message
from tillstream.kafka.state import State
from tillstream.packing import pack

POSITION, TOTAL, JOB, FIRST, START = "~position/", "~total/", "~job/", "~first/", "~start/"
UNWELL, REDRIVEN, DOUBT = "~unwell/", "~redriven/", "~doubt/"


class Firsts(Protocol):
    """Who knows a connection's first load: `firsts.Firsts`."""

    def is_first(self, slot: Slot, connection: str, file: str) -> bool: ...


class Slot:
    """Partition `number` of every topic of the group, while it is ours.

    `alive` turns False when the partition is given up or lost: answers that come later settle nothing. `ends` are the
    topics that are read to their end. `marked` turns True once the state says that the partition is in use: an heir
    would else take it for left in good order by the owner before us.
    """

    def __init__(self, number: int, state: State, firsts: Firsts) -> None:
        self.number = number
        self.state = state
        self.shelf = Shelf(state)
        self.erased = Erased(state)
        self.firsts = firsts
        self.alive = True
        self.marked = False
        self.ends: set[str] = set()
        self.positions: dict[str, Position] = {}
        self.topic_ids: dict[str, str] = {}
        self.outbox: list[Message] = []
        self.counts: Counter[str] = Counter()
        self.jobs: dict[str, dict[str, list[list[int]]]] = self._jobs()
        self.unwell: dict[str, tuple[str, str]] = self._unwell()
        self.unsettled = 0

    def recall(self, key: str) -> Json:
        """What is remembered under `KEY#part`."""
        raw = self.state.get(key)
        return orjson.loads(raw) if raw else None

    def remember(self, key: str, value: Json) -> None:
        self.state.put(key, None if value is None else pack(value))

    def erase(self, key: str, until: str) -> None:
        """Forget what is remembered under a key, but not what waits; what is of it up to a moment goes nowhere."""
        self.erased.note(key, until)
        self.shelf.drop_follow_ups(key)
        for name, _ in list(self.state.scan(f"{key}#")):
            if name != f"{key}#waits":
                self.state.put(name, None)

    def count(self, record: Thing, outcome: str, by: int = 1) -> None:
        """Raise the books: one more record of this file ended so."""
        self.counts[f"{TOTAL}{record.connection}/{record.file or '-'}/{record.topic}/{outcome}"] += by

    def note_redriven(self, letter: str) -> None:
        """The dead letter at PARTITION/OFFSET was sent again and has come this far; it is not sent a third time."""
        self.state.put(REDRIVEN + letter, b"1")

    def note_doubt(self, record: Thing, told: str) -> None:
        """This record may be at the platform twice; `tillstream audit` lists it. Its key is no part of the note."""
        self.state.put(f"{DOUBT}{record.connection}/{record.topic}/{record.object}", told.encode())

    def left_by_former(self) -> dict[str, tuple[Position, str, bool]]:
        """The positions that the state holds: by topic, with the topic's id, and whether it was left in good order."""
        return {name.removeprefix(POSITION): position.load(raw) for name, raw in self.state.scan(POSITION)}

    def _jobs(self) -> dict[str, dict[str, list[list[int]]]]:
        return {name.removeprefix(JOB): orjson.loads(raw) for name, raw in self.state.scan(JOB)}

    def _unwell(self) -> dict[str, tuple[str, str]]:
        entries = {name.removeprefix(UNWELL): orjson.loads(raw) for name, raw in self.state.scan(UNWELL)}
        return {connection: (entry["state"], entry["why"]) for connection, entry in entries.items()}

    def note_unwell(self, now: dict[str, tuple[str, str]], time: str) -> None:
        """Tell whoever reads the state which connections are not served: connection -> (`stopped` or `away`, why)."""
        if now == self.unwell:
            return
        for connection in self.unwell.keys() - now.keys():
            self.state.put(UNWELL + connection, None)
        for connection, (state, why) in now.items():
            if self.unwell.get(connection) != (state, why):
                self.state.put(UNWELL + connection, orjson.dumps({"state": state, "why": why, "since": time}))
        self.unwell = now

    def job_of(self, topic: str, offset: int) -> str:
        """The platform's job that a former owner gave this record to, "" for none."""
        for job, topics in self.jobs.items():
            if any(first <= offset < last for first, last in topics.get(topic, ())):
                return job
        return ""

    def note_job(self, job: str, records: Sequence[Thing]) -> None:
        """These records are in a job of the platform from now on; an heir will ask for it instead of sending again."""
        topics: dict[str, list[int]] = {}
        for record in records:
            if record.offset >= 0:
                topics.setdefault(record.source, []).append(record.offset)
        ranges = {topic: [list(r) for r in position.ranges(sorted(offsets))] for topic, offsets in topics.items()}
        self.state.put(JOB + job, orjson.dumps(ranges))

    def forget_job(self, job: str) -> None:
        """All its records have their outcome."""
        self.jobs.pop(job, None)
        self.state.put(JOB + job, None)

    def prune_jobs(self) -> None:
        """Forget the former owner's jobs whose records are all finished."""
        for job, topics in list(self.jobs.items()):
            read = [(self.positions[topic], found) for topic, found in topics.items() if topic in self.positions]
            if not any(last > position.committed for position, found in read for _, last in found):
                self.forget_job(job)

    def start_of(self, connection: str, first: float) -> float:
        """When this group began with the connection (seconds since 1970), as noted at its first start."""
        raw = self.state.get(START + connection)
        if raw is None:
            self.state.put(START + connection, str(first).encode())
            return first
        return float(raw)

    @property
    def dirty(self) -> bool:
        """Is there anything to settle?"""
        return bool(not self.marked or self.unsettled or self.outbox or self.counts or self.state.changed)

    def write_books(self, group: str) -> None:
        """Turn the counts since the last settlement into new totals."""
        for key, by in self.counts.items():
            connection, _, topic, outcome = key.removeprefix(TOTAL).split("/", 3)
            if by > 0:  # a dead letter that went through leaves the books, not the metric
                telemetry.RECORDS.labels(group, connection, topic, outcome.partition(":")[0]).inc(by)
            self.state.put(key, str(int(self.state.get(key) or b"0") + by).encode())
        self.counts.clear()

    def write_positions(self, mark: str, *, clean: bool) -> None:
        for topic, found in self.positions.items():
            self.state.put(POSITION + topic, found.dump(self.topic_ids[topic], mark, clean=clean))
