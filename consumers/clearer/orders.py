"""Bring sales and returns to Clearer.io: each sale once, under its docket, and after each return what is left of it.

Remembered under a sale (`order/TRAN_IDX`): `content`, `sent` (order, refund), `total`, `back` (each return -> its
amount), `due` (by the merchant's schedule), `begun` (a request may have been carried out), `since` (when it began to
wait). The same under a return (`refund/TRAN_IDX/DOCKET`), with `left` (what was said last is left of a sale elsewhere).
`docket/TRAN_NUMBER` is the TRAN_IDX of a sale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from consumers import loyalty, members
from consumers.clearer import assumed, requests
from consumers.clearer.customers import DESK
from consumers.clearer.errors import LATER, judge, no_such_order, unclear
from consumers.engine.outcome import OWN_KEY, Deferred, Delivered, Outcome, Rejected, RetryLater, Skipped, Unchanged
from consumers.engine.sink import Account, Item, Work
from consumers.engine.wire import Json, Plan, Response, ask, remember
from consumers.loyalty import Lines
from consumers.members import Buyer
from consumers.policies import Record

LOOK_AGAIN = timedelta(minutes=15)
UNCLEAR = RetryLater(timedelta(seconds=5), "it is not clear whether the order was taken")
Ledger = dict[str, Json]


@dataclass(slots=True)
class Sheet:
    """One transaction on its way: its lines that count, what is remembered of it, and what came of it."""

    account: Account
    item: Item
    name: str
    ledger: Ledger
    sold: Lines
    back: Lines
    original: bool
    remember: dict[str, Json] = field(default_factory=dict)
    status: int = 0
    calls: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def sent(self) -> list[str]:
        """What Clearer has of it."""
        return list(self.ledger.get("sent", ()))

    def taken(self, part: str, answer: Response, call: str) -> None:
        """Clearer said yes to the order or the refund."""
        self.ledger = {**self.ledger, "content": loyalty.content(self.item), "sent": [*self.sent, part]}
        self.ledger = {name: value for name, value in self.ledger.items() if name not in ("begun", "due", "since")}
        self.remember[self.name] = self.ledger
        self.status = answer.status
        self.calls.append(call)

    def wait(self, why: str, too_long: str) -> Outcome:
        """Look again when something of theirs has come, and after ever longer whiles; not beyond `order_wait`."""
        now = self.account.now()
        since = datetime.fromisoformat(self.ledger["since"]) if "since" in self.ledger else now
        if now - since >= self.account.connection.order_wait:
            return Skipped(too_long, self.remember)
        self.remember[self.name] = {**self.ledger, "since": since.isoformat()}
        return Deferred(why, now + max(LOOK_AGAIN, now - since), OWN_KEY, remember=self.remember)


def orders(account: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """One transaction -> an order, a refund, or both."""
    sheet = _open(account, works[0].last)
    return [(yield from _carry(sheet)) if isinstance(sheet, Sheet) else sheet]


def _open(account: Account, item: Item) -> Sheet | Outcome:
    """What is to be told of a transaction; its outcome at once where that is nothing, or not now."""
    order, connection = item.record, account.connection
    if policy := loyalty.policy(item, connection, account.settings):
        return Skipped(policy)
    sold, back = loyalty.parts(order, connection.gift_card_styles)
    if not sold and not back:
        return Skipped("gift_card")
    name = _name(order)
    sheet = Sheet(account, item, name, dict(item.known(name) or {}), sold, back, _original_known(item))
    if not sold and not sheet.original:
        return sheet.wait("original", "no_original") if _may_come(order) else Skipped("no_original")
    if sheet.sent and sheet.ledger["content"] != loyalty.content(item):
        return Skipped("correction")
    if all(part in sheet.sent for part in _parts(sheet)):
        return Unchanged()
    return loyalty.not_yet(account, sheet.name, sheet.ledger) or sheet


def _name(order: Record) -> str:
    """Orders and refunds files may both tell of one transaction."""
    docket = (order["original"] or {}).get("tran_number", "")
    return f"refund/{order['tran_idx']}/{docket}" if order["kind"] == "refund" else f"order/{order['tran_idx']}"


def _parts(sheet: Sheet) -> list[str]:
    """A return whose sale is not known only reduces what was sold with it."""
    return [*(["order"] if sheet.sold else []), *(["refund"] if sheet.back and sheet.original else [])]


def _original_known(item: Item) -> bool:
    original = item.record["original"]
    if original is None:
        return False
    own = item.known(_sale_name(item)) or {}
    return bool(original["loyalty"] or own.get("sent") or own.get("begun"))


def _sale_name(item: Item) -> str:
    """Under which name the sale is remembered that goods came back from; a return may know its docket alone."""
    original = item.record["original"]
    return f"order/{original['tran_idx'] or item.known(docket_of(original)) or ''}"


def docket_of(sale: Record) -> str:
    """Under which name the TRAN_IDX of a sale is remembered."""
    return f"docket/{sale['tran_number']}"


def _may_come(order: Record) -> bool:
    """Is the sale that goods came back from named, and did nobody say yet that loyalty did not take it?"""
    return order["original"] is not None and order["original"]["loyalty"] is None


def _carry(sheet: Sheet) -> Plan[Outcome]:
    parts = [part for part in _parts(sheet) if part not in sheet.sent]
    trouble = None
    if "order" in parts:
        trouble = yield from _sell(sheet)
    if trouble is None and "refund" in parts:
        if "order" in parts:
            yield from remember(sheet.name, sheet.ledger)  # whatever becomes of the refund, the order has been taken
        trouble = yield from _give_back(sheet)
    if isinstance(trouble, Rejected):
        return replace(trouble, remember=sheet.remember)
    if trouble is not None:
        return trouble
    return Delivered(sheet.remember, status=sheet.status, call=", ".join(sheet.calls), note="; ".join(sheet.notes))


# -- sales ------------------------------------------------------------------------------------------------------------


def _sell(sheet: Sheet) -> Plan[Outcome | None]:
    """The order, once. Where a request may have been carried out already, a change of it finds out."""
    buyer = yield from members.buyer(DESK, sheet.account, sheet.item)
    if not isinstance(buyer, Buyer):
        return buyer
    if not buyer.id:
        return sheet.wait("shopify_id", "no_shopify_id")
    if buyer.memory is not None:
        sheet.remember["profile"] = buyer.memory
    total, order = _total(sheet), sheet.item.record
    sheet.ledger["total"] = str(total)
    sheet.remember[docket_of(order)] = order["tran_idx"]
    if sheet.ledger.get("begun"):
        answer = yield from ask(requests.change_order(order["tran_number"], {assumed.STATUS.name: assumed.PAID.name}))
        if answer.ok:
            sheet.taken("order", answer, "PATCH /v1/orders/{id}")
            return None
        if answer.status != 404:
            return judge(answer)
    yield from remember(sheet.name, {**sheet.ledger, "begun": sheet.account.now().isoformat()})
    answer = yield from ask(requests.create_order(_order(sheet, buyer, total)))
    if answer.ok:
        sheet.taken("order", answer, "POST /v1/orders")
        return None
    return UNCLEAR if unclear(answer) or answer.status == 409 else judge(answer)


def _total(sheet: Sheet) -> Decimal:
    """What the sale comes to; a return whose sale is not known reduces it, never below nothing."""
    total = loyalty.worth(sheet.sold)
    if not sheet.original:
        total += loyalty.worth(sheet.back)
    if total < 0:
        sheet.notes.append(f"returns above the sale are not taken back: {-total}")
    return max(total, Decimal(0))


def _order(sheet: Sheet, buyer: Buyer, total: Decimal) -> Json:
    order, connection = sheet.item.record, sheet.account.connection
    values = {
        **order,
        "email": buyer.email,
        "currency": order["currency"] or connection.currency,
        "lines": [{**line, "price": _price(line)} for line in sheet.sold],
        "known": {"customer_id": buyer.id, "total": total},
    }
    body: Json = sheet.account.tables["clearer.order"].apply(values)
    return body


def _price(line: Any) -> Decimal:
    return Decimal(line["line_value"]) / (abs(line["qty"]) or 1)


# -- returns ----------------------------------------------------------------------------------------------------------


def _give_back(sheet: Sheet) -> Plan[Outcome | None]:
    """Say what is left of the sale; said twice it changes nothing more."""
    original, amount = sheet.item.record["original"], -loyalty.worth(sheet.back)
    own = _sale_name(sheet.item)
    sale = sheet.remember.get(own) or sheet.item.known(own) or {}
    if sale and "order" not in sale.get("sent", ()):
        return sheet.wait("original", "no_original")
    if sale:
        sale = {**sale, "back": {**sale.get("back", {}), sheet.name: str(amount)}}
        left = Decimal(sale["total"]) - sum(map(Decimal, sale["back"].values()))
    else:
        found = yield from _left_elsewhere(sheet, original["tran_number"], amount)
        if not isinstance(found, Decimal):
            return found
        left = found
    answer = yield from ask(requests.change_order(original["tran_number"], _refund(sheet, left)))
    if no_such_order(answer):
        return sheet.wait("original", "no_original")
    if not answer.ok:
        return judge(answer)
    if sale:
        sheet.remember[own] = sale
    if left < 0:
        sheet.notes.append(f"more came back than was left of the sale: {-left}")
    sheet.taken("refund", answer, "PATCH /v1/orders/{id}")
    return None


def _left_elsewhere(sheet: Sheet, docket: str, amount: Decimal) -> Plan[Decimal | Outcome]:
    """What will be left of a sale that went under another address: asked once, and noted before it is said."""
    if "left" in sheet.ledger:
        return Decimal(sheet.ledger["left"])
    answer = yield from ask(requests.read_order(docket))
    if no_such_order(answer):
        return sheet.wait("original", "no_original")
    if not answer.ok:
        return judge(answer)
    if not answer.json():
        return RetryLater(LATER, "Clearer answered something else than an order")
    total = _read_total(answer.json())
    if total is None:
        return Rejected("unreadable", "Clearer's answer does not say what the order comes to", answer.status)
    sheet.ledger["left"] = str(total - amount)
    yield from remember(sheet.name, sheet.ledger)
    return total - amount


def _read_total(body: Json) -> Decimal | None:
    """What an order comes to as it stands; None where the answer does not say."""
    order = body.get(assumed.IN_ORDER.name) if isinstance(body, dict) else None
    if not isinstance(order, dict):
        return None
    if order.get(assumed.STATUS.name) == assumed.REFUNDED.name:
        return Decimal(0)
    try:
        return Decimal(str(order[assumed.TOTAL.name]))
    except (KeyError, InvalidOperation):
        return None


def _refund(sheet: Sheet, left: Decimal) -> Json:
    status = assumed.PARTLY_REFUNDED if left > 0 else assumed.REFUNDED
    known: dict[str, Json] = {"status": status.name, "left": left if left > 0 else None}
    body: Json = sheet.account.tables["clearer.refund"].apply(
        {**sheet.item.record, "lines": sheet.back, "known": known}
    )
    return body
