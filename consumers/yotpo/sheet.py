"""One transaction on its way to Yotpo: where its goods were bought, and what is still to be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from consumers import sheets
from consumers.engine.outcome import Outcome, Skipped
from consumers.engine.sink import Item
from consumers.engine.wire import Json
from consumers.policies import Record

Part = Literal["order", "refund", "points"]
Origin = Literal["known", "unknown", "never", "none"]
"""The sale that goods came back from: loyalty took it, nobody knows it (yet), loyalty took it not, none is named."""


@dataclass(slots=True)
class Sheet(sheets.Sheet):
    """With what is known of the sale that its goods came back from."""

    origin: Origin = "none"

    @property
    def due(self) -> list[Part]:
        """What Yotpo is still to be told. A return whose sale is not known only reduces what was sold with it."""
        whole: list[Part] = ["order"] if self.sold else []
        if self.back and self.origin == "known" and "points" not in self.sent:
            whole.append("refund")
        elif self.back and not self.sold and not self.sent:
            whole.append("refund" if self.origin == "unknown" else "points")
        return [part for part in whole if part not in self.sent]

    def no_original(self) -> Outcome:
        """Nobody knows the sale that these goods were bought in."""
        return Skipped("no_original", {**self.remember, self.name: self.cleared() or None})


def origin_of(item: Item) -> Origin:
    """What is known of the sale that goods came back from; by the producers' memory, else by our own."""
    original = item.record["original"]
    if original is None:
        return "none"
    if original["loyalty"] or sale_ledger(item):
        return "known"
    return "never" if original["loyalty"] is False else "unknown"


def sale_ledger(item: Item) -> Json:
    """What is remembered here of the sale that goods came back from; empty where nothing is."""
    return item.known(sheets.name_of_sale(item)) or {}


def item_id(line: Record) -> str:
    """By which Yotpo knows an item.

    >>> item_id({"barcode": "", "skuidx": "28990"})
    '28990'
    """
    return str(line["barcode"] or line["skuidx"])
