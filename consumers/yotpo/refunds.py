"""Goods came back: a refund against the docket they were bought on, else, where the merchant wants it, points less."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from consumers import loyalty, members, policies
from consumers.engine.outcome import Outcome
from consumers.engine.wire import Json, Plan, ask
from consumers.yotpo import requests
from consumers.yotpo.errors import judge, unknown_order
from consumers.yotpo.points import adjust
from consumers.yotpo.sheet import Sheet, item_id, sale_ledger


def give_back(sheet: Sheet) -> Plan[Outcome | None]:
    """The refund, after its order."""
    sale = sale_ledger(sheet.item)
    if sheet.origin == "unknown":
        return sheet.wait("original") or (yield from _given_up(sheet))
    if sale and "order" not in sale.get("sent", ()):
        return sheet.wait("original") or sheet.no_original()
    answer = yield from ask(requests.create_refund(_refund(sheet, sale)))
    if answer.ok:
        sheet.taken("refund", answer.status, "POST /refunds")
        return None
    if unknown_order(answer) and (waits := sheet.wait("original")):
        return waits  # the order may be under way, or in the lane of another address
    return judge(answer)


def _given_up(sheet: Sheet) -> Plan[Outcome | None]:
    """The sale never came: as if none were named."""
    if not sheet.account.settings.negative_points:
        return sheet.no_original()
    return (yield from take_points(sheet))


def _refund(sheet: Sheet, sale: Json) -> Json:
    order, connection = sheet.item.record, sheet.account.connection
    known: dict[str, Json] = {
        "id": f"ap21-{connection.name}-{_once_each(sheet)}",
        "order_id": order["original"]["tran_number"],
        "total": -loyalty.worth(sheet.back),
    }
    sent: dict[str, str] = sale.get("items", {})
    lines = [{**line, "item": sent.get(line["skuidx"]) or item_id(line)} for line in sheet.back]
    currency = order["currency"] or connection.currency
    values = {**order, "lines": lines, "currency": currency, "known": known}
    return sheet.account.tables["yotpo.refund"].apply(values)


def _once_each(sheet: Sheet) -> str:
    """The transaction; with the docket as well where it gave back goods of several sales, as a refunds file tells it.
    The first of them keeps the short name."""
    order = sheet.item.record
    tran_idx, docket = order["tran_idx"], order["original"]["tran_number"]
    first = sheet.item.known(f"refunded/{tran_idx}")
    if first in (None, docket):
        sheet.remember[f"refunded/{tran_idx}"] = docket
        return str(tran_idx)
    return f"{tran_idx}-{docket}"


def take_points(sheet: Sheet) -> Plan[Outcome | None]:
    """Points less for a return whose sale nobody knows: as many as its amount would earn."""
    order, settings = sheet.item.record, sheet.account.settings
    points = int(-loyalty.worth(sheet.back) * Decimal(str(settings.points_per_unit)))
    if points <= 0:
        return sheet.no_original()
    known: dict[str, Any] = {"points": -points, "lifetime": True, "title": f"Return {order['tran_number']}"}
    moved = members.recall(sheet.item).get("moved", {}).get(order["person_id"])
    email = moved["to"] if moved else policies.address(sheet.item.key)
    taken = yield from adjust(sheet.account, sheet.name, sheet.ledger, {"email": email, "known": known})
    if isinstance(taken, int):
        sheet.taken("points", taken, "POST /points/adjust")
        return None
    return taken
