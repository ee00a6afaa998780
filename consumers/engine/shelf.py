"""The shelf: the one place for every long wait, so that no wait pins an offset."""

from __future__ import annotations

import base64
import itertools
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson

from consumers.engine.item import OWN, PART, Record
from consumers.engine.outcome import Deferred, Later
from schemas.codec import Codec
from tillstream.kafka.state import State

AT, ON, OF_OURS = "~at/", "~on/", "~own/"
_numbers = itertools.count()


class Shelf:
    """What waits in one partition, written in its state: by time (`~at/TIME/NUMBER`), by event (`~on/EVENT/NUMBER`), and
    our own follow-ups, one per key, topic and part (`~own/TOPIC/PART/KEY`).

    An entry in the hands of a worker (`awake`) is not given out again until it is put back or removed.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._awake: set[str] = set()
        self.reasons = Counter(_reason(raw) for prefix in (AT, ON) for _, raw in state.scan(prefix))
        self.follow_ups = any(True for _ in state.scan(OF_OURS))

    def put(self, record: Record, why: Deferred, now: datetime) -> Record | None:
        """Lay a record on the shelf. Returns what it replaces: an earlier record whose same part waited."""
        part = why.part or record.part
        waits = self._waits(record.key)
        replaced = next((w for w in waits if part and w[1:3] == [record.topic, part]), None)
        earlier = self._entry(replaced[0]) if replaced else None
        if replaced:
            self._drop(record.key, replaced[0])
        name = self._name(why)
        self._state.put(name, _dump(record, why, part, now))
        self.reasons[record.connection, why.why] += 1
        self._state.put(f"{record.key}#waits", orjson.dumps([*self._waits(record.key), [name, record.topic, part, record.object]]))
        return earlier

    @property
    def size(self) -> int:
        """How many records wait (our own follow-ups do not count)."""
        return self.reasons.total()

    def _name(self, why: Deferred) -> str:
        number = f"{time.time_ns():020d}{next(_numbers) % 1000:03d}"
        if why.until is not None:
            return f"{AT}{why.until.astimezone(UTC).isoformat(timespec='microseconds')}/{number}"
        return f"{ON}{why.wakes}/{number}"

    def remove(self, record: Record) -> None:
        """The record from the shelf is finished, or has been laid there anew."""
        if record.shelf.startswith(OF_OURS):
            self._state.put(record.shelf, None)
        elif record.shelf:
            self._drop(record.key, record.shelf)
        self._awake.discard(record.shelf)

    def _drop(self, key: str, name: str) -> None:
        self.reasons[_reason(self._state.get(name) or b"{}")] -= 1
        self._state.put(name, None)
        rest = [w for w in self._waits(key) if w[0] != name]
        self._state.put(f"{key}#waits", orjson.dumps(rest) if rest else None)
        self._awake.discard(name)

    def follow_up(self, key: str, later: Later, now: datetime) -> None:
        """Note something of our own to do; a newer note of the same kind takes the place of an older."""
        due = (now + later.after).timestamp()
        self._state.put(f"{OF_OURS}{later.topic}/{later.part}/{key}", orjson.dumps({"due": due}))
        self.follow_ups = True

    def waits_before(self, record: Record, *, same_object: bool) -> Deferred | None:
        """How an earlier record of the same kind waits, if one does: the later one must go behind it."""
        if not self.size or record.shelf:
            return None
        for name, topic, part, thing in self._waits(record.key):
            if topic == record.topic and not part and (thing == record.object or not same_object):
                entry = orjson.loads(self._state.get(name) or b"{}")
                until = datetime.fromisoformat(entry["until"]) if entry.get("until") else None
                return Deferred(entry.get("why", "behind"), until, entry.get("wakes", ""))
        return None

    def due(self, slot: Any, codec: Codec, now: datetime, most: int) -> list[Record]:
        """Entries whose time has come, oldest first; they are awake from now on."""
        found: list[Record] = []
        if self.size:
            limit = f"{AT}{now.astimezone(UTC).isoformat(timespec='microseconds')}"
            found = [self._wake(slot, codec, name, raw) for name, raw in self._asleep(AT, most) if name <= limit]
        if self.follow_ups:
            found += self._due_of_ours(slot, codec, now, most)
        return found

    def _due_of_ours(self, slot: Any, codec: Codec, now: datetime, most: int) -> list[Record]:
        found: list[Record] = []
        left = False
        for name, raw in self._state.scan(OF_OURS):
            if name in self._awake:
                left = True
            elif len(found) == most or orjson.loads(raw)["due"] > now.timestamp():
                left = True
                if len(found) == most:
                    break
            else:
                found.append(self._own(slot, codec, name))
        self.follow_ups = left or bool(found)
        return found

    def _own(self, slot: Any, codec: Codec, name: str) -> Record:
        _, topic, part, key = name.split("/", 3)
        record = Record(slot, topic, topic, -1, 0, key, b"{}", {OWN: b"1", PART: part.encode()}, codec)
        record.shelf = name
        self._awake.add(name)
        return record

    def woken(self, slot: Any, codec: Codec, event: str, most: int) -> list[Record]:
        """Entries that wait for a named event, oldest first; they are awake from now on."""
        return [self._wake(slot, codec, name, raw) for name, raw in self._asleep(f"{ON}{event}/", most)]

    def _asleep(self, prefix: str, most: int) -> Iterator[tuple[str, bytes]]:
        return itertools.islice(((n, raw) for n, raw in self._state.scan(prefix) if n not in self._awake), most)

    def _wake(self, slot: Any, codec: Codec, name: str, raw: bytes) -> Record:
        self._awake.add(name)
        return _record(slot, codec, name, orjson.loads(raw))

    def _entry(self, name: str) -> Record | None:
        raw = self._state.get(name)
        return _record(None, None, name, orjson.loads(raw)) if raw else None

    def _waits(self, key: str) -> list[list[str]]:
        raw = self._state.get(f"{key}#waits")
        return orjson.loads(raw) if raw else []

    def next_due(self) -> str | None:
        """The time of the next entry that waits for one, ISO 8601 UTC."""
        first = next(iter(self._state.scan(AT)), None)
        return first[0].split("/")[1] if first else None


def _reason(raw: bytes) -> tuple[str, str]:
    entry = orjson.loads(raw)
    return entry.get("key", "").partition("/")[0], entry.get("why", "")


def _dump(record: Record, why: Deferred, part: str, now: datetime) -> bytes:
    return orjson.dumps(
        {
            "key": record.key,
            "source": record.source,
            "topic": record.topic,
            "part": part,
            "timestamp": record.timestamp,
            "headers": {name: value.decode("ascii", "replace") for name, value in record.headers.items()},
            "value": base64.b64encode(record.value).decode(),
            "attempts": record.attempts,
            "first_failed": record.first_failed,
            "why": why.why,
            "wakes": why.wakes,
            "until": why.until.isoformat() if why.until else None,
            "since": now.isoformat(),
        }
    )


def _record(slot: Any, codec: Any, name: str, entry: dict[str, Any]) -> Record:
    headers = {header: value.encode() for header, value in entry["headers"].items()}
    value = base64.b64decode(entry["value"])
    record = Record(slot, entry["source"], entry["topic"], -1, entry["timestamp"], entry["key"], value, headers, codec)
    record.part = entry["part"]
    record.shelf = name
    record.attempts = entry["attempts"]
    record.first_failed = entry["first_failed"]
    return record
