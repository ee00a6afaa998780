"""One transaction on its way to Yotpo: what is remembered of it, what is still to be told, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from consumers import loyalty
from consumers.engine.outcome import OWN_KEY, Deferred, Outcome, Skipped
from consumers.engine.sink import Account, Item
from consumers.engine.wire import Json
from consumers.loyalty import Lines
from consumers.policies import Record

LOOK_AGAIN = timedelta(minutes=15)
PASSING = ("begun", "tries", "due", "since")
"""What a ledger holds only until Yotpo has said yes, or a final no."""

Part = Literal["order", "refund", "points"]
Origin = Literal["known", "unknown", "never", "none"]
"""The sale that goods came back from: loyalty took it, nobody knows it (yet), loyalty took it not, none is named."""


@dataclass(slots=True)
class Sheet:
    """Its lines that count, the ledger under `name`, and what was told by now."""

    account: Account
    item: Item
    name: str
    ledger: dict[str, Json]
    sold: Lines
    back: Lines
    origin: Origin
    remember: dict[str, Json] = field(default_factory=dict)
    status: int = 0
    calls: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    doubt: str = ""

    @property
    def sent(self) -> list[str]:
        """What Yotpo has of it."""
        return list(self.ledger.get("sent", ()))

    @property
    def due(self) -> list[Part]:
        """What Yotpo is still to be told. A return whose sale is not known only reduces what was sold with it."""
        whole: list[Part] = ["order"] if self.sold else []
        if self.back and self.origin == "known" and "points" not in self.sent:
            whole.append("refund")
        elif self.back and not self.sold and not self.sent:
            whole.append("refund" if self.origin == "unknown" else "points")
        return [part for part in whole if part not in self.sent]

    def taken(self, part: Part, status: int, call: str) -> None:
        """Yotpo said yes."""
        self.ledger = {**self.cleared(), "content": loyalty.content(self.item), "sent": [*self.sent, part]}
        self.remember[self.name] = self.ledger
        self.status = status
        self.calls.append(call)

    def cleared(self) -> dict[str, Json]:
        """The ledger without what concerned only the last request."""
        return {name: value for name, value in self.ledger.items() if name not in PASSING}

    def wait(self, why: str) -> Outcome | None:
        """Look again when something of theirs has come, and after ever longer whiles; None beyond `order_wait`."""
        now = self.account.now()
        since = datetime.fromisoformat(self.ledger["since"]) if "since" in self.ledger else now
        if now - since >= self.account.connection.order_wait:
            return None
        self.remember[self.name] = {**self.ledger, "since": since.isoformat()}
        return Deferred(why, now + max(LOOK_AGAIN, now - since), OWN_KEY, remember=self.remember)

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
    original = item.record["original"] or {}
    tran_idx = original.get("tran_idx") or item.known(f"docket/{original.get('tran_number')}")
    return (item.known(f"order/{tran_idx}") if tran_idx else None) or {}


def item_id(line: Record) -> str:
    """By which Yotpo knows an item.

    >>> item_id({"barcode": "", "skuidx": "28990"})
    '28990'
    """
    return str(line["barcode"] or line["skuidx"])
