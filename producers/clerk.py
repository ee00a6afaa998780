"""Take the rows of one file, one by one: each becomes messages for the next transaction, or a word why not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

import orjson

from producers.files.values import Reject, Row
from producers.memory import Memory
from producers.people import UNSEEN, address_for, place
from producers.sales import Sale, Sales
from producers.scribe import Moment, Scribe, TooLarge, moment, tail_of
from producers.sheet import Page, Sheet
from tillstream.kafka.publisher import Message
from tillstream.settings import Connection

TIER_FIELDS = (
    *("account_id", "person_id", "program_id", "program_name", "tier_id", "tier_name"),
    *("tier_join_date", "tier_locked_until", "zone"),
)

SNAPSHOT, SNAPSHOT_BEFORE, SNAPSHOT_FIRST = "rewards", "rewards before", "rewards first"
"""Under which names the producers remember when snapshots of the rewards accounts were taken: the two newest, and the
first."""


@dataclass(frozen=True)
class Desk:
    """What a clerk works with: whose books, what is remembered, who writes, where it is collected, what time it is."""

    connection: Connection
    memory: Memory
    scribe: Scribe
    sheet: Sheet
    page: Page
    now: Callable[[], datetime]


class Clerk:
    """Takes the rows of one kind of file."""

    def __init__(self, desk: Desk, kind: str) -> None:
        self._desk = desk
        self._sales = Sales(desk.memory, desk.scribe, desk.sheet, desk.connection)
        self._refunds = kind == "refunds"
        self._make = {
            "customers": self._customer,
            "orders": self._sale,
            "refunds": self._sale,
            "rewards": self._account,
            "giftcards": self._gift_card,
            "tiers": self._definition,
        }[kind]

    def take(self, row: Row) -> str:
        """The row goes on the sheet: "", or the rule by which it is rejected after all (`too_large`)."""
        rule = self._make(row.values, moment(row.source_time, row.file_time, row.line))
        rows = len(row.sources)
        counts = self._desk.sheet.counts(self._desk.page)
        counts["rows"] += rows
        if rule:
            counts["rejected"] += rows
            return rule
        counts["accepted"] += rows
        if row.joined:
            counts["lines_joined"] += row.joined
        if row.duplicates:
            self._desk.sheet.none(self._desk.page, "duplicate", row.duplicates)
        return ""

    def reject(self, reject: Reject) -> None:
        """Count a row that could not be read; a clear opt-out in it goes through."""
        counts = self._desk.sheet.counts(self._desk.page)
        counts["rows"] += 1
        counts["rejected"] += 1
        if reject.rescue:
            self._rescue(reject.rescue, reject)
            counts["rescued"] += 1

    def _customer(self, values: Mapping[str, Any], when: Moment) -> str:
        memory, person_id = self._desk.memory, values["person_id"]
        known = memory.person(person_id)
        placed = place(known, values.get("email", ""), when.order, staff=values.get("retail_rep", False))
        told = {**values, "previous_email": placed.previous}
        tail = tail_of(placed.address, person_id, "")
        rule = self._publish("customers", tail, person_id, told, when)
        if rule:
            return rule
        memory.remember_person(person_id, known, placed.person)
        if known is not UNSEEN and not known.seen:
            self._sales.release(person_id)
        return ""

    def _rescue(self, rescue: Mapping[str, Any], reject: Reject) -> None:
        """Only the opt-out of a row that was rejected; it goes to the person's address as far as one is known."""
        when = moment(rescue.get("last_updated") or reject.file_time, reject.file_time, reject.line)
        person_id, email = rescue.get("person_id", ""), rescue.get("email", "")
        address = address_for(self._desk.memory.person(person_id), email) or ""
        told = {**rescue, "email": address, "rescued": True}
        self._publish("customers", tail_of(address, person_id, ""), person_id, told, when, main=False)

    def _sale(self, values: Mapping[str, Any], when: Moment) -> str:
        return self._sales.take(Sale(values, when, self._desk.page, self._refunds), self._desk.now())

    def _account(self, values: Mapping[str, Any], when: Moment) -> str:
        """An account with its open rewards; its tier goes out as a record of its own as well."""
        account, person_id = values["account_id"], values.get("person_id", "")
        told = {**values, "email": self._address(values), **self._standing(values, when)}
        tail = tail_of(told["email"], person_id, f"account:{account}")
        rule = self._publish("rewards", tail, account, told, when)
        if not rule and values.get("tier_id"):
            tier = {name: values[name] for name in TIER_FIELDS if name in values}
            tier |= {"kind": "snapshot", "email": told["email"]}
            self._publish("tiers", tail, account, tier, when, main=False)
        return rule

    def _standing(self, values: Mapping[str, Any], when: Moment) -> dict[str, Any]:
        """What the account's own rows do not say: where its tier stands in the ladder, and whether it is new."""
        memory, opened = self._desk.memory, values.get("join_date")
        since = news_since(memory, when.file_time or when.source_time, self._desk.connection.timezone)
        name = f"{values.get('program_id', '')}/{values.get('tier_id', '')}"
        newly = since is not None and opened is not None and opened >= since
        return {"tier_sequence": memory.number(f"sequence/{name}"), "newly_joined": newly}

    def _gift_card(self, values: Mapping[str, Any], when: Moment) -> str:
        number = values["voucher_number"]
        told = {**values, "email": self._address(values)}
        return self._publish("rewards", f"voucher:{number}", number, told, when)

    def _definition(self, values: Mapping[str, Any], when: Moment) -> str:
        """What a tier is: no event, but kept for everybody in a compacted topic. An older file changes nothing."""
        desk = self._desk
        desk.sheet.none(desk.page, "definition")
        name = f"{desk.connection.name}/{values['program_id']}/{values['tier_id']}"
        if desk.memory.becomes_newest(f"program/{name}", when.order):
            desk.memory.note_number(f"sequence/{values['program_id']}/{values['tier_id']}", values["sequence"])
            told = {**values, "connection": desk.connection.name, "file": desk.scribe.source.file, "line": when.line}
            body = orjson.dumps(told, default=str)
            desk.sheet.messages.append(Message(desk.scribe.names.programs, name.encode(), body))
        return ""

    def _address(self, values: Mapping[str, Any]) -> str:
        email = str(values.get("email", ""))
        return address_for(self._desk.memory.person(values.get("person_id", "")), email) or ""

    def _publish(
        self, topic: str, tail: str, subject: str, values: Mapping[str, Any], when: Moment, *, main: bool = True
    ) -> str:
        event = self._desk.scribe.write(topic, tail, subject, values, when)
        if isinstance(event, TooLarge):
            return "too_large"
        self._desk.sheet.record(self._desk.page, topic, event.message, main=main)
        return ""


def news_since(memory: Memory, taken: datetime, zone: tzinfo) -> date | None:
    """An account opened on this day or later was in no snapshot before this one; None for the connection's first.

    An export may be put together hours before its name says, so a day more counts as since the snapshot before; never
    a day before the connection's first one.
    """
    before = note_snapshot(memory, taken)
    first = memory.time(SNAPSHOT_FIRST)
    if before is None or first is None:
        return None
    return max(before.astimezone(zone).date() - timedelta(days=1), first.astimezone(zone).date())


def note_snapshot(memory: Memory, taken: datetime) -> datetime | None:
    """Note when a snapshot of the rewards accounts was taken; when the one before it was, None for the first.

    A file of corrected rows is part of the snapshot they were rejected from: its rows carry that one's time.
    """
    newest, before = memory.time(SNAPSHOT), memory.time(SNAPSHOT_BEFORE)
    if newest is None or taken > newest:
        memory.note_time(SNAPSHOT, taken)
        memory.note_time(*((SNAPSHOT_FIRST, taken) if newest is None else (SNAPSHOT_BEFORE, newest)))
        return newest
    return before if taken == newest else newest
