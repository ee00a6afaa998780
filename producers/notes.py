"""Remember what one poll of one connection saw: where it stands, and whatever its looks want to know again."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import orjson

from producers.erasure import Erasure
from producers.memory import Drawer
from producers.office import Lost


class Notes:
    """What one poll of one connection remembers. May be read from any thread until it is closed."""

    def __init__(self, drawer: Drawer, connection: str, name: str) -> None:
        self._drawer, self._prefix = drawer, f"{connection}/poll/{name}/"
        self._open, self._lock = True, threading.Lock()

    def known(self, short: str) -> str:
        """What was remembered under a short name. Raises Lost once the partition is not ours any more."""
        with self._lock:
            if not self._open:
                raise Lost("what was remembered is not ours any more")
            raw = self._drawer.get(f"{self._prefix}known/{short}")
        return raw.decode() if raw else ""

    def remember(self, short: str, text: str) -> None:
        """Keep a text, "" forgets it."""
        self._drawer.put(f"{self._prefix}known/{short}", text.encode() or None)

    def forget(self, order: Erasure) -> None:
        """Forget persons, who stand under `person/ID`, and whatever names one of their addresses.

        What stands before the first unit separator names nobody and stays: by it the person as they are now is known.
        """
        names = {f"{self._prefix}known/person/{person}" for person in order.persons}
        addresses = {address.encode() for address in order.addresses}
        for key, raw in list(self._drawer.scan(f"{self._prefix}known/")):
            first, *further = raw.split(b"\x1f")
            if key in names or addresses.intersection(further):
                self._drawer.put(key, first or None)

    @property
    def position(self) -> Any:
        """Where the next look begins; None before the first."""
        raw = self._drawer.get(f"{self._prefix}at")
        return orjson.loads(raw) if raw else None

    def move(self, position: Any) -> None:
        """The next look begins here."""
        if position != self.position:
            self._drawer.put(f"{self._prefix}at", orjson.dumps(position))

    @property
    def done(self) -> datetime | None:
        """When a daily round was last finished (or first thought of)."""
        raw = self._drawer.get(f"{self._prefix}done")
        return datetime.fromisoformat(raw.decode()) if raw else None

    def finish(self, now: datetime) -> None:
        """A daily round is finished."""
        self._drawer.put(f"{self._prefix}done", now.astimezone(UTC).isoformat().encode())

    def close(self) -> None:
        """Nothing is read from now on."""
        with self._lock:
            self._open = False
