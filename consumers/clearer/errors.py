"""What Clearer's refusals mean: a table from status to outcome."""

from __future__ import annotations

from consumers.clearer import assumed
from consumers.engine.outcome import Refusal
from consumers.engine.wire import Response, under
from consumers.refusals import Rule, outcome, rule

NO_CUSTOMER, NO_ORDER = assumed.NO_CUSTOMER.name.casefold(), assumed.NO_ORDER.name.casefold()
TABLE = (
    Rule(400, "invalid", "refused as invalid"),
    Rule(401, "credentials", "Clearer does not know this API key"),
    Rule(402, "account", "the account's plan has no Platform API"),
    Rule(403, "permission", "the API key may not do this, or the account's plan has no Platform API"),
    Rule(404, "not_found", "Clearer does not know this customer", word=NO_CUSTOMER),
    Rule(404, "not_found", "Clearer does not know this order", word=NO_ORDER),
    Rule(404, "setting", "Clearer has nothing at this address: look at url"),
    Rule(405, "setting", "Clearer does not take this method here"),
    Rule(409, "duplicate", "Clearer has it already"),
    Rule(413, "too_large", "larger than Clearer takes"),
    Rule(415, "version", "Clearer does not take this content type"),
    Rule(422, "invalid", "refused as invalid"),
    Rule(423, "later", "locked"),
)
"""The first line that fits decides. Of this API only the messages of 404 are documented; 400 and 422 are both met in
APIs of its kind, and the rest is plain HTTP (RFC 9110)."""


def judge(response: Response) -> Refusal:
    """What an answer that is no yes means."""
    return outcome(rule(TABLE, response.status, _said(response)), response.status)


def _said(response: Response) -> str:
    """The text of a refusal in small letters, "" for none."""
    return str(under(response.json()).get(assumed.MESSAGE.name) or "").casefold()


def no_such_order(response: Response) -> bool:
    """Does the answer say that there is no such order?"""
    return response.status == 404 and NO_ORDER in _said(response)
