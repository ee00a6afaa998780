"""Export files as Klaviyo's plans get to see them: read, published by the producers' clerk, and decoded again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson

from consumers.engine.sink import body_hash
from consumers.engine.wire import Json
from producers.sheet import Sheet
from schemas import headers
from schemas.definitions import blank
from tests.consumers.desk import GOLDEN, Thing
from tests.producers.desks import CODEC, Shop, example
from tillstream.kafka.publisher import Message

HEADER = example("rewards").partition("\n")[0]
DATES = ("tier_join_date", "tier_locked_until", "tier_expiry", "join_date", "expiry_date")
INSTANTS = ("source_time", "redeemed_at", "file_time")
AMOUNTS = ("option_value", "original_amount", "used_amount", "available_amount")
OBJECTS = ("voucher_number", "redemption_id", "account_id", "customer_id", "email")


class Kept(Shop):
    """A shop that keeps the messages of the last file."""

    messages: list[Message]

    def book(self, sheet: Sheet) -> list[tuple[str, str, dict[str, Any]]]:
        self.messages = list(sheet.messages)
        return super().book(sheet)


@dataclass
class Exports:
    """One connection's export files, in the order in which they are read."""

    shop: Kept = field(default_factory=Kept)

    def tiers(self) -> Exports:
        """The contract's tiers file."""
        self.shop.file("tiers_20250401T055500Z.csv", example("tiers"))
        return self

    def rewards(self, name: str, rows: list[str], folder: str = "pending") -> list[Thing]:
        """The accounts of one rewards file, whose header is the contract's."""
        return self.file(name, "\n".join([HEADER, *rows, ""]), folder)

    def file(self, name: str, text: str, folder: str = "pending", topic: str = "rewards") -> list[Thing]:
        """The records of one topic that a file makes."""
        self.shop.file(name, text, folder)
        return [thing_of(message) for message in self.shop.messages if message.topic == topic]

    def step(self, told: Json) -> list[Thing]:
        """The records of the rewards topic that a golden file's step makes: its rows, or the contract's file."""
        text = "\n".join([*told["rows"], ""]) if "rows" in told else example(told["file"].partition("_")[0])
        return self.file(told["file"], text)


def thing_of(message: Message) -> Thing:
    """A message as a plan sees it."""
    told = {name: str(value, "ascii") if isinstance(value, bytes) else str(value) for name, value in message.headers}
    assert message.key is not None
    assert message.value is not None
    record = CODEC.decode(message.topic, message.value)
    content, order, object_ = (told[name] for name in (headers.CONTENT, headers.ORDER, headers.OBJECT))
    return Thing(message.key.decode(), message.topic, dict(record), content, order, object_)


def golden(name: str) -> Json:
    """A golden file."""
    return orjson.loads((GOLDEN / f"{name}.json").read_bytes())


def event(topic: str, **values: Any) -> Thing:
    """A record that came by a webhook or a comparison; dates, times and amounts may be texts."""
    record = {**blank(topic), "connection": "au", "zone": "Australia/Melbourne"}
    record |= {name: _typed(name, value) for name, value in values.items()}
    said = {n: str(v) for n, v in record.items() if n not in ("source_time", "sha256", "line", "file", "origin")}
    object_ = next(str(record[name]) for name in OBJECTS if record.get(name))
    order = headers.order(record["source_time"], None, record["line"])
    return Thing(f"au/{record['email']}", topic, record, body_hash(said), order, object_)


def _typed(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if name in DATES:
        return date.fromisoformat(value)
    if name in INSTANTS:
        return datetime.fromisoformat(value)
    return Decimal(value) if name in AMOUNTS else value
