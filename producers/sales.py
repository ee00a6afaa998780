"""Publish sales and returns: once, under the first address, with what is known of the sale a return belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from producers.memory import Known, Memory, Waiting, order_name, return_name
from producers.people import Person, address_for
from producers.scribe import Event, Moment, Provenance, Scribe, TooLarge, moment, tail_of
from producers.sheet import Page, Sheet
from tillstream.settings import Connection

Values = Mapping[str, Any]
NOTHING = Known("", "", "")


@dataclass(frozen=True)
class Sale:
    """One transaction as a file has it."""

    values: Values
    when: Moment
    page: Page
    refunds_file: bool

    @property
    def tran_idx(self) -> str:
        """AP21's id of the transaction."""
        return str(self.values["tran_idx"])

    @property
    def kind(self) -> str:
        """sale or refund."""
        return str(self.values.get("kind", "sale"))

    @property
    def bought_on(self) -> str:
        """The docket (else the transaction id) that returned goods were bought on, "" when the file does not say."""
        original = self.values.get("original") or {}
        return str(original.get("tran_number") or original.get("tran_idx") or "")

    @property
    def email(self) -> str:
        """The address that its row names, "" for none."""
        return str(self.values.get("email", ""))

    @cached_property
    def returns(self) -> tuple[str, ...]:
        """The dockets (else transaction ids) that the returned goods were bought on; "" where a line does not say."""
        back = (line for line in self.values["lines"] if self.kind == "refund" or gives_back(line))
        return tuple(sorted({line.get("orig_tran_number") or line.get("orig_tran_idx") or "" for line in back}))

    @property
    def name(self) -> str:
        """What it is remembered under: a refunds file has a record for each sale that goods came back from."""
        return return_name(self.tran_idx, self.bought_on) if self.refunds_file else order_name(self.tran_idx)


class Sales:
    """Sales and returns of one connection."""

    def __init__(self, memory: Memory, scribe: Scribe, sheet: Sheet, connection: Connection) -> None:
        self._memory = memory
        self._scribe = scribe
        self._sheet = sheet
        self._connection = connection

    def take(self, sale: Sale, now: datetime) -> str:
        """Publish it, pass it over, or let it wait for its person; "" or the rule by which it cannot be taken."""
        person_id, before = sale.values.get("person_id", ""), self._before(sale)
        if self._told_by_the_other_file(sale):
            self._sheet.none(sale.page, "duplicate")
            return ""
        person = self._memory.person(person_id)
        address = address_for(person, sale.email) if person_id else sale.email
        if address is None and not is_address(before.tail):
            return self._wait(sale, before, now)
        return self._publish(sale, before, person, address or "")

    def release(self, person_id: str) -> None:
        """The person was seen: what waited goes out, in the order of the sales."""
        waiting = [(name, one) for _, name, one in self._memory.waiting(person_id)]
        self._release(person_id, waiting)

    def release_due(self, now: datetime, most: int) -> datetime | None:
        """What waited long enough goes out under the person's id, `most` at a time; when the next will be due."""
        due: dict[str, list[tuple[str, Waiting]]] = {}
        later: datetime | None = None
        for person_id, name, one in self._memory.waiting():
            if one.due <= now and most > 0:
                due.setdefault(person_id, []).append((name, one))
                most -= 1
            else:
                later = min(later or one.due, one.due)
        for person_id, waiting in due.items():
            self._release(person_id, waiting)
        return later

    def _release(self, person_id: str, waiting: Sequence[tuple[str, Waiting]]) -> None:
        person = self._memory.person(person_id)
        sales = [(self._read(name, one), name) for name, one in waiting]
        for sale, name in sorted(sales, key=lambda pair: pair[0].when.order):
            self._memory.stop_waiting(person_id, name)
            self._sheet.none(sale.page, "waiting", -1)
            refused = self._publish(sale, self._before(sale), person, address_for(person, sale.email) or "")
            if refused:
                self._sheet.none(sale.page, refused)

    def _read(self, name: str, waiting: Waiting) -> Sale:
        values = self._scribe.codec.decode("orders", waiting.payload)
        when = moment(values["source_time"], values["file_time"], values["line"])
        return Sale(values, when, Page(waiting.folder, waiting.sha256), name.startswith("return/"))

    def _before(self, sale: Sale) -> Known:
        return self._memory.known(sale.name) or NOTHING

    def _told_by_the_other_file(self, sale: Sale) -> bool:
        """Orders and refunds files may both bring a return: the one that came first counts."""
        if sale.kind != "refund":
            return False
        if sale.refunds_file:
            order = self._memory.known(order_name(sale.tran_idx))
            return order is not None and covers(order.returns, sale.bought_on)
        if self._memory.known(return_name(sale.tran_idx, "")):
            return True
        told = [self._memory.known(return_name(sale.tran_idx, one)) for one in sale.returns]
        return bool(told) and all(told)

    def _wait(self, sale: Sale, before: Known, now: datetime) -> str:
        person_id = str(sale.values.get("person_id", ""))
        event = self._write(sale, f"person:{person_id}", sale.values)
        if isinstance(event, TooLarge) or event.message.value is None:
            return "too_large"
        replaced = self._stop_waiting(sale, before)
        due = min(replaced.due, now + self._connection.order_wait) if replaced else now + self._connection.order_wait
        self._memory.wait(person_id, sale.name, Waiting(due, sale.page.folder, sale.page.sha256, event.message.value))
        known = before._replace(number=sale.values.get("tran_number", ""), waits_for=person_id, returns=sale.returns)
        self._memory.remember(sale.name, sale.tran_idx, known, before=before)
        self._sheet.none(sale.page, "waiting")
        return ""

    def _stop_waiting(self, sale: Sale, before: Known) -> Waiting | None:
        """A newer export of the same transaction takes the place of what waits."""
        replaced = self._memory.stop_waiting(before.waits_for, sale.name) if before.waits_for else None
        if replaced:
            page = Page(replaced.folder, replaced.sha256)
            self._sheet.none(page, "waiting", -1)
            self._sheet.none(page, "replaced")
        return replaced

    def _publish(self, sale: Sale, before: Known, person: Person, address: str) -> str:
        values, tail = sale.values, before.tail
        if not is_address(tail):
            tail = tail_of(address, values.get("person_id", ""), f"tran:{sale.tran_idx}")
        email = tail if is_address(tail) else ""
        staff = before.staff or self._staff(person, email)
        known = {"email": email, "staff": {"yes": True, "no": False}.get(staff), "original": self._original(values)}
        event = self._write(sale, tail, {**values, **known})
        if isinstance(event, TooLarge):
            return "too_large"
        self._stop_waiting(sale, before)
        if event.content == before.content and tail == before.tail:
            self._sheet.none(sale.page, "unchanged")
        else:
            self._sheet.record(sale.page, "orders", event.message)
        loyalty = bool(email) and staff != "yes" and not sale.refunds_file and earns(values, self._connection)
        now = Known(
            content=event.content,
            tail=tail,
            number=values.get("tran_number", ""),
            loyalty=loyalty and sale.page.folder != "bulk",
            staff=staff,
            returns=sale.returns,
        )
        if now != before:
            self._memory.remember(sale.name, sale.tran_idx, now, before=before)
        return ""

    def _write(self, sale: Sale, tail: str, values: Values) -> Event | TooLarge:
        scribe = self._scribe
        if sale.page.sha256 != scribe.source.sha256 or (sale.page.folder == "bulk") != scribe.source.bulk:
            source = scribe.source
            scribe = replace(
                scribe,
                source=Provenance(
                    source.connection, values["origin"], values["file"], values["sha256"], values["bulk"]
                ),
            )
        return scribe.write("orders", tail, sale.tran_idx, values, sale.when)

    def _staff(self, person: Person, email: str) -> str:
        """Is the buyer staff, as far as is known? By the person, else by whoever has the address."""
        known = [person] if person.seen else [self._memory.person(one) for one in self._memory.holders(email)]
        if not known:
            return ""
        return "yes" if any(one.staff for one in known) else "no"

    def _original(self, values: Values) -> Values | None:
        """The sale that a return belongs to, with what is remembered of it."""
        named: Values | None = values.get("original")
        if named is None:
            return None
        tran_idx = named["tran_idx"] or self._memory.by_docket(named["tran_number"])
        known = self._memory.known(order_name(tran_idx)) if tran_idx else None
        if known is None:
            return named
        found = {"tran_idx": tran_idx, "tran_number": known.number or named["tran_number"]}
        if not known.content:
            return {**found, "key": "", "loyalty": None}
        return {**found, "key": f"{self._memory.connection}/{known.tail}", "loyalty": known.loyalty}


def is_address(tail: str) -> bool:
    """Is the key's tail an e-mail address?

    >>> is_address("kim@customer.example"), is_address("person:7"), is_address("")
    (True, False, False)
    """
    return "@" in tail and not tail.startswith(("person:", "tran:"))


def gives_back(line: Values) -> bool:
    """Is the line a return? By the sign of its value, at 0 by that of its pieces."""
    value: Decimal = line["line_value"]
    return value < 0 or (value == 0 and line["qty"] < 0)


def covers(told: tuple[str, ...], asked: str) -> bool:
    """Does a transaction's own file tell of this return? What does not say where it was bought matches any of them.

    >>> covers(("D1", "D2"), "D1"), covers((), "D1"), covers(("",), "D1"), covers(("D1",), "D2")
    (True, False, True, False)
    """
    return bool(told) and (asked in told or asked == "" or "" in told)


def earns(values: Values, connection: Connection) -> bool:
    """Would a loyalty platform take this sale? No web order, layby or special order; something that is no gift card."""
    web = (values.get("tran_number", ""), values.get("order_number", ""))
    if any(number[:1] in ("W", "w") for number in web) or values.get("store_code", "") in connection.web_stores:
        return False
    if values.get("tran_type", "").strip().lower() not in ("", "sale"):
        return False
    return any(
        not gives_back(line) and line.get("style_code", "") not in connection.gift_card_styles
        for line in values["lines"]
    )
