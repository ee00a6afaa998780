"""Bring sales and returns to Yotpo: each sale once, under its docket, and each return against the docket of its sale.

Remembered under a sale (`order/TRAN_IDX`): `content`, `sent` (order, refund), `items` (SKU id -> the item id that was
sent), `due` (by the merchant's schedule), `begun` and `tries` (a request may have been carried out), `since` (when it
began to wait). The same under a return (`refund/TRAN_IDX/DOCKET`). `docket/TRAN_NUMBER` is the TRAN_IDX of a sale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from consumers import loyalty, members
from consumers.engine.outcome import Deferred, Outcome, Rejected, Skipped, Unchanged
from consumers.engine.sink import Account, Item, Work
from consumers.engine.wire import Json, Plan, remember
from consumers.members import Buyer
from consumers.policies import Record
from consumers.sheets import docket_of, name_of
from consumers.yotpo import requests
from consumers.yotpo.customers import DESK
from consumers.yotpo.once import Letter, Taken, send_once
from consumers.yotpo.refunds import give_back, take_points
from consumers.yotpo.sheet import Sheet, item_id, origin_of


def orders(account: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """Transactions -> an order, a refund, both, or an adjustment of points."""
    outcomes = []
    for work in works:
        sheet = _open(account, work.last)
        outcomes.append((yield from _carry(sheet)) if isinstance(sheet, Sheet) else sheet)
    return outcomes


def _open(account: Account, item: Item) -> Sheet | Outcome:
    """What is to be told of a transaction; its outcome at once where that is nothing, or not now."""
    lines = loyalty.counting(account, item)
    if isinstance(lines, Skipped):
        return lines
    name = name_of(item.record)
    sheet = Sheet(account, item, name, dict(item.known(name) or {}), *lines, origin=origin_of(item))
    if sheet.corrected:
        return Skipped("correction")
    if sheet.sent and not sheet.due:
        return Unchanged()
    no_points = sheet.origin == "none" and not account.settings.negative_points
    if not sheet.sold and (sheet.origin == "never" or no_points):
        return Skipped("no_original")
    return loyalty.not_yet(account, sheet.name, sheet.ledger) or sheet


def _carry(sheet: Sheet) -> Plan[Outcome]:
    trouble = None
    for part in sheet.due:
        if sheet.sent:
            yield from remember(sheet.name, sheet.ledger)  # whatever comes of the rest, this much has been taken
        step = {"order": _sell, "refund": give_back, "points": take_points}[part]
        trouble = yield from step(sheet)
        if trouble is not None:
            break
    if isinstance(trouble, Rejected):
        return replace(trouble, remember={**sheet.remember, sheet.name: sheet.cleared() or None})
    if trouble is not None:
        return trouble
    return sheet.delivered()


def _sell(sheet: Sheet) -> Plan[Outcome | None]:
    """The order, once, for a customer whom Yotpo knows."""
    order = sheet.item.record
    buyer = yield from members.buyer(DESK, sheet.account, sheet.item)
    if not isinstance(buyer, Buyer):
        return buyer
    if buyer.memory is not None:
        sheet.remember["profile"] = buyer.memory
    letter = Letter(requests.create_order(_order(sheet, buyer)), buyer.email, order["tran_number"])
    taken = yield from send_once(sheet.account, sheet.name, sheet.ledger, letter)
    if not isinstance(taken, Taken):
        return replace(taken, remember={**sheet.remember, **taken.remember}) if isinstance(taken, Deferred) else taken
    if taken.found:
        sheet.notes.append("an earlier sending had arrived")
    if taken.again:
        sheet.doubt = f"{order['tran_number']} was sent again after an unclear end: look for it twice in Yotpo"
    sheet.ledger["items"] = {line["skuidx"]: item_id(line) for line in sheet.sold if line["skuidx"] and line["barcode"]}
    sheet.remember[docket_of(order)] = order["tran_idx"]
    sheet.taken("order", taken.status, "POST /orders")
    return None


def _order(sheet: Sheet, buyer: Buyer) -> Json:
    order, connection = sheet.item.record, sheet.account.connection
    store = order["store_number"] or order["store_code"]
    known: dict[str, Json] = {
        "customer_id": buyer.id,
        "total": sheet.total(() if sheet.origin == "known" else sheet.back),
        "discount": sum((abs(line["line_discount"] or Decimal(0)) for line in sheet.sold), Decimal(0)),
        "tags": f"pos,store-{store}" if store else "pos",
    }
    values = {
        **order,
        "email": buyer.email,
        "currency": order["currency"] or connection.currency,
        "lines": [_priced(line) for line in sheet.sold if line["line_value"] >= 0],
        "known": known,
    }
    return sheet.account.tables["yotpo.order"].apply(values)


def _priced(line: Record) -> Json:
    """A line with what one piece cost; what lowers the whole sale is no item, but in the total."""
    return {**line, "item": item_id(line), "price": loyalty.price(line)}
