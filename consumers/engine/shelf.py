"""The shelf: the one place for every long wait, so that no wait pins an offset."""

from __future__ import annotations

import base64
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

import orjson

from consumers.engine.outcome import OWN_KEY, Deferred, Later
from tillstream.kafka.state import State
from tillstream.packing import pack

AT, ON, OF_OURS = "~at/", "~on/", "~own/"
NEVER = "~"  # sorts behind every time


class Thing(Protocol):
    """What the shelf and the books of a slot want to know of a record: `item.Record` is one."""

    source: str
    topic: str
    part: str
    key: str
    value: bytes
    headers: Mapping[str, bytes]
    offset: int
    place: int
    timestamp: int
    shelf: str
    attempts: int
    first_failed: str

    @property
    def connection(self) -> str: ...
    @property
    def object(self) -> str: ...
    @property
    def file(self) -> str: ...


class Laid(NamedTuple):
    """What was laid down, as it was; `name` is its place on the shelf. Without a value it is a follow-up of ours."""

    name: str
    source: str
    topic: str
    part: str
    key: str
    place: int = -1
    timestamp: int = 0
    value: bytes | None = None
    headers: Mapping[str, bytes] = {}
    attempts: int = 0
    first_failed: str = ""


class Shelf:
    """What waits in one partition, written in its state: by time (`~at/TIME/NUMBER`), by event (`~on/EVENT/NUMBER`),
    and our own follow-ups (`~own/TIME/TOPIC/PART/KEY`), one per key, topic and part.

    `KEY#waits` lists a key's entries (name, topic, part, object) in the order in which the records came, and
    `KEY#own/TOPIC/PART` names its follow-up. An entry in the hands of a worker (`awake`) is not given out again until
    it is laid down anew or removed.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._awake: set[str] = set()
        self._soonest = {AT: "", OF_OURS: ""}  # nothing asleep is due before
        self._asleep_on: Counter[str] = Counter()
        self._number = 0
        self.reasons: Counter[tuple[str, str]] = Counter()
        for prefix in (AT, ON):
            for name, raw in state.scan(prefix):
                self.reasons[_reason(raw)] += 1
                self._number = max(self._number, int(name.rpartition("/")[2]))
                if prefix == ON:
                    self._asleep_on[_event(name)] += 1

    @property
    def size(self) -> int:
        """How many records wait (our own follow-ups do not count)."""
        return self.reasons.total()

    # -- records --------------------------------------------------------------------------------------------------

    def put(self, record: Thing, why: Deferred, now: datetime) -> str:
        """Lay a record down; one that comes from the shelf keeps its place in the order of its key.

        A part that waits already for a newer record makes this one superfluous, and is made so by it otherwise.
        Returns the place of the superfluous one, which the caller finishes: that of `record` itself (then nothing was
        laid down), that of another, or "".
        """
        part = why.part or record.part
        waits = self._waits(record.key)
        place = next((n for n, entry in enumerate(waits) if entry[0] == record.shelf), len(waits))
        same = [
            (n, entry[0]) for n, entry in enumerate(waits) if part and entry[1:3] == [record.topic, part] and n != place
        ]
        if any(n > place for n, _ in same):
            return record.shelf
        name = self._name(why, self._numbered(record, now))
        waits[place : place + 1] = [[name, record.topic, part, record.object]]
        self._lift(record.shelf)
        self._state.put(name, _dump(record, why, part, now))
        self._state.put(f"{record.key}#waits", pack(waits))
        self.reasons[record.connection, why.why] += 1
        return next((n for _, n in same if n not in self._awake), "")

    def _numbered(self, record: Thing, now: datetime) -> str:
        """A record keeps its number. A clock that goes back must not change the order: a new one is above all."""
        if record.shelf.startswith((AT, ON)):
            return record.shelf.rpartition("/")[2]
        self._number = max(self._number + 1, int(now.timestamp() * 1_000_000))
        return f"{self._number:020d}"

    def _name(self, why: Deferred, number: str) -> str:
        if why.until is None:
            self._asleep_on[why.wakes] += 1
            return f"{ON}{why.wakes}/{number}"
        time = _text(why.until)
        self._soonest[AT] = min(self._soonest[AT], time)
        return f"{AT}{time}/{number}"

    def remove(self, record: Thing) -> None:
        """The record from the shelf is finished."""
        if not record.shelf.startswith(OF_OURS):
            rest = [entry for entry in self._waits(record.key) if entry[0] != record.shelf]
            self._state.put(f"{record.key}#waits", pack(rest) if rest else None)
        self._lift(record.shelf)

    def _lift(self, name: str) -> None:
        """Take an entry out, if it is there."""
        raw = self._state.get(name) if name else None
        if raw is None:
            return
        if name.startswith(OF_OURS):
            pointer = _pointer(*name.split("/", 4)[2:])
            if self._state.get(pointer) == name.encode():
                self._state.put(pointer, None)
        else:
            self.reasons[_reason(raw)] -= 1
            if name.startswith(ON) and name not in self._awake:
                self._asleep_on[_event(name)] -= 1
        self._state.put(name, None)
        self._awake.discard(name)

    def waits_before(self, record: Thing, *, same_object: bool) -> Deferred | None:
        """How an earlier record of the same kind waits, if one does: the later one must go behind it."""
        if not self.size:
            return None
        for name, topic, part, thing in self._waits(record.key):
            if name == record.shelf:
                return None
            if topic == record.topic and not part and (thing == record.object or not same_object):
                entry = orjson.loads(self._state.get(name) or b"{}")
                until = datetime.fromisoformat(entry["until"]) if entry.get("until") else None
                return Deferred(entry.get("why", "behind"), until, entry.get("wakes", ""), told=entry.get("told", ""))
        return None

    def _waits(self, key: str) -> list[list[str]]:
        raw = self._state.get(f"{key}#waits")
        return orjson.loads(raw) if raw else []

    # -- our own follow-ups ---------------------------------------------------------------------------------------

    def follow_up(self, key: str, later: Later, now: datetime) -> None:
        """Note something of our own to do; a newer note of the same kind takes the place of an older."""
        pointer, due = _pointer(later.topic, later.part, key), _text(now + later.after)
        former = (self._state.get(pointer) or b"").decode()
        if former in self._awake and due <= _text(now):
            return  # it runs after this, and does what both ask for
        if former and former not in self._awake:
            self._state.put(former, None)
        name = f"{OF_OURS}{due}/{later.topic}/{later.part}/{key}"
        self._state.put(name, b"{}")
        self._state.put(pointer, name.encode())
        self._soonest[OF_OURS] = min(self._soonest[OF_OURS], due)

    def drop_follow_ups(self, key: str) -> None:
        """What was noted for this key is not to be done."""
        for pointer, name in list(self._state.scan(f"{key}#own/")):
            self._state.put(pointer, None)
            if name.decode() not in self._awake:
                self._state.put(name.decode(), None)

    # -- waking ---------------------------------------------------------------------------------------------------

    def due(self, now: datetime, most: int) -> list[Laid]:
        """Entries whose time has come, oldest first, at most so many of either kind; they are awake from now on."""
        laid = [self._wake(name) for name in self._due(AT, _text(now), most)]
        return laid + [self._own(name) for name in self._due(OF_OURS, _text(now), most)]

    def _due(self, prefix: str, now: str, most: int) -> list[str]:
        if now < self._soonest[prefix]:
            return []
        found: list[str] = []
        self._soonest[prefix] = NEVER
        for name in self._asleep(prefix):
            time = name.split("/", 2)[1]
            if time > now or len(found) == most:
                self._soonest[prefix] = time
                break
            found.append(name)
        return found

    def woken(self, event: str, most: int) -> list[Laid]:
        """Entries that wait for a named event, oldest first; they are awake from now on."""
        if not self._asleep_on[event]:
            return []
        names = list(itertools.islice(self._asleep(f"{ON}{event}/"), most))
        self._asleep_on[event] -= len(names)
        return [self._wake(name) for name in names]

    def hasten(self, key: str, now: datetime) -> None:
        """Something of this key was delivered: what waits for that is due now, in the order in which it came."""
        waits = self._waits(key) if self.size else []
        for entry in waits:
            raw = self._state.get(entry[0]) or b"{}"
            if entry[0] in self._awake or not entry[0].startswith(AT) or orjson.loads(raw)["wakes"] != OWN_KEY:
                continue
            self._state.put(entry[0], None)
            entry[0] = self._name(Deferred(OWN_KEY, now), entry[0].rpartition("/")[2])
            self._state.put(entry[0], raw)
            self._state.put(f"{key}#waits", pack(waits))

    def _asleep(self, prefix: str) -> Iterator[str]:
        return (name for name, _ in self._state.scan(prefix) if name not in self._awake)

    def _wake(self, name: str) -> Laid:
        self._awake.add(name)
        return self.look(name)

    def of(self, key: str) -> list[Laid]:
        """What waits of this key and nobody has in hand; it stays there."""
        return [self.look(name) for name, *_ in self._waits(key) if name not in self._awake]

    def _own(self, name: str) -> Laid:
        _, _, topic, part, key = name.split("/", 4)
        self._awake.add(name)
        return Laid(name, topic, topic, part, key)

    def look(self, name: str) -> Laid:
        """What lies at this place; it stays there."""
        entry = orjson.loads(self._state.get(name) or b"{}")
        return Laid(
            name,
            entry["source"],
            entry["topic"],
            entry["part"],
            entry["key"],
            entry["offset"],
            entry["timestamp"],
            base64.b64decode(entry["value"]),
            {header: value.encode("latin-1") for header, value in entry["headers"].items()},
            entry["attempts"],
            entry["first_failed"],
        )

    def next_due(self) -> str | None:
        """The time of the next record that waits for one, ISO 8601 UTC."""
        first = next(self._state.scan(AT), None)
        return first[0].split("/")[1] if first else None


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _event(name: str) -> str:
    return name.removeprefix(ON).rpartition("/")[0]


def _pointer(topic: str, part: str, key: str) -> str:
    return f"{key}#own/{topic}/{part}"


def _reason(raw: bytes) -> tuple[str, str]:
    entry = orjson.loads(raw)
    return entry["key"].partition("/")[0], entry["why"]


def _dump(record: Thing, why: Deferred, part: str, now: datetime) -> bytes:
    return pack(
        {
            "key": record.key,
            "source": record.source,
            "topic": record.topic,
            "part": part,
            "offset": record.place,
            "timestamp": record.timestamp,
            "headers": {name: (value or b"").decode("latin-1") for name, value in record.headers.items()},
            "value": base64.b64encode(record.value).decode(),
            "attempts": record.attempts,
            "first_failed": record.first_failed,
            "why": why.why,
            "told": why.told,
            "wakes": why.wakes,
            "until": why.until.isoformat() if why.until else None,
            "since": now.isoformat(),
        }
    )
