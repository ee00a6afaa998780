"""Remember what later rows need: who has which address, which orders were published, which wait for their person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from producers.people import BETWEEN, SPOKEN_OF, UNSEEN, Person, load_person


class Drawer(Protocol):
    """Where it is kept; `tillstream.kafka.state.State` is one."""

    def get(self, key: str) -> bytes | None:
        """The newest value of a key."""

    def put(self, key: str, value: bytes | None) -> None:
        """Remember a value; None forgets it."""

    def scan(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Keys that start with a prefix, and their values."""


class Known(NamedTuple):
    """An order as it was published: content hash, key without connection, docket, whether it counts for loyalty, whose
    returns it held (dockets; "" = not said), and whether the buyer was staff ("", "yes", "no").

    While it waits for its person nothing was published: `content` is empty and `waits_for` names the person.
    """

    content: str
    tail: str
    number: str
    loyalty: bool = False
    staff: str = ""
    waits_for: str = ""
    returns: tuple[str, ...] = ()

    def dump(self) -> bytes:
        """As bytes for the memory."""
        loyalty = "loyalty" if self.loyalty else ""
        return BETWEEN.join(
            (self.content, self.tail, self.number, loyalty, self.staff, self.waits_for, *self.returns)
        ).encode()


def load_known(raw: bytes) -> Known:
    """What `dump` wrote.

    >>> load_known(Known("ab12", "kim@customer.example", "D1", True, "no", "", ("D0", "")).dump()).returns
    ('D0', '')
    """
    content, tail, number, loyalty, staff, waits_for, *returns = raw.decode().split(BETWEEN)
    return Known(content, tail, number, bool(loyalty), staff, waits_for, tuple(returns))


class Waiting(NamedTuple):
    """An order that waits for its person: until when, where it was counted, and the event's bytes."""

    due: datetime
    folder: str
    sha256: str
    payload: bytes

    def dump(self) -> bytes:
        """As bytes for the memory."""
        return BETWEEN.encode().join(
            (self.due.isoformat().encode(), self.folder.encode(), self.sha256.encode(), self.payload)
        )


def load_waiting(raw: bytes) -> Waiting:
    """What `dump` wrote."""
    due, folder, sha256, payload = raw.split(BETWEEN.encode(), 3)
    return Waiting(datetime.fromisoformat(due.decode()), folder.decode(), sha256.decode(), payload)


def order_name(tran_idx: str) -> str:
    """What a transaction of an orders file is remembered under."""
    return f"order/{tran_idx}"


def return_name(tran_idx: str, bought_on: str) -> str:
    """What a refund of a refunds file is remembered under: one for each sale that goods came back from."""
    return f"return/{tran_idx}{BETWEEN}{bought_on}"


class Memory:
    """One connection's part of what the producers remember. What is put counts at once, elsewhere after the commit.

    Keys: `CONNECTION/person/ID`, `/email/ADDRESS` (whose it is), `/order/TRAN_IDX`, `/return/...` (from a refunds
    file), `/docket/TRAN_NUMBER` (-> TRAN_IDX), `/wait/...` (orders that wait for their person), `/newest/...`,
    `/time/...`, `/number/sequence/PROGRAM/TIER` (its place in the ladder).
    """

    def __init__(self, drawer: Drawer, connection: str) -> None:
        self._drawer = drawer
        self.connection = connection

    def person(self, person_id: str) -> Person:
        """What is known of a person; `UNSEEN` when nothing is."""
        raw = self._drawer.get(f"{self.connection}/person/{person_id}") if person_id else None
        return load_person(raw) if raw else UNSEEN

    def remember_person(self, person_id: str, before: Person, now: Person) -> None:
        """Keep what a row taught, and whose address it is."""
        if now == before:
            return
        self._drawer.put(f"{self.connection}/person/{person_id}", now.dump())
        if now.email != before.email:
            self._give(before.email, person_id, holds=False)
            self._give(now.email, person_id, holds=True)

    def _give(self, email: str, person_id: str, *, holds: bool) -> None:
        if not email:
            return
        others = [one for one in self.holders(email) if one != person_id]
        ids = [*others, person_id] if holds else others
        self._drawer.put(f"{self.connection}/email/{email}", BETWEEN.join(ids).encode() if ids else None)

    def holders(self, email: str) -> list[str]:
        """The ids of the persons whose address it is."""
        raw = self._drawer.get(f"{self.connection}/email/{email}") if email else None
        return raw.decode().split(BETWEEN) if raw else []

    def known(self, name: str) -> Known | None:
        """What was published of a transaction, by `order_name` or `return_name`."""
        raw = self._drawer.get(f"{self.connection}/{name}")
        return load_known(raw) if raw else None

    def by_docket(self, number: str) -> str:
        """The transaction id of a docket, "" when it is not known."""
        raw = self._drawer.get(f"{self.connection}/docket/{number}") if number else None
        return raw.decode() if raw else ""

    def remember(self, name: str, tran_idx: str, known: Known, *, before: Known) -> None:
        """Keep what was published (or waits) of a transaction; its docket finds what an orders file brought."""
        self._drawer.put(f"{self.connection}/{name}", known.dump())
        if known.number and known.number != before.number and name == order_name(tran_idx):
            self._drawer.put(f"{self.connection}/docket/{known.number}", tran_idx.encode())

    def wait(self, person_id: str, name: str, waiting: Waiting) -> None:
        """Keep an order until its person is seen. `name` is that of `remember`."""
        self._drawer.put(self._wait(person_id, name), waiting.dump())
        if not self.person(person_id).seen:
            self._drawer.put(f"{self.connection}/person/{person_id}", SPOKEN_OF.dump())

    def stop_waiting(self, person_id: str, name: str) -> Waiting | None:
        """Take back what waits under a name; None when nothing does."""
        key = self._wait(person_id, name)
        raw = self._drawer.get(key)
        if raw is None:
            return None
        self._drawer.put(key, None)
        return load_waiting(raw)

    def waiting(self, person_id: str = "") -> Iterator[tuple[str, str, Waiting]]:
        """Everything that waits, of one person or of all: person, name, what."""
        everybody = f"{self.connection}/wait/"
        for key, raw in self._drawer.scan(self._wait(person_id, "") if person_id else everybody):
            person, _, name = key.removeprefix(everybody).partition(BETWEEN)
            yield person, name, load_waiting(raw)

    def _wait(self, person_id: str, name: str) -> str:
        return f"{self.connection}/wait/{person_id}{BETWEEN}{name}"

    def becomes_newest(self, name: str, order: str) -> bool:
        """Remember this as the newest under the name; False where something newer came before."""
        key = f"{self.connection}/newest/{name}"
        before = self._drawer.get(key)
        if before is not None and before.decode() > order:
            return False
        self._drawer.put(key, order.encode())
        return True

    def time(self, name: str) -> datetime | None:
        """A moment kept under a name; None when there is none."""
        raw = self._drawer.get(f"{self.connection}/time/{name}")
        return datetime.fromisoformat(raw.decode()) if raw else None

    def note_time(self, name: str, time: datetime) -> None:
        """Keep a moment under a name."""
        self._drawer.put(f"{self.connection}/time/{name}", time.astimezone(UTC).isoformat().encode())

    def number(self, name: str) -> int | None:
        """A whole number kept under a name; None when there is none."""
        raw = self._drawer.get(f"{self.connection}/number/{name}")
        return int(raw) if raw else None

    def note_number(self, name: str, number: int) -> None:
        """Keep a whole number under a name."""
        self._drawer.put(f"{self.connection}/number/{name}", str(number).encode())
