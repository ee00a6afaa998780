"""Bring sales and refunds to Klaviyo as events, once each, and remember what they add up to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal

from consumers import policies
from consumers.engine.outcome import Delivered, Emit, Later, Outcome, Rejected, Skipped, Unchanged
from consumers.engine.sink import Account, Item, Work, body_hash
from consumers.engine.wire import Json, Plan
from consumers.klaviyo import consent, imports, totals
from consumers.klaviyo.cases import Case, recall
from consumers.klaviyo.cases import sheet as case_sheet
from consumers.klaviyo.events import FEW, Parcel, send
from consumers.klaviyo.shapes import views

EventKind = Literal["order", "refund"]
Lines = Sequence[Mapping[str, Any]]


@dataclass(slots=True, eq=False)
class Sheet(Parcel):
    """One transaction on its way: where it goes, its events by kind, what it adds, and what came of it."""

    moved: bool = False
    more: totals.Total = field(default_factory=totals.Total)


def orders(account: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """Transactions -> events, one by one where there are few, else in bulk."""
    sheets = [_open(account, work.last) for work in works]
    yield from send([sheet for sheet in sheets if sheet.outcome is None], many=len(works) > FEW)
    return [_conclude(account, sheet) for sheet in sheets]


def _open(account: Account, item: Item) -> Sheet:
    """What is to be sent of a transaction; its outcome at once where nothing is."""
    order, sheet = item.record, Sheet(item)
    policy = policies.origin(order, (policies.FILE,)) or policies.sale(
        order, account.connection, account.settings.sale_types
    )
    policy = policy or policies.no_email(item.key)
    if policy:
        sheet.outcome = Skipped(policy)
        return sheet
    sheet.email, sheet.moved = _address(item)
    lines = _lines_to_send(item, split(order["lines"]))
    if not lines:
        sheet.outcome = _nothing(item)
        return sheet
    name = _name(item)
    sheet.bodies = {kind: body(account, order, kind, some, sheet.email, name) for kind, some in lines.items()}
    sheet.more = _adds(account, order, lines)
    return sheet


def _adds(account: Account, order: Mapping[str, Any], lines: Mapping[EventKind, Lines]) -> totals.Total:
    all_ = [line for some in lines.values() for line in some]
    return totals.of_order(order, all_, account.connection.gift_card_styles, _zone(account, order))


def _zone(account: Account, order: Mapping[str, Any]) -> str:
    return order["zone"] or str(account.connection.timezone)


def _address(item: Item) -> tuple[str, bool]:
    """Where the buyer is known now, and whether that is another address than the key's."""
    here = policies.address(item.key)
    memory = recall(item)
    gone_to = memory.get("moved", {}).get(item.record["person_id"])
    return (str(gone_to), True) if gone_to else (here, False)


def split(lines: Lines) -> dict[EventKind, Lines]:
    """What was sold and what came back; where nothing was sold, all of it came back."""
    if not any(totals.sold(line) for line in lines):
        return {"refund": lines} if lines else {}
    back = [line for line in lines if policies.came_back(line)]
    sold = [line for line in lines if not policies.came_back(line)]
    found: dict[EventKind, Lines] = {"order": sold, "refund": back}
    return {kind: some for kind, some in found.items() if some}


def _memory(item: Item) -> dict[str, Json]:
    return dict(item.known(f"order/{item.object}") or {})


def _content(item: Item) -> str:
    return item.content or body_hash(
        {name: str(value) for name, value in item.record.items() if name not in ("file", "line", "sha256", "file_time")}
    )


def _name(item: Item) -> str:
    """What its events go by: the transaction; with the docket as well where it gave back goods of several sales, as a
    refunds file tells it. The first of them keeps the short name; what does not say where it was sold may be any."""
    order = item.record
    told, sold_in = _memory(item).get("returns", {}), _sold_in(order)
    other = order["kind"] == "refund" and told and "" not in {sold_in, *told} and sold_in not in told
    return f"{order['tran_idx']}-{sold_in}" if other else str(order["tran_idx"])


def _sold_in(order: Mapping[str, Any]) -> str:
    original = order["original"] or {}
    return original.get("tran_number") or original.get("tran_idx") or ""


def _is_known(item: Item) -> bool:
    known = _memory(item)
    return _content(item) in (known.get("content"), *known.get("returns", {}).values())


def _lines_to_send(item: Item, lines: dict[EventKind, Lines]) -> dict[EventKind, Lines]:
    """Of a known transaction: the events not sent yet, if it is the same again, or one of the two files that tell of an
    exchange comes after the other."""
    known = _memory(item)
    if not known or _name(item) != item.record["tran_idx"]:
        return lines
    sent = known.get("sent", ())
    if not _is_known(item) and item.record["kind"] != "refund" and "order" in sent:
        return {}
    return {kind: some for kind, some in lines.items() if kind not in sent}


def _nothing(item: Item) -> Outcome:
    """A till's correction cannot be sent: an event cannot be changed, and a second one would count twice."""
    if not _memory(item):
        return Skipped("no_lines")
    return Unchanged() if _is_known(item) else Skipped("correction")


def body(account: Account, order: Mapping[str, Any], kind: EventKind, lines: Lines, email: str, name: str) -> Json:
    """One event, as its table makes it."""
    settings, connection = account.settings, account.connection
    old = order["bulk"] or account.now() - order["sale_datetime"] > settings.backfill_after
    known: dict[str, Json] = {
        "metric": getattr(settings.metrics, kind),
        "unique_id": f"ap21-{connection.name}-{name}",
        "original": _original(order, lines),
        "reason": ", ".join(dict.fromkeys(line["return_reason"] for line in lines if line["return_reason"])),
    }
    if old:
        known["backfill"] = True
    currency = order["currency"] or connection.currency
    values = {
        **order,
        "lines": lines,
        "email": email,
        "currency": currency,
        "zone": _zone(account, order),
        "known": known,
    }
    made: Json = account.tables[f"klaviyo.{kind}"].apply(values)
    return made


def _original(order: Mapping[str, Any], lines: Lines) -> str:
    known = (order["original"] or {}).get("tran_number") or ""
    return known or next((line["orig_tran_number"] for line in lines if line["orig_tran_number"]), "")


def _conclude(account: Account, sheet: Sheet) -> Outcome:
    if not sheet.sent:
        return sheet.outcome or Unchanged()
    item = sheet.item
    remember: dict[str, Json] = {f"order/{item.object}": _remembered(item, sheet.sent)}
    if isinstance(sheet.outcome, Rejected):
        refused = sheet.outcome
        return Rejected(refused.reason, refused.message, refused.status, refused.request_id, remember)
    if sheet.outcome is not None:
        return sheet.outcome
    if sheet.moved:
        news = {"person": item.record["person_id"], "totals": {item.record["person_id"]: totals.dump(sheet.more)}}
        emit = Emit("customers", f"{item.connection}/{sheet.email}", news, part="moved")
        return Delivered(
            remember, (emit,), status=sheet.status, call=sheet.call, note="sent to the buyer's new address"
        )
    remember["profile"] = _profile(account, item, sheet.more)
    later = (Later("customers", "totals", timedelta(0)),) if sheet.more != totals.Total() else ()
    return Delivered(remember, later=later, status=sheet.status, call=sheet.call)


def _remembered(item: Item, sent: Sequence[str]) -> dict[str, Json]:
    """The transaction with the events that went out; of returns which sales they belong to as well."""
    known, content = _memory(item), _content(item)
    told: dict[str, Json] = {"content": content}
    if item.record["kind"] == "refund":
        told = {"returns": {**known.get("returns", {}), _sold_in(item.record): content}}
    return {**known, **told, "sent": sorted({*known.get("sent", ()), *sent})}


def _profile(account: Account, item: Item, more: totals.Total) -> dict[str, Json]:
    """The buyer's memory with this transaction. An event makes the profile: it is still new when its row comes."""
    memory = recall(item)
    if not memory.get("met") and not memory.get("made"):
        memory["made"] = consent.stamp(account.now())
    return {**memory, "totals": totals.added(memory.get("totals", {}), item.record["person_id"], more)}


def sums(account: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """What the orders of each address add up to, as profile properties."""
    cases = [_sum(account, work.last) for work in works]
    yield from imports.write([case for case in cases if case.outcome is None])
    return [_summed(case) for case in cases]


def _sum(account: Account, item: Item) -> Case:
    case = case_sheet(account, item, recall(item))
    case.job = item.job
    values = {"email": case.email, "state": totals.computed(case.memory.get("totals", {}))}
    case.sum = views(account.tables["klaviyo.profile"]).totals.apply(values)
    if not case.email or "totals" not in case.memory or case.memory.get("totals_body") == body_hash(case.sum):
        case.fail(Unchanged())
    return case


def _summed(case: Case) -> Outcome:
    if case.outcome is not None:
        return case.outcome
    return Delivered({"profile": case.remembered()}, status=case.status, call=case.calls[-1])
