"""Bring sales and returns to Clearer.io: each sale once, under its docket, and after each return what is left of it.

Remembered under a sale (`order/TRAN_IDX`): `content`, `sent` (order, refund), `total`, `back` (each return -> its
amount), `due` (by the merchant's schedule), `begun` (a request may have been carried out), `since` (when it began to
wait). The same under a return (`refund/TRAN_IDX/DOCKET`), with `left` (what was said last is left of a sale elsewhere).
`docket/TRAN_NUMBER` is the TRAN_IDX of a sale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal, InvalidOperation

from consumers import loyalty, members, sheets
from consumers.clearer import assumed, requests
from consumers.clearer.customers import DESK
from consumers.clearer.errors import judge, no_such_order
from consumers.engine.outcome import Outcome, Rejected, RetryLater, Skipped, Unchanged
from consumers.engine.sink import Account, Item, Work
from consumers.engine.wire import Json, Plan, ask, remember, under
from consumers.members import Buyer
from consumers.policies import Record
from consumers.refusals import something_else
from consumers.sheets import docket_of, name_of, name_of_sale

UNCLEAR = RetryLater(timedelta(seconds=5), "it is not clear whether the order was taken")


@dataclass(slots=True)
class Sheet(sheets.Sheet):
    """With whether the sale that its goods came back from is known."""

    original: bool = False

    def wait_for(self, what: str) -> Outcome:
        """Wait for what is missing; in the end the transaction is left alone."""
        return self.wait(what) or Skipped(f"no_{what}", self.remember)


def orders(account: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """One transaction -> an order, a refund, or both."""
    sheet = _open(account, works[0].last)
    return [(yield from _carry(sheet)) if isinstance(sheet, Sheet) else sheet]


def _open(account: Account, item: Item) -> Sheet | Outcome:
    """What is to be told of a transaction; its outcome at once where that is nothing, or not now."""
    lines = loyalty.counting(account, item)
    if isinstance(lines, Skipped):
        return lines
    name = name_of(item.record)
    sheet = Sheet(account, item, name, dict(item.known(name) or {}), *lines, original=_original_known(item))
    if not sheet.sold and not sheet.original:
        return sheet.wait_for("original") if _may_come(item.record) else Skipped("no_original")
    if sheet.corrected:
        return Skipped("correction")
    if all(part in sheet.sent for part in _parts(sheet)):
        return Unchanged()
    return loyalty.not_yet(account, sheet.name, sheet.ledger) or sheet


def _parts(sheet: Sheet) -> list[str]:
    """A return whose sale is not known only reduces what was sold with it."""
    return [*(["order"] if sheet.sold else []), *(["refund"] if sheet.back and sheet.original else [])]


def _original_known(item: Item) -> bool:
    original = item.record["original"]
    if original is None:
        return False
    own = item.known(name_of_sale(item)) or {}
    return bool(original["loyalty"] or own.get("sent") or own.get("begun"))


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
    return sheet.delivered()


# -- sales ------------------------------------------------------------------------------------------------------------


def _sell(sheet: Sheet) -> Plan[Outcome | None]:
    """The order, once. Where a request may have been carried out already, a change of it finds out."""
    buyer = yield from members.buyer(DESK, sheet.account, sheet.item)
    if not isinstance(buyer, Buyer):
        return buyer
    if not buyer.id:
        return sheet.wait_for("shopify_id" if members.by_shopify(sheet.account) else "person")
    if buyer.memory is not None:
        sheet.remember["profile"] = buyer.memory
    total, order = sheet.total(() if sheet.original else sheet.back), sheet.item.record
    sheet.ledger["total"] = str(total)
    sheet.remember[docket_of(order)] = order["tran_idx"]
    if sheet.ledger.get("begun"):
        answer = yield from ask(requests.change_order(order["tran_number"], {assumed.STATUS.name: assumed.PAID.name}))
        if answer.ok:
            sheet.taken("order", answer.status, "PATCH /v1/orders/{id}")
            return None
        if answer.status != 404:
            return judge(answer)
        if answer.body.strip() and not answer.json():  # a page for people is no word on the order
            return something_else("Clearer", "an order")
    yield from remember(sheet.name, {**sheet.ledger, "begun": sheet.account.now().isoformat()})
    answer = yield from ask(requests.create_order(_order(sheet, buyer, total)))
    if answer.ok:
        sheet.taken("order", answer.status, "POST /v1/orders")
        return None
    return UNCLEAR if answer.unclear or answer.status == 409 else judge(answer)


def _order(sheet: Sheet, buyer: Buyer, total: Decimal) -> Json:
    order, connection = sheet.item.record, sheet.account.connection
    values = {
        **order,
        "email": buyer.email,
        "currency": order["currency"] or connection.currency,
        "lines": [{**line, "price": loyalty.price(line)} for line in sheet.sold],
        "known": {"customer_id": buyer.id, "total": total},
    }
    return sheet.account.tables["clearer.order"].apply(values)


# -- returns ----------------------------------------------------------------------------------------------------------


def _give_back(sheet: Sheet) -> Plan[Outcome | None]:
    """Say what is left of the sale; said twice it changes nothing more."""
    original, amount = sheet.item.record["original"], -loyalty.worth(sheet.back)
    own = name_of_sale(sheet.item)
    sale = sheet.remember.get(own) or sheet.item.known(own) or {}
    if sale and "order" not in sale.get("sent", ()):
        return sheet.wait_for("original")
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
        return sheet.wait_for("original")
    if not answer.ok:
        return judge(answer)
    if sale:
        sheet.remember[own] = sale
    if left < 0:
        sheet.notes.append(f"more came back than was left of the sale: {-left}")
    sheet.taken("refund", answer.status, "PATCH /v1/orders/{id}")
    return None


def _left_elsewhere(sheet: Sheet, docket: str, amount: Decimal) -> Plan[Decimal | Outcome]:
    """What will be left of a sale that went under another address: asked once, and noted before it is said."""
    if "left" in sheet.ledger:
        return Decimal(sheet.ledger["left"])
    answer = yield from ask(requests.read_order(docket))
    if no_such_order(answer):
        return sheet.wait_for("original")
    if not answer.ok:
        return judge(answer)
    if not answer.json():
        return something_else("Clearer", "an order")
    total = _read_total(answer.json())
    if total is None:
        return Rejected("unreadable", "Clearer's answer does not say what the order comes to", answer.status)
    sheet.ledger["left"] = str(total - amount)
    yield from remember(sheet.name, sheet.ledger)
    return total - amount


def _read_total(body: Json) -> Decimal | None:
    """What an order comes to as it stands; None where the answer does not say."""
    order = under(body, assumed.IN_ORDER.name)
    if order.get(assumed.STATUS.name) == assumed.REFUNDED.name:
        return Decimal(0)
    try:
        return Decimal(str(order[assumed.TOTAL.name]))
    except (KeyError, InvalidOperation):
        return None


def _refund(sheet: Sheet, left: Decimal) -> Json:
    status = assumed.PARTLY_REFUNDED if left > 0 else assumed.REFUNDED
    known: dict[str, Json] = {"status": status.name, "left": left if left > 0 else None}
    values = {**sheet.item.record, "lines": sheet.back, "known": known}
    return sheet.account.tables["clearer.refund"].apply(values)
