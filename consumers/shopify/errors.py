"""What Shopify's refusals mean: three tables, for the status, for the code of an error, for a field's complaint.

They are read in that order. Source: shopify.dev, "API response status and error codes"; complaints about fields
(`userErrors`) have no code, so field and words decide, as integrators have met them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from consumers.engine.outcome import Misconfigured, Refusal, Rejected
from consumers.engine.wire import Json, Response, objects, under
from consumers.refusals import Rule, outcome, rule, something_else
from consumers.shopify.requests import VERSION

SOON = timedelta(seconds=5)

STATUS = (
    Rule(400, "invalid", "refused as no GraphQL"),
    Rule(401, "credentials", "Shopify does not know our key"),
    Rule(402, "account", "the shop is frozen: its bill is not paid"),
    Rule(403, "permission", "our key may not do this, or the shop is disabled"),
    Rule(404, "setting", f"Shopify has nothing at this address: look at url (API version {VERSION})"),
    Rule(413, "too_large", "larger than Shopify takes"),
    Rule(423, "account", "the shop is locked"),
    Rule(430, "account", "Shopify takes our requests for an attack"),
)
CODES = (
    Rule(200, "later", "over the limit", "THROTTLED"),
    Rule(200, "later", "Shopify failed", "INTERNAL_SERVER_ERROR"),
    Rule(200, "permission", "a scope or the approval for customer data is missing", "ACCESS_DENIED"),
    Rule(200, "account", "the shop is inactive", "SHOP_INACTIVE"),
    Rule(200, "invalid", "one request of ours costs too much", "MAX_COST_EXCEEDED"),
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
    if 300 <= response.status < 400:
        return Misconfigured(f"Shopify sends us to another address: look at url ({response.status})")
    if not response.ok:
        return outcome(rule(STATUS, response.status), response.status)
    body = response.json()
    if not isinstance(body, dict):
        return something_else("Shopify", "GraphQL")
    if errors := body.get("errors"):
        return outcome(_of_code(code(errors)), response.status)
    if not isinstance(body.get("data"), dict):
        return something_else("Shopify", "GraphQL")
    return None


def _of_code(said: str) -> Rule:
    unknown = Rule(200, "invalid", f"refused as {said}" if said else "refused")
    return next((line for line in CODES if line.word == said), unknown)


def code(errors: Json) -> str:
    """The code of the first error that has one; `errors` may be a plain text.

    >>> code([{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]), code("[API] Invalid API key")
    ('THROTTLED', '')
    """
    told = (under(one, "extensions").get("code") for one in objects(errors))
    return next((str(one) for one in told if one), "")


def payload(response: Response) -> dict[str, Json]:
    """What an operation answered, by its own root field; an empty object for null."""
    data = under(response.json(), "data")
    return under(next(iter(data.values()), None))


def complaints(response: Response) -> tuple[Complaint, ...]:
    """What Shopify has against the fields of a mutation; none: it was done."""
    return tuple(_complaint(one) for one in objects(payload(response).get("userErrors")))


def rejected(complaint: Complaint) -> Rejected:
    """A complaint that nothing helps against."""
    return Rejected("not_found" if complaint.meaning == "nobody" else "invalid", complaint.told, 200)


def plainly(response: Response) -> Response:
    """An answer with the status it means: Shopify says 200 also to what it throttled, or failed to do."""
    if response.status != 200 or b'"errors"' not in response.body:
        return response
    body = response.json()
    sign = code(under(body).get("errors"))
    if sign == "THROTTLED":
        return Response(429, response.body, {**response.headers, "Retry-After": f"{_pause(body):.2f}"})
    return Response(500, response.body, response.headers) if sign == "INTERNAL_SERVER_ERROR" else response


def _pause(body: Json) -> float:
    """Seconds until as much has flowed back as the request asked for."""
    level, rate, _ = _level(body)
    asked = under(body, "extensions", "cost").get("requestedQueryCost")
    return max(0.0, asked - level) / rate if isinstance(asked, int | float) and rate else 1.0


def remaining(response: Response) -> int | None:
    """How many points are left, by the answer."""
    if not response.ok:
        return None
    level, rate, _ = _level(response.json())
    return int(level) if rate else None


def limits(response: Response) -> tuple[tuple[float, int], ...]:
    """The bucket as a window: as many points as it holds, in the time in which it fills. An answer may not say it."""
    if response.status not in (200, 429):
        return ()
    _, rate, most = _level(response.json())
    return ((most / rate, int(most)),) if rate and most else ()


def _level(body: Json) -> tuple[float, float, float]:
    """What is left, what flows back in a second, and what the bucket holds; zeros where it is not said."""
    status = under(body, "extensions", "cost", "throttleStatus")
    told = (status.get(name) for name in ("currentlyAvailable", "restoreRate", "maximumAvailable"))
    level, rate, most = (float(one) if isinstance(one, int | float) and one > 0 else 0.0 for one in told)
    return level, rate, most


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
