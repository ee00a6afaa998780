"""Ask Klaviyo to delete a profile for good, at an operator's order."""

from __future__ import annotations

from collections.abc import Sequence

from consumers import policies
from consumers.engine.outcome import Delivered, Misconfigured, Outcome, Rejected
from consumers.engine.sink import Account, Work
from consumers.engine.wire import Json, Plan, Request, Response, ask_all
from consumers.klaviyo.errors import judge

PATH = "/api/data-privacy-deletion-jobs"


def erasures(_: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """One deletion for each address; a key without one is unknown to Klaviyo.

    Klaviyo answers 202 and tells no more: there is no job to ask after. (Its OpenAPI document, "Request Profile
    Deletion": exactly one identifier; every profile that matches it is deleted.)
    """
    addresses = [policies.address(work.last.key) for work in works]
    answers = iter((yield from ask_all([deletion(address) for address in addresses if address])))
    outcomes: list[Outcome] = []
    for address in addresses:
        if not address:
            outcomes.append(Delivered(note="erased here"))
            continue
        answer = next(answers)
        done = Delivered(status=answer.status, call=f"POST {PATH}", note="erased here; Klaviyo deletes the profile")
        outcomes.append(done if answer.ok else _refused(answer))
    return outcomes


def deletion(address: str) -> Request:
    """The request that deletes whoever has this address."""
    profile: Json = {"data": {"type": "profile", "attributes": {"email": address}}}
    body = {"data": {"type": "data-privacy-deletion-job", "attributes": {"profile": profile}}}
    return Request("POST", PATH, "erase", body)


def _refused(answer: Response) -> Outcome:
    """A key that may not delete must not stop what it may do: the order is kept as a dead letter until it may. Behind a
    key that is wrong altogether it waits, as everything does."""
    outcome = judge(answer)
    if answer.status == 403 and isinstance(outcome, Misconfigured):
        return Rejected("erase", f"{outcome.reason}; it needs data-privacy:write. Then redrive this letter")
    return outcome
