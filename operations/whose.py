"""Find the Kafka keys under which a customer's records are, from what the producers remember."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from consumers.apparel21.changed import Known, load_known
from consumers.policies import POLL
from operations.reading import Kafka, records, spans, there
from producers.memory import Memory, Waiting, order_name
from schemas.topics import Names

MOST_PASSES = 8
POLLED = re.compile(rf"([^/]+)/poll/{POLL}/known/person/(.+)")


class Customer(NamedTuple):
    """One customer at one connection: AP21 ids, addresses (also former ones), all keys, and orders that wait."""

    connection: str
    persons: frozenset[str]
    addresses: frozenset[str]
    keys: frozenset[str]
    waiting: tuple[Waiting, ...]


class Glimpse:
    """A drawer that knows what it was asked for before; what else it is asked for is noted, and read in one pass."""

    def __init__(self) -> None:
        self._known: dict[str, bytes | None] = {}
        self._ranges: dict[str, dict[str, bytes]] = {}
        self._people: dict[tuple[str, str], Known] = {}
        self._sought: set[tuple[str, str]] = set()
        self.asked: set[str] = set()
        self.asked_ranges: set[str] = set()
        self.asked_people: set[tuple[str, str]] = set()

    def get(self, key: str) -> bytes | None:
        """The value of a key, None also where it was not read yet."""
        if key not in self._known:
            self.asked.add(key)
        return self._known.get(key)

    def put(self, key: str, value: bytes | None) -> None:
        """Never called: this only looks."""
        raise TypeError(f"{key} ({value!r:.20}) cannot be written here")

    def scan(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        """Keys that start with a prefix, none where it was not read yet."""
        if prefix not in self._ranges:
            self.asked_ranges.add(prefix)
        yield from sorted(self._ranges.get(prefix, {}).items())

    def polled(self, connection: str, names: Iterable[str]) -> Iterator[tuple[str, Known]]:
        """Whom a poll saw who has one of these ids or addresses: id and what is remembered of them."""
        for name in names:
            if (connection, name) not in self._sought:
                self.asked_people.add((connection, name))
        for (where, person), known in self._people.items():
            if where == connection and {person, known.email, known.left}.intersection(names):
                yield person, known

    def read(self, kafka: Kafka, topic: str) -> bool:
        """Read what was asked for; False when nothing was."""
        if not self.asked and not self.asked_ranges and not self.asked_people:
            return False
        self._sought |= self.asked_people
        keys, ranges = {key.encode() for key in self.asked}, tuple(one.encode() for one in self.asked_ranges)
        self._known |= dict.fromkeys(self.asked)
        self._ranges |= {one: {} for one in self.asked_ranges}
        for message in records(kafka, spans(kafka, there(kafka, [topic]).partitions)):
            key = message.key()
            if key in keys:
                self._known[key.decode()] = message.value()
            elif ranges and key.startswith(ranges):
                self._note(key.decode(), message.value())
            elif person := POLLED.fullmatch(key.decode()):
                self._meet((person[1], person[2]), message.value())
        self.asked, self.asked_ranges, self.asked_people = set(), set(), set()
        return True

    def _meet(self, person: tuple[str, str], value: bytes | None) -> None:
        connection, number = person
        known = load_known((value or b"").decode())
        if {(connection, one) for one in (number, known.email, known.left)} & self._sought:
            self._people[person] = known
        else:
            self._people.pop(person, None)

    def _note(self, key: str, value: bytes | None) -> None:
        for prefix in self.asked_ranges:
            if key.startswith(prefix) and value is not None:
                self._ranges[prefix][key] = value
            elif key.startswith(prefix):
                self._ranges[prefix].pop(key, None)


def find(kafka: Kafka, names: Names, connections: Iterable[str], person: str) -> list[Customer]:
    """Who an e-mail address, an AP21 id or a docket means, at each connection. Raises KafkaException."""
    glimpse, asked = Glimpse(), list(connections)
    for _ in range(MOST_PASSES):
        found = [_customer(Memory(glimpse, connection), glimpse, person.strip()) for connection in asked]
        if not glimpse.read(kafka, names.ingest):
            break
    return [customer for customer in found if customer.keys]


def _customer(memory: Memory, glimpse: Glimpse, person: str) -> Customer:
    persons, tails = set(_ids(memory, person)), set(_tails(memory, person))
    addresses = {tail for tail in tails if "@" in tail}
    for one in list(addresses):
        persons |= set(memory.holders(one))
    for one, seen in glimpse.polled(memory.connection, {person, *persons, *addresses}):
        persons.add(one)
        addresses |= {address for address in (seen.email, seen.left) if address}
    for one in list(persons):
        known = memory.person(one)
        addresses |= {address for address in (known.email, *known.left) if address}
        tails.add(f"person:{one}")
    waiting = tuple(waits for one in sorted(persons) for _, _, waits in memory.waiting(one))
    keys = frozenset(f"{memory.connection}/{tail}" for tail in tails | addresses)
    return Customer(memory.connection, frozenset(persons), frozenset(addresses), keys, waiting)


def _ids(memory: Memory, person: str) -> Iterator[str]:
    """AP21 ids that the text means."""
    if "@" in person:
        return
    if memory.person(person).seen or any(memory.waiting(person)):
        yield person
    sale = memory.known(order_name(memory.by_docket(person)))
    if sale and sale.waits_for:
        yield sale.waits_for
    if sale and sale.tail.startswith("person:"):
        yield sale.tail.removeprefix("person:")


def _tails(memory: Memory, person: str) -> Iterator[str]:
    """Keys without the connection that the text means by itself."""
    if "@" in person:
        yield person.lower()
        return
    sale = memory.known(order_name(memory.by_docket(person)))
    if sale and sale.tail:
        yield sale.tail
