"""Turn redeemed points into a gift voucher, once: Apparel21 makes it of an order, and mails number and PIN itself.

The order number is made from the redemption, and Apparel21 takes each number once. So neither a lost answer nor a crash
nor a second webhook makes a second voucher. We never ask for the voucher, and so never see its PIN.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from consumers import policies
from consumers.apparel21.errors import CREATED, answered, judge, rule
from consumers.apparel21.people import LONGEST_WAIT, api, country, find, total, unseen, wait
from consumers.apparel21.person import identity
from consumers.apparel21.requests import PAGE
from consumers.apparel21.settings import Voucher
from consumers.apparel21.shapes import PERSON_FIELDS
from consumers.apparel21.xml import Element, children, grow, read
from consumers.engine.outcome import (
    Deferred,
    Delivered,
    Emit,
    Misconfigured,
    Outcome,
    Refusal,
    Rejected,
    RetryLater,
    Skipped,
    Unchanged,
)
from consumers.engine.sink import Account, Item, Work
from consumers.engine.wire import Plan, ask, remember
from consumers.refusals import something_else
from schemas.definitions import blank

LONGEST_NUMBER = 30
NOT_THERE, THERE = False, True
_PLAIN = re.compile(r"[A-Za-z0-9-]+")
_KEPT = ("email", "person_id", "customer_id", "shopify_id", "redemption_id", "redeemed_at", "option_id", "option_name",
         "option_type", "option_value", "points", "zone", "connection", "origin", "sha256")  # fmt: skip
"""What the event that gives points back says as the redemption did."""


def redemptions(account: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """One redemption -> one voucher; or its points are given back, once, when that can never be."""
    return [(yield from _redemption(account, works[0].last))]


def _redemption(account: Account, item: Item) -> Plan[Outcome]:
    policy = _policy(account, item)
    if policy:
        return Skipped(policy)
    before = item.known(memory_of(item)) or {}
    if before.get("given_back"):
        return Skipped("points_given_back")
    if before.get("order"):
        return Unchanged()
    outcome = yield from _issue(account, item)
    if isinstance(outcome, RetryLater):
        later = wait(account, item, waiting_of(item), "refused", outcome.reason)
        return later or _final(account, item, Rejected("exhausted", outcome.reason))
    return _final(account, item, outcome) if isinstance(outcome, Rejected) else outcome


def memory_of(item: Item) -> str:
    """Under which name a redemption is remembered."""
    return f"redemption/{item.record['origin']}/{item.record['redemption_id']}"


def waiting_of(item: Item) -> str:
    """Under which name its waiting is remembered."""
    return f"unseen/{memory_of(item)}"


def _policy(account: Account, item: Item) -> policies.Policy:
    record = item.record
    if record["kind"] != "redemption":
        return "not_a_redemption"
    if policy := policies.origin(record, policies.LOYALTY):
        return policy
    voucher: Voucher | None = account.settings.voucher
    if voucher is None:
        return "no_voucher"
    if record["approved"] is False:
        return "not_approved"
    named = {record["option_name"], record["option_id"]} & voucher.amounts.keys()
    return None if named or _custom(record["option_type"]) else "not_a_custom_reward"


def _custom(kind: str) -> bool:
    """Yotpo's Custom Reward takes points and makes no code of the online shop; its spelling on the wire is not told.

    >>> _custom("Custom Reward"), _custom("custom"), _custom("fixed_amount")
    (True, True, False)
    """
    return re.sub("[^a-z]", "", kind.lower()) in ("custom", "customreward")


def amount_of(record: Mapping[str, Any], voucher: Voucher) -> Decimal | None:
    """What the voucher is worth: as the platform says, else by the merchant's table; None where nobody says."""
    said: Decimal | None = record["option_value"]
    if said is not None and said > 0:
        return said
    return voucher.amounts.get(record["option_name"]) or voucher.amounts.get(record["option_id"])


def order_number(record: Mapping[str, Any]) -> str:
    """The order's number: the same for the same redemption, another for any other.

    >>> order_number({"origin": "yotpo", "connection": "au", "redemption_id": "8841"})
    'yotpo-au-8841'
    >>> len(order_number({"origin": "clearer", "connection": "au", "redemption_id": "0f0c1d1e-3a52-4c5b-9d1a"}))
    30
    """
    plain = f"{record['origin']}-{record['connection']}-{record['redemption_id']}"
    if len(plain) <= LONGEST_NUMBER and _PLAIN.fullmatch(plain):
        return plain
    mark = f"{record['origin']}-"
    return mark + hashlib.blake2b(plain.encode(), digest_size=16).hexdigest()[: LONGEST_NUMBER - len(mark)]


# -- the order ------------------------------------------------------------------------------------------------------


def _issue(account: Account, item: Item) -> Plan[Outcome]:
    if not item.record["redemption_id"]:
        return Rejected("no_id", "the redemption has no id, so nobody could tell it from another")
    earlier = yield from _earlier_try(account, item)
    if earlier is not None:
        return earlier
    amount = amount_of(item.record, account.settings.voucher)
    if amount is None:
        return Rejected(
            "no_amount", "the redemption has no value in money, and voucher.amounts does not name its option"
        )
    person = yield from find(account, item)
    if person is None:
        return unseen(account, item, waiting_of(item))
    if not isinstance(person, Element):
        return person
    return (yield from _order(account, item, person, amount))


def _order(account: Account, item: Item, person: Element, amount: Decimal) -> Plan[Outcome]:
    """That it is about to go is noted first, so that whoever takes over from a worker that was killed looks for it."""
    body = voucher_order(account, item.record, person, amount)
    yield from remember(memory_of(item), {"unclear": identity(person)})
    answer = yield from ask(api(account).create_order(identity(person), body))
    if answer.status == CREATED:
        return _delivered(item, answer.status)
    if rule(answer).meaning == "done":
        return _delivered(item, answer.status, "Apparel21 had the order already")
    refusal = judge(answer)
    if isinstance(refusal, Misconfigured):
        return refusal
    there = yield from _is_there(account, identity(person), order_number(item.record))
    if there is THERE:
        return _delivered(item, answer.status, "Apparel21 had the order already")
    if there is NOT_THERE and isinstance(refusal, Rejected):
        return refusal
    return there if isinstance(there, Misconfigured) else _unknown(account, item)


def _earlier_try(account: Account, item: Item) -> Plan[Outcome | None]:
    """A try whose end nobody knows is cleared up before anything else is asked: what Apparel21 was still at when we
    looked shows by now. When patience is over, nothing is tried again."""
    person = (item.known(memory_of(item)) or {}).get("unclear")
    if not person:
        return None
    there = yield from _is_there(account, person, order_number(item.record))
    if there is THERE:
        return _delivered(item, 200, "Apparel21 had the order already")
    if there is NOT_THERE:
        more = wait(account, item, waiting_of(item), "unclear")
        return None if more else Rejected("exhausted", "Apparel21 never said what became of the order; it has none")
    return there if isinstance(there, Misconfigured) else _unknown(account, item)


def _unknown(account: Account, item: Item) -> Deferred:
    """Nobody knows whether there is a voucher: the points stay taken until somebody does, however long that takes."""
    return wait(account, item, waiting_of(item), "unclear") or Deferred("unclear", account.now() + LONGEST_WAIT)


def voucher_order(account: Account, record: Mapping[str, Any], person: Element, amount: Decimal) -> Element:
    """The order as the table makes it of the redemption, the person and the settings."""
    there = {name: read(person, path) for name, path in PERSON_FIELDS.items()}
    there["name"] = " ".join(filter(None, (there["firstname"], there["surname"])))
    settings: Voucher = account.settings.voucher
    known = {
        **settings.model_dump(exclude={"amounts"}),
        "amount": amount,
        "order_number": order_number(record),
        "country": country(account),
    }
    return grow("Order", account.tables["apparel21.voucher"].apply({**record, "known": known, "person": there}))


def _is_there(account: Account, person: str, number: str) -> Plan[bool | Refusal]:
    """Has the person an order with this number? Page by page, to the last."""
    start, before = 1, b""
    while True:
        answer = yield from ask(api(account).orders(person, start))
        if not answer.ok:
            return NOT_THERE if rule(answer).meaning == "nobody" else judge(answer)
        root = answered(answer)
        numbers = [read(order, "OrderNumber") for order in children(root, "Order")]
        if root is None or not (numbers or root.tag.lower() == "orders"):
            return something_else("Apparel21", "orders")
        if number in numbers:
            return THERE
        start, rows = start + len(numbers), total(answer)
        if answer.body == before or (start > rows if rows else len(numbers) < PAGE):
            return NOT_THERE
        before = answer.body


def _delivered(item: Item, status: int, note: str = "") -> Delivered:
    known = {memory_of(item): {"order": order_number(item.record)}, waiting_of(item): None}
    return Delivered(known, status=status, call="POST /Persons/Orders", note=note)


# -- when it can never be -------------------------------------------------------------------------------------------


def _final(account: Account, item: Item, why: Rejected) -> Rejected:
    """Told as a dead letter, and the points go back; sent again later it must not become a voucher as well."""
    if not item.record["redemption_id"]:
        return why
    emit = Emit("rewards", item.key, points_back(account, item.record, why))
    return replace(why, remember={memory_of(item): {"given_back": True}, waiting_of(item): None}, emits=(emit,))


def points_back(account: Account, record: Mapping[str, Any], why: Rejected) -> dict[str, Any]:
    """The event that asks the loyalty platform to give the points of a redemption back."""
    same = {name: record[name] for name in _KEPT}
    told = {"kind": "points_back", "reason": f"{why.reason}: {why.message}"[:200], "source_time": account.now()}
    return {**blank("rewards"), **same, **told}
