"""Ask Yotpo to delete and anonymise a customer, at an operator's order."""

from __future__ import annotations

from collections.abc import Sequence

from consumers import policies
from consumers.engine.outcome import Delivered, Misconfigured, Outcome, Rejected
from consumers.engine.sink import Account, Work
from consumers.engine.wire import Plan, Response, ask
from consumers.yotpo import requests
from consumers.yotpo.errors import judge, message

BY_HAND = "file a privacy request for the address with Yotpo"


def erasures(_: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """The customer with the address of the key; under a key without one nobody was ever told to Yotpo."""
    email = policies.address(works[0].last.key)
    if not email:
        return [Delivered(note="erased here")]
    answer = yield from ask(requests.erase(email))
    return [_told(answer)]


def _told(answer: Response) -> Outcome:
    """A refusal concerns this call alone, unless it is the pair of keys that is wrong: what an account may not delete
    must not stop what it may do."""
    if answer.ok:
        note = "erased here; Yotpo deletes and anonymises the customer"
        return Delivered(status=answer.status, call="DELETE /privacy/data", note=note)
    if answer.status == 404 and "customer" in message(answer).casefold():
        return Delivered(status=answer.status, call="DELETE /privacy/data", note="erased here; Yotpo knows nobody so")
    outcome = judge(answer)
    if isinstance(outcome, Rejected) or (isinstance(outcome, Misconfigured) and answer.status != 401):
        return Rejected("erase", f"Yotpo does not erase ({answer.status}): {BY_HAND}", answer.status)
    return outcome
