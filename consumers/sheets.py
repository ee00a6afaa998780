"""One sale or return on its way to a loyalty platform: what is remembered of it, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from consumers import loyalty
from consumers.engine.outcome import OWN_KEY, Deferred, Delivered
from consumers.engine.sink import Account, Item
from consumers.engine.wire import Json
from consumers.loyalty import Lines
from consumers.policies import Record

LOOK_AGAIN = timedelta(minutes=15)
PASSING = ("begun", "tries", "due", "since")
"""What a ledger holds only until the platform has said yes, or a final no."""


@dataclass(slots=True)
class Sheet:
    """Its lines that count, the ledger remembered under `name`, what else to remember, and what was told by now."""

    account: Account
    item: Item
    name: str
    ledger: dict[str, Json]
    sold: Lines
    back: Lines
    remember: dict[str, Json] = field(default_factory=dict)
    status: int = 0
    calls: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    doubt: str = ""

    @property
    def sent(self) -> list[str]:
        """What the platform has of it."""
        return list(self.ledger.get("sent", ()))

    @property
    def corrected(self) -> bool:
        """Does it come again, and as another than the platform has?"""
        return bool(self.sent) and self.ledger["content"] != loyalty.content(self.item)

    def taken(self, part: str, status: int, call: str) -> None:
        """The platform said yes."""
        self.ledger = {**self.cleared(), "content": loyalty.content(self.item), "sent": [*self.sent, part]}
        self.remember[self.name] = self.ledger
        self.status = status
        self.calls.append(call)

    def cleared(self) -> dict[str, Json]:
        """The ledger without what concerned only the last request."""
        return {name: value for name, value in self.ledger.items() if name not in PASSING}

    def wait(self, why: str) -> Deferred | None:
        """Look again when something of theirs has come, and after ever longer whiles; None beyond `order_wait`."""
        now = self.account.now()
        since = datetime.fromisoformat(self.ledger["since"]) if "since" in self.ledger else now
        if now - since >= self.account.connection.order_wait:
            return None
        self.remember[self.name] = {**self.ledger, "since": since.isoformat()}
        return Deferred(why, now + max(LOOK_AGAIN, now - since), OWN_KEY, remember=self.remember)

    def total(self, less: Lines) -> Decimal:
        """What the sale comes to; these returns reduce it, never below nothing."""
        total = loyalty.worth(self.sold) + loyalty.worth(less)
        if total < 0:
            self.notes.append(f"returns above the sale are not taken back: {-total}")
        return max(total, Decimal(0))

    def delivered(self) -> Delivered:
        """All of it was told."""
        calls, notes = ", ".join(self.calls), "; ".join(self.notes)
        return Delivered(self.remember, status=self.status, call=calls, note=notes, doubt=self.doubt)


def name_of(order: Record) -> str:
    """Under which name a transaction is remembered: orders and refunds files may both tell of one."""
    docket = (order["original"] or {}).get("tran_number", "")
    return f"refund/{order['tran_idx']}/{docket}" if order["kind"] == "refund" else f"order/{order['tran_idx']}"


def name_of_sale(item: Item) -> str:
    """Under which name the sale is remembered that goods came back from; a return may know its docket alone."""
    original = item.record["original"]
    return f"order/{original['tran_idx'] or item.known(docket_of(original)) or ''}"


def docket_of(sale: Record) -> str:
    """Under which name the TRAN_IDX of a sale is remembered."""
    return f"docket/{sale['tran_number']}"
