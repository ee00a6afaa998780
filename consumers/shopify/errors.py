"""What Shopify's refusals mean: three tables, for the status, for the code of an error, for a field's complaint.

They are read in that order. Source: shopify.dev, "API response status and error codes"; complaints about fields
(`userErrors`) have no code, so field and words decide, as integrators have met them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, NamedTuple

from consumers.engine.outcome import Misconfigured, Rejected, RetryLater
from consumers.engine.wire import Json, Response
from consumers.shopify.requests import VERSION

Meaning = Literal["misconfigured", "later", "invalid"]
Refusal = Misconfigured | Rejected | RetryLater
LATER, SOON = timedelta(seconds=30), timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a table: what a status or code means, and what is told."""

    sign: int | str
    meaning: Meaning
    told: str


STATUS = (
    Rule(0, "later", "no answer"),
    Rule(400, "invalid", "refused as no GraphQL"),
    Rule(401, "misconfigured", "Shopify does not know our key"),
    Rule(402, "misconfigured", "the shop is frozen: its bill is not paid"),
    Rule(403, "misconfigured", "our key may not do this, or the shop is disabled"),
    Rule(404, "misconfigured", f"Shopify has nothing at this address: look at url (API version {VERSION})"),
    Rule(408, "later", "timed out"),
    Rule(413, "invalid", "larger than Shopify takes"),
    Rule(423, "misconfigured", "the shop is locked"),
    Rule(429, "later", "over the limit"),
    Rule(430, "misconfigured", "Shopify takes our requests for an attack"),
)
CODES = (
    Rule("THROTTLED", "later", "over the limit"),
    Rule("INTERNAL_SERVER_ERROR", "later", "Shopify failed"),
    Rule("ACCESS_DENIED", "misconfigured", "a scope or the approval for customer data is missing"),
    Rule("SHOP_INACTIVE", "misconfigured", "the shop is inactive"),
    Rule("MAX_COST_EXCEEDED", "invalid", "one request of ours costs too much"),
)


class Complaint(NamedTuple):
    """What Shopify has against one field of a request. `told` names nobody."""

    meaning: str
    told: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table of complaints: the field (any where it is empty) and a word in the message."""

    field: str
    word: str
    meaning: str
    told: str


COMPLAINTS = (
    Line("email", "taken", "email_taken", "the address is another customer's"),
    Line("phone", "taken", "phone_taken", "the number is another customer's"),
    Line("phone", "", "bad_phone", "the number is none to Shopify"),
    Line("email", "", "bad_email", "the address is none to Shopify"),
    Line("addresses", "", "bad_address", "the postal address is none to Shopify"),
    Line("emailMarketingConsent", "", "bad_consent", "the consent is not taken"),
    Line("smsMarketingConsent", "", "bad_consent", "the consent is not taken"),
    Line("", "name, phone number or email", "invalid", "neither name, number nor address"),
    Line("", "not exist", "nobody", "the shop does not have this customer any more"),
    Line("", "not find", "nobody", "the shop does not have this customer any more"),
    Line("", "not found", "nobody", "the shop does not have this customer any more"),
)
"""The first line that fits decides. `phone` inside an address is the address's."""

_PERSONAL = re.compile(r"\S*@\S*|\+?\d[\d ()-]{5,}\d")


def trouble(response: Response) -> Refusal | None:
    """Why an answer is no answer, by its status and its errors; None where there is data to read."""
    if not response.ok:
        return _outcome(_rule(STATUS, response.status), response.status)
    body = response.json()
    if not isinstance(body, dict):
        return RetryLater(LATER, "Shopify answered something else than GraphQL")
    if errors := body.get("errors"):
        return _outcome(_rule(CODES, code(errors)), response.status)
    if not isinstance(body.get("data"), dict):
        return RetryLater(LATER, "Shopify answered something else than GraphQL")
    return None


def code(errors: Json) -> str:
    """The code of the first error that has one; `errors` may be a plain text.

    >>> code([{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]), code("[API] Invalid API key")
    ('THROTTLED', '')
    """
    listed = errors if isinstance(errors, list) else []
    told = (one.get("extensions") for one in listed if isinstance(one, dict))
    return next((str(one["code"]) for one in told if isinstance(one, dict) and one.get("code")), "")


def payload(response: Response) -> Json:
    """What an operation answered, by its own root field; an empty object for null."""
    data = response.json().get("data") or {}
    return next(iter(data.values()), None) or {}


def complaints(response: Response) -> tuple[Complaint, ...]:
    """What Shopify has against the fields of a mutation; none: it was done."""
    answered = payload(response)
    listed = answered.get("userErrors") if isinstance(answered, dict) else None
    return tuple(_complaint(one) for one in listed or () if isinstance(one, dict))


def rejected(complaint: Complaint) -> Rejected:
    """A complaint that nothing helps against."""
    return Rejected("not_found" if complaint.meaning == "nobody" else "invalid", complaint.told, 200)


def unclear(response: Response) -> bool:
    """May it have been carried out, or not?"""
    return response.status == 0 or response.status >= 500


def plainly(response: Response) -> Response:
    """An answer with the status it means: Shopify says 200 also to what it throttled, or failed to do."""
    if response.status != 200 or b'"errors"' not in response.body:
        return response
    body = response.json()
    sign = code(body.get("errors")) if isinstance(body, dict) else ""
    if sign == "THROTTLED":
        return Response(429, response.body, {**response.headers, "Retry-After": f"{_pause(body):.2f}"})
    return Response(500, response.body, response.headers) if sign == "INTERNAL_SERVER_ERROR" else response


def _pause(body: Json) -> float:
    """Seconds until as much has flowed back as the request asked for."""
    cost = _cost(body)
    level, rate, _ = _level(cost)
    asked = cost.get("requestedQueryCost")
    return max(0.0, asked - level) / rate if isinstance(asked, int | float) and rate else 1.0


def remaining(response: Response) -> int | None:
    """How many points are left, by the answer."""
    if not response.ok:
        return None
    level, rate, _ = _level(_cost(response.json()))
    return int(level) if rate else None


def limits(response: Response) -> tuple[tuple[float, int], ...]:
    """The bucket as a window: as many points as it holds, in the time in which it fills. An answer may not say it."""
    if response.status not in (200, 429):
        return ()
    _, rate, most = _level(_cost(response.json()))
    return ((most / rate, int(most)),) if rate and most else ()


def _cost(body: Json) -> dict[str, Json]:
    extensions = body.get("extensions") if isinstance(body, dict) else None
    cost = extensions.get("cost") if isinstance(extensions, dict) else None
    return cost if isinstance(cost, dict) else {}


def _level(cost: dict[str, Json]) -> tuple[float, float, float]:
    """What is left, what flows back in a second, and what the bucket holds; zeros where it is not said."""
    status = cost.get("throttleStatus")
    status = status if isinstance(status, dict) else {}
    told = (status.get(name) for name in ("currentlyAvailable", "restoreRate", "maximumAvailable"))
    level, rate, most = (float(one) if isinstance(one, int | float) and one > 0 else 0.0 for one in told)
    return level, rate, most


def _rule(table: tuple[Rule, ...], sign: int | str) -> Rule:
    for rule in table:
        if rule.sign == sign:
            return rule
    if isinstance(sign, int) and 300 <= sign < 400:
        return Rule(sign, "misconfigured", "Shopify sends us to another address: look at url")
    if isinstance(sign, int):
        return Rule(sign, "invalid", "refused") if 400 <= sign < 500 else Rule(sign, "later", "not in order")
    return Rule(sign, "invalid", f"refused{f' as {sign}' if sign else ''}")


def _outcome(rule: Rule, status: int) -> Refusal:
    told = f"{rule.told} ({rule.sign or status})"
    match rule.meaning:
        case "later":
            return RetryLater(LATER, told)
        case "misconfigured":
            return Misconfigured(told)
        case "invalid":
            return Rejected("too_large" if status == 413 else "invalid", told, status)


def _complaint(said: Json) -> Complaint:
    """`field` may or may not begin with `input`; of an address it has more parts."""
    path = [str(part) for part in said.get("field") or ()]
    text = str(said.get("message") or "")
    names = [part for part in ("addresses", "emailMarketingConsent", "smsMarketingConsent") if part in path]
    field = names[0] if names else (path[-1] if path else "")
    for line in COMPLAINTS:
        if line.field in ("", field) and line.word in text.casefold():
            return Complaint(line.meaning, line.told)
    return Complaint("invalid", f"{'.'.join(path)}: {plain(text)}"[:200])


def plain(text: str) -> str:
    """A message without what may be somebody's address or number.

    >>> plain("kim@customer.example or +61 491 570 110 is no good")
    '... or ... is no good'
    """
    return _PERSONAL.sub("...", text)
