"""Ask Shopify to erase a customer, at an operator's order."""

from __future__ import annotations

from collections.abc import Sequence

from consumers import policies
from consumers.engine.outcome import Delivered, Misconfigured, Outcome, Rejected
from consumers.engine.sink import Account, Work
from consumers.engine.wire import Plan, Response, under
from consumers.shopify import requests
from consumers.shopify.errors import code, complaints, payload, trouble
from consumers.shopify.found import found
from consumers.shopify.speak import speak

BY_HAND = "or, in Shopify's admin, on the customer's page: More actions, Erase personal data"


def erasures(account: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """The customer with the address of the key; under a key without one nobody was ever brought to the shop.

    Shopify takes the order and erases later, by rules of its own: after ten days, and not before the last sale is six
    months old (help.shopify.com, "Processing customer data requests").
    """
    email = policies.address(works[0].last.key)
    return [(yield from _erase(account, email)) if email else Delivered(note="erased here")]


def _erase(account: Account, email: str) -> Plan[Outcome]:
    looked = yield from speak(account, requests.look_up("emailAddress", email))
    if (refusal := trouble(looked)) is not None:
        return refusal
    customer = found(payload(looked))
    if customer is None:
        return Delivered(status=looked.status, call="customerByIdentifier", note="erased here; the shop has nobody so")
    return _told((yield from speak(account, requests.erase(customer.gid))))


def _told(answer: Response) -> Outcome:
    """A key that may not erase must not stop what it may do: the order is kept as a dead letter until it may."""
    outcome = trouble(answer)
    if isinstance(outcome, Misconfigured) and code(under(answer.json()).get("errors")) == "ACCESS_DENIED":
        told = f"the app needs the scope {requests.ERASES}. Give it, and redrive this letter; {BY_HAND}"
        return Rejected("erase", told, answer.status)
    if outcome is not None:
        return outcome
    against = [one for one in complaints(answer) if one.meaning != "nobody"]
    if against:
        return Rejected("erase", f"{against[0].told}. It may be ordered already: look, {BY_HAND[4:]}", answer.status)
    note = "erased here; Shopify erases the customer"
    return Delivered(status=answer.status, call="customerRequestDataErasure", note=note)
