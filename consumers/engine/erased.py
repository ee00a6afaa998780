"""Know what was erased without knowing whom: marks that are keyed hashes of Kafka keys."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from typing import Protocol

from consumers.engine.sink import ERASE
from tillstream.kafka.state import State

ERASED, SALT = "~erased/", "~salt"
POLICY = "erased"


class Told(Protocol):
    """What a mark wants to know of a record: `item.Record` is one."""

    key: str
    part: str
    timestamp: int

    @property
    def order(self) -> str: ...
    @property
    def ours(self) -> bool: ...


class Erased:
    """The marks of one partition: hash of a key -> the moment (ISO 8601 UTC) up to which everything of it is erased.

    The hash is keyed with random bytes of the partition, so that it says nothing to who does not hold the whole state.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._until = {name.removeprefix(ERASED): raw.decode() for name, raw in state.scan(ERASED)}

    def note(self, key: str, until: str) -> None:
        """Everything of this key up to a moment is erased."""
        if self._state.get(SALT) is None:
            self._state.put(SALT, secrets.token_hex(16).encode())
        name = self._hash(key)
        self._until[name] = max(until, self._until.get(name, ""))
        self._state.put(ERASED + name, self._until[name].encode())

    def covers(self, record: Told) -> bool:
        """Is it older than the erasure of its customer? By its source's time; our own doing by when it was noted."""
        if not self._until or (record.ours and record.part == ERASE):
            return False
        until = self._until.get(self._hash(record.key))
        if until is None:
            return False
        if record.order and not record.ours:
            return record.order.partition("|")[0] <= until
        return record.timestamp > 0 and _moment(record.timestamp) <= until

    def _hash(self, key: str) -> str:
        salt = self._state.get(SALT) or b""
        return hashlib.blake2b(key.encode(), key=salt, digest_size=16).hexdigest()


def _moment(milliseconds: int) -> str:
    """As the order of a record begins: comparable as text."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat("T", "microseconds")[:26] + "Z"
