"""What Yotpo's refusals mean: a table from status to outcome."""

from __future__ import annotations

from collections.abc import Iterator

from consumers.engine.outcome import Refusal
from consumers.engine.wire import Json, Response
from consumers.refusals import Rule, outcome, rule

TABLE = (
    Rule(400, "invalid", "refused as invalid"),
    Rule(401, "credentials", "Yotpo does not know this guid with this api_key"),
    Rule(403, "permission", "this guid and api_key may not do this"),
    Rule(404, "not_found", "Yotpo does not know this customer", word="customer"),
    Rule(404, "not_found", "Yotpo does not know this order", word="order"),
    Rule(404, "setting", "Yotpo has nothing at this address: look at url"),
    Rule(405, "setting", "Yotpo does not take this method here"),
    Rule(413, "too_large", "larger than Yotpo takes"),
    Rule(415, "version", "Yotpo does not take this content type"),
    Rule(422, "invalid", "not enough points", word="points"),
    Rule(422, "invalid", "the order is not known", word="find order"),
    Rule(422, "invalid", "the currency is not the order's", word="currency"),
    Rule(422, "invalid", "refused as invalid"),
    Rule(423, "later", "the customer's record is locked"),
)
"""The first line that fits decides. Source: loyaltyapi.yotpo.com, "Guidelines and conventions" (429) and "Adjust a
customer's point balance" (422, 423); 401 and 404 as integrators met them; no schema of error bodies is published."""


def judge(response: Response) -> Refusal:
    """What an answer that is no yes means."""
    return outcome(rule(TABLE, response.status, message(response).casefold()), response.status)


def unknown_order(response: Response) -> bool:
    """May a refund have been refused because its order is not known (yet)? There is no code for it, only words."""
    if response.status not in (404, 422) or page(response):
        return False
    said = message(response).casefold()
    return any(word in said for word in ("find", "found", "exist", "unknown")) or not said.strip("{} ")


def page(response: Response) -> bool:
    """Is it a page for people, from whatever stands between? It says nothing of what was asked, whatever its words."""
    return response.body.lstrip().startswith(b"<")


def message(response: Response) -> str:
    """The text of a refusal, wherever it stands: one of several keys, a list, an object of lists, or no JSON at all;
    that of a page for people is none."""
    if page(response):
        return ""
    body = response.json()
    if not isinstance(body, dict) or not body:
        return response.body[:1000].decode("utf-8", "replace")
    said = (body.get(name) for name in ("error_message", "message", "error", "errors"))
    return " ".join(text for one in said for text in _texts(one))


def _texts(said: Json) -> Iterator[str]:
    if isinstance(said, str):
        yield said
    for inner in said.values() if isinstance(said, dict) else said if isinstance(said, list) else ():
        yield from _texts(inner)
