"""What the Retail API's refusals mean: a table from status and code to outcome. Its descriptions are never read: they
may name people, and they are worded differently from release to release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from consumers.apparel21.xml import Element, load, read
from consumers.engine.outcome import Cause, Misconfigured, Refusal, Rejected, RetryLater
from consumers.engine.wire import Response
from consumers.refusals import LATER

Meaning = Literal[Cause, "later", "invalid", "too_long", "nobody", "several", "stale", "taken", "done"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table: answers with this code (0: any) and status (0: any) mean this."""

    status: int
    code: int
    meaning: Meaning
    told: str


def _any(meaning: Meaning, *lines: tuple[int, str]) -> tuple[Rule, ...]:
    return tuple(Rule(0, code, meaning, told) for code, told in lines)


TABLE = (
    *_any("nobody", (5008, "no data found"), (5152, "there is no such rewards account")),
    *_any("several", (5013, "several persons fit")),
    *_any("stale", (5010, "somebody else changed the person"), (5169, "somebody else changed the rewards account")),
    *_any("taken", (5006, "the address belongs to a person whom the web store cannot see")),
    *_any("done", (5052, "the order number is there already"), (5163, "the request was carried out already")),
    *_any("too_long", (5014, "a value is too long"), (5198, "a custom data value is too long")),
    *_any("later", (5015, "the database of Apparel21 reports an error")),
    *_any("permission", (5030, "the user has no rights for the store")),
    *_any("account", (5247, "this endpoint is not licensed for the web store")),
    *_any(
        "version",
        (5045, "Apparel21 does not serve this version of its API"),
        (5121, "Apparel21 cannot read our XML"),
        (5122, "Apparel21 does not take our content type"),
    ),
    *_any(
        "setting",
        (5028, "voucher.origin is no payment origin that Apparel21 knows"),
        (5029, "country_code is not set up at head office"),
        (5031, "no final customer is defined for country_code"),
        (5036, "the warehouse of the API's configuration is wrong"),
        (5074, "voucher.type is no voucher type"),
        (5075, "voucher.subject is missing"),
        (5076, "voucher.type is missing"),
        (5089, "a configured reference id does not exist"),
        (5090, "a configured reference id is of another type"),
        (5091, "a reference type is compulsory: name its code in `references`"),
        (5100, "voucher.merchant_id or voucher.card_type is no payment gateway of Apparel21"),
        (5101, "a loyalty type is missing"),
        (5106, "a configured loyalty type does not exist"),
        (5159, "a configured tier is not one of the rewards program"),
        (5162, "there is no such rewards program"),
        (5168, "the rewards program is not valid for this web store"),
        (5174, "the rewards program is not active"),
        (5193, "a configured card of custom data does not exist"),
        (5194, "a card has no name"),
        (5195, "a configured field of custom data does not exist"),
        (5197, "a field of custom data has a type that is not valid"),
        (5202, "a reference in custom data is not valid"),
        (5206, "the web store has no custom data template for persons"),
    ),
    *_any(
        "invalid",
        (5000, "the person has no surname"),
        (5001, "the person has no first name"),
        (5004, "the person has no e-mail address"),
        (5005, "the person has no billing address"),
        (5021, "the person has no delivery address"),
        (5026, "the payment is not what the order costs"),
        (5072, "the delivery has no contact name"),
        (5099, "a date is not a date"),
        (5102, "the loyalty card number is in use elsewhere"),
        (5103, "the person holds this loyalty type already"),
        (5196, "a custom data value does not fit its field"),
        (5199, "a custom data number is too small"),
        (5200, "a custom data number is too large"),
        (5201, "a custom data date is not a date"),
        (5203, "a custom data list takes one value only"),
        (5204, "a custom data list does not have this value"),
    ),
    Rule(401, 0, "credentials", "Apparel21 does not know this user name and password"),
    Rule(404, 0, "nobody", "not found"),
    Rule(405, 0, "setting", "Apparel21 does not take this method here; is url the base of the Retail API?"),
    Rule(408, 0, "later", "timed out"),
)
"""The first line that fits decides. Source: Apparel21 Retail API guide, lists of error codes; 5045 is only known from
clients, and a 404 may come without a code."""

CREATED = 201
"""What each POST that was carried out is answered with; after anything else, whether it was is found out."""
ERROR = "ap21error"
"""The root of a refusal, in small letters: servers write it differently."""
NO_ANSWER = Rule(0, 0, "later", "no answer")
REASONS = {"nobody": "unknown_person", "several": "ambiguous", "taken": "unknown_person", "done": "duplicate"}
"""As dead letters name them."""


def code(response: Response) -> int:
    """The error code of an answer, 0 where it says none (an HTML page, an empty body)."""
    root = load(response.body)
    if root is None or root.tag.lower() != ERROR:
        return 0
    text = read(root, "ErrorCode")
    return int(text) if text.isdigit() else 0


def answered(response: Response) -> Element | None:
    """The document in an answer; None for a page for people, what is no XML, and an error, whatever its status."""
    root = load(response.body)
    return None if root is None or root.tag.lower() == ERROR else root


def yes(response: Response) -> bool:
    """Did Apparel21 itself say yes? A page for people, that somebody between us answers with 200, is none."""
    return response.ok and (not response.body.strip() or answered(response) is not None)


def rule(response: Response) -> Rule:
    """The line of the table that fits an answer that is no yes."""
    if response.status == 0:
        return NO_ANSWER
    said = code(response)
    if response.ok:
        return Rule(response.status, said, "later", "Apparel21 answered something else")
    if response.status >= 500:
        return Rule(response.status, said, "later", "Apparel21 is not in order")
    if response.status == 404 and not said and response.body.strip():  # a page for people is no word on anybody
        return Rule(404, 0, "later", "Apparel21 has no such page")
    if response.status < 400:
        return Rule(response.status, said, "setting", "Apparel21 sends us to another address: look at url")
    for line in TABLE:
        if line.code == said if line.code else line.status == response.status:
            return line
    if response.status == 403 and not said:
        return Rule(403, 0, "permission", "Apparel21 does not let us in")
    return Rule(response.status, said, "invalid", "refused")


def judge(response: Response) -> Refusal:
    """What an answer that is no yes means for a record."""
    found = rule(response)
    told = f"{found.told} ({_number(response)})"
    match found.meaning:
        case "later" | "stale":
            return RetryLater(LATER, told)
        case "invalid" | "too_long" | "nobody" | "several" | "taken" | "done" as meaning:
            return Rejected(REASONS.get(meaning, meaning), told, response.status)
        case cause:
            return Misconfigured(told, cause)


def _number(response: Response) -> str:
    said = code(response)
    return f"{response.status}/{said}" if said else str(response.status)
