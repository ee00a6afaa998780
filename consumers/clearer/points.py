"""Give points back for a redemption that led to nothing: once, as far as the balance can tell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from consumers import members
from consumers.clearer import assumed, requests
from consumers.clearer.errors import judge
from consumers.engine.outcome import Delivered, Outcome, Rejected, RetryLater, Skipped, Unchanged
from consumers.engine.sink import Account, Item, Work
from consumers.engine.wire import Json, Plan, Response, ask, remember, under
from consumers.refusals import something_else, unclear

UNCLEAR = RetryLater(timedelta(seconds=5), "it is not clear whether the points were given")


def points_back(account: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """One record of the kind points_back that concerns Clearer -> points."""
    return [(yield from _one(account, works[0].last))]


def _one(account: Account, item: Item) -> Plan[Outcome]:
    record, name = item.record, f"back/{item.record['redemption_id']}"
    if record["kind"] != "points_back" or record["origin"] != "clearer":
        return Skipped("origin")
    ledger: Json = item.known(name) or {}
    if "given" in ledger:
        return Unchanged()
    identity, points = _identity(account, item), record["points"]
    if not identity or not points:
        return Rejected("invalid", "it does not say whose points, or how many")
    answer = yield from ask(requests.read_customer(identity))
    if not answer.ok:
        return judge(answer)
    if not answer.json():
        return something_else("Clearer", "a customer")
    balance = _balance(answer)
    if "begun" in ledger and (balance is None or balance != ledger["begun"]):
        return _after_all(name, points, ledger["begun"], balance)
    yield from remember(name, {"begun": balance})
    answer = yield from ask(requests.award(identity, points, record["reason"] or "redemption failed"))
    if unclear(answer):
        return UNCLEAR
    if not answer.ok:
        yield from remember(name, None)  # a clear no: whatever changes the balance from here on is not ours
        return judge(answer)
    return Delivered({name: {"given": points}}, status=answer.status, call="POST /v1/customers/{id}/points")


def _after_all(name: str, points: int, before: int | None, balance: int | None) -> Outcome:
    """The balance is another than before the request whose answer nobody heard, or Clearer does not say it."""
    if before is not None and balance == before + points:
        return Delivered({name: {"given": points}}, note="the balance shows that they were given")
    told = "the balance does not tell; look at the customer, and give the points by hand where they are missing"
    return Rejected("unclear", told)


def _identity(account: Account, item: Item) -> str:
    record = item.record
    said = record["shopify_id"] if members.by_shopify(account) else record["person_id"]
    return members.identity(account, members.recall(item)) or str(said)


def _balance(answer: Response) -> int | None:
    found = under(answer.json(), assumed.IN_CUSTOMER.name).get(assumed.BALANCE.name)
    return found if isinstance(found, int) else None
