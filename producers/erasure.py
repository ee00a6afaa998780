"""Forget a person at an operator's order: whose address it was, which sales were theirs, and what waits for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Self

import orjson

from producers.memory import Drawer, Memory, load_known
from producers.sheet import Page, Sheet


@dataclass(frozen=True, slots=True)
class Erasure:
    """Whom to forget at a connection: AP21 ids and addresses. It is taken off its topic when it is done."""

    connection: str
    persons: tuple[str, ...]
    addresses: tuple[str, ...]

    @classmethod
    def load(cls, raw: bytes) -> Self:
        """As `dump` made it."""
        told = orjson.loads(raw)
        return cls(told["connection"], tuple(told["persons"]), tuple(told["addresses"]))

    def dump(self) -> bytes:
        """As it stands on its topic."""
        return orjson.dumps(asdict(self))


def files_prefix(connection: str) -> bytes:
    """How the keys of orders begin, on `tillstream.replays`, for those who read the files of a connection."""
    return f"erase/{connection}/".encode()


def polls_prefix(connection: str, poll: str) -> bytes:
    """The same for a poll of the connection: each remembers apart, so each is told apart."""
    return f"erase-polled/{connection}/{poll}/".encode()


def forget(drawer: Drawer, sheet: Sheet, order: Erasure) -> None:
    """Forget everything that leads to a person. An order that waits for one is accounted for as `erased`."""
    memory, connection = Memory(drawer, order.connection), order.connection
    for person in order.persons:
        for _, name, waiting in list(memory.waiting(person)):
            memory.stop_waiting(person, name)
            page = Page(waiting.folder, waiting.sha256)
            sheet.none(page, "waiting", -1)
            sheet.none(page, "erased")
        drawer.put(f"{connection}/person/{person}", None)
    for address in order.addresses:
        drawer.put(f"{connection}/email/{address}", None)
    _forget_sales(drawer, connection, {*order.addresses, *(f"person:{person}" for person in order.persons)}, order)


def _forget_sales(drawer: Drawer, connection: str, tails: Iterable[str], order: Erasure) -> None:
    theirs = set(tails)
    for kind in ("order", "return"):
        for key, raw in list(drawer.scan(f"{connection}/{kind}/")):
            sale = load_known(raw)
            if sale.tail in theirs or sale.waits_for in order.persons:
                drawer.put(key, None)
                if sale.number:
                    drawer.put(f"{connection}/docket/{sale.number}", None)
