"""What Klaviyo's refusals mean: a table from status and code to outcome, and whom an answer blames."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from consumers.engine.bulk import Verdict
from consumers.engine.outcome import Misconfigured, Refusal, Rejected, RetryLater
from consumers.engine.wire import Json, Response, objects, under
from consumers.refusals import Rule, outcome, rule

TABLE = (
    Rule(400, "credentials", "Klaviyo does not know this private key", word="invalid_api_key"),
    Rule(400, "credentials", "Klaviyo does not know this private key", word="authentication_failed"),
    Rule(400, "credentials", "Klaviyo does not know this private key", word="not_authenticated"),
    Rule(400, "version", "Klaviyo does not serve this revision", word="invalid_revision"),
    Rule(400, "invalid", "refused as invalid"),
    Rule(401, "credentials", "Klaviyo does not know this private key"),
    Rule(403, "permission", "the private key lacks a scope"),
    Rule(404, "not_found", "Klaviyo does not know this id"),
    Rule(405, "setting", "Klaviyo does not take this method here"),
    Rule(409, "duplicate", "its address and its mobile number belong to two profiles"),
    Rule(410, "version", "Klaviyo does not serve this revision or endpoint any more"),
    Rule(413, "too_large", "larger than Klaviyo takes"),
    Rule(415, "version", "Klaviyo does not take this content type"),
)
"""The first line that fits decides. Source: Klaviyo's guide "Rate limits, status codes, and errors" and its OpenAPI
document; a wrong key is 401 by the guide, and 400 according to some integrations."""

WRITING = "profiles:write, lists:write, subscriptions:write, events:write"
"""The scopes that our writing calls need; which one is missing shows at first use only."""

_INDEX = re.compile(r"/data/(\d+)(?:/|$)")
_SCOPE = re.compile(r"\b[a-z-]+:(?:read|write)\b")


class Fault(NamedTuple):
    """One error of an answer: its code, the place of the row it blames (None: no row), the field, the error's id."""

    code: str
    row: int | None
    field: str
    id: str
    pointer: str


def faults(response: Response) -> Iterator[Fault]:
    """The errors of an answer; a body of another shape has none."""
    for error in _errors(response):
        pointer = str(under(error, "source").get("pointer") or "")
        found = _INDEX.search(pointer)
        code, name = str(error.get("code") or ""), str(error.get("id") or "")
        yield Fault(code, int(found[1]) if found else None, pointer.rpartition("/")[2], name, pointer)


def listed(response: Response) -> list[dict[str, Json]] | None:
    """What a reading lists; None where the answer is no list of Klaviyo's, which is not the same as an empty one."""
    data = under(response.json()).get("data")
    return objects(data) if response.ok and isinstance(data, list) else None


def _errors(response: Response) -> list[dict[str, Json]]:
    return objects(under(response.json()).get("errors"))


def judge(response: Response, row: int | None = None) -> Refusal:
    """What an answer that is no yes means for a row (its place in the request; None: the request had one row only)."""
    found = [fault for fault in faults(response) if row is None or fault.row in (None, row)]
    line = rule(TABLE, response.status, {fault.code for fault in found})
    refusal = outcome(line, response.status)
    if isinstance(refusal, RetryLater):
        return refusal
    if isinstance(refusal, Misconfigured):
        return Misconfigured(_configuration(line, found, response), refusal.cause)
    if _names_the_list(found):
        return Misconfigured(f"Klaviyo does not know a configured list ({response.status})")
    fields = ", ".join(dict.fromkeys(fault.field for fault in found if fault.field and not fault.field.isdigit()))
    ids = ", ".join(dict.fromkeys(fault.id for fault in found if fault.id))
    return Rejected(line.meaning, f"{fields}: {line.told}" if fields else line.told, response.status, ids[:200])


def _names_the_list(found: list[Fault]) -> bool:
    """A list that does not exist is no fault of any row."""
    return any(fault.pointer.startswith("/data/relationships") for fault in found)


def _configuration(line: Rule, found: list[Fault], response: Response) -> str:
    codes = ", ".join(dict.fromkeys(fault.code for fault in found if fault.code))
    told = f"{line.told}{_scopes(response)}" if response.status == 403 else line.told
    return f"{told} ({response.status}{' ' + codes if codes else ''})"


def _scopes(response: Response) -> str:
    """The scopes that the answer names, else all that writing needs. Nothing else of its text is repeated."""
    details = " ".join(str(error.get("detail") or "") for error in _errors(response))
    named = ", ".join(dict.fromkeys(_SCOPE.findall(details)))
    return f": {named}" if named else f"; writing needs {WRITING}"


def blame(response: Response) -> list[int] | None:
    """Whom an answer to many rows blames; see `consumers.engine.bulk.Blame`."""
    if response.status == 413:
        return []
    if response.status not in (400, 409, 422) or isinstance(judge(response), Misconfigured):
        return None
    return [fault.row for fault in faults(response) if fault.row is not None]


def about_phone(verdict: Verdict, alone: bool = False) -> bool:
    """Was a row refused for its mobile number only, so that it may go without?"""
    if verdict.response.status == 409:
        return True
    found = [fault for fault in faults(verdict.response) if alone or fault.row in (None, verdict.place)]
    return verdict.response.status == 400 and bool(found) and all(fault.field == "phone_number" for fault in found)
