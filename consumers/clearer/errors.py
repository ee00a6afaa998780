"""What Clearer's refusals mean: a table from status to outcome."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from consumers.clearer import assumed
from consumers.engine.outcome import Misconfigured, Rejected, RetryLater
from consumers.engine.wire import Response

Meaning = Literal["misconfigured", "later", "invalid", "duplicate", "too_large", "not_found"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table: answers with this status (and message, where one is named) mean this."""

    status: int
    meaning: Meaning
    told: str
    message: str = ""


TABLE = (
    Rule(0, "later", "no answer"),
    Rule(400, "invalid", "refused as invalid"),
    Rule(401, "misconfigured", "Clearer does not know this API key"),
    Rule(402, "misconfigured", "the account's plan has no Platform API"),
    Rule(403, "misconfigured", "the API key may not do this, or the account's plan has no Platform API"),
    Rule(404, "not_found", "Clearer does not know this customer", message=assumed.NO_CUSTOMER.name),
    Rule(404, "not_found", "Clearer does not know this order", message=assumed.NO_ORDER.name),
    Rule(404, "misconfigured", "Clearer has nothing at this address: look at url"),
    Rule(405, "misconfigured", "Clearer does not take this method here"),
    Rule(408, "later", "timed out"),
    Rule(409, "duplicate", "Clearer has it already"),
    Rule(413, "too_large", "larger than Clearer takes"),
    Rule(415, "misconfigured", "Clearer does not take this content type"),
    Rule(422, "invalid", "refused as invalid"),
    Rule(423, "later", "locked"),
    Rule(429, "later", "over the limit"),
)
"""The first line that fits decides. Of this API only the messages of 404 are documented; 400 and 422 are both met in
APIs of its kind, and the rest is plain HTTP (RFC 9110)."""

LATER = timedelta(seconds=30)


def judge(response: Response) -> Misconfigured | Rejected | RetryLater:
    """What an answer that is no yes means. Its own text is not repeated: it may name a person."""
    rule = _rule(response.status, message(response))
    match rule.meaning:
        case "later":
            return RetryLater(LATER, f"{rule.told} ({response.status})")
        case "misconfigured":
            return Misconfigured(f"{rule.told} ({response.status})")
        case meaning:
            return Rejected(meaning, rule.told, response.status)


def message(response: Response) -> str:
    """The text of a refusal, "" for none."""
    body = response.json()
    return str(body.get(assumed.MESSAGE.name) or "") if isinstance(body, dict) else ""


def no_such_order(response: Response) -> bool:
    """Does the answer say that there is no such order?"""
    return response.status == 404 and assumed.NO_ORDER.name.casefold() in message(response).casefold()


def unclear(response: Response) -> bool:
    """May it have been carried out, or not?"""
    return response.status == 0 or response.status >= 500


def _rule(status: int, said: str) -> Rule:
    for rule in TABLE:
        if rule.status == status and rule.message.casefold() in said.casefold():
            return rule
    if 400 <= status < 500:
        return Rule(status, "invalid", "refused")
    return Rule(status, "later", "not in order")
