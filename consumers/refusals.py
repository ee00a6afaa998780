"""What a platform's refusals mean: the lines of its table, from status and word to outcome, and how they are read."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from consumers.engine.outcome import Cause, Misconfigured, Refusal, Rejected, RetryLater
from consumers.engine.wire import Response

Meaning = Literal[Cause, "later", "invalid", "duplicate", "too_large", "not_found"]
"""A cause: the connection stops for it. `later`: try again. Any other: why this record is refused for good."""
LATER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a table: answers with this status (and this word or code, where one is named) mean this."""

    status: int
    meaning: Meaning
    told: str
    word: str = ""


EVERYWHERE = (
    Rule(0, "later", "no answer"),
    Rule(408, "later", "timed out"),
    Rule(429, "later", "over the limit"),
)
"""What every platform means, unless its own table says otherwise (RFC 9110, RFC 6585)."""


def rule(table: Sequence[Rule], status: int, said: Container[str] = ()) -> Rule:
    """The first line that fits; `said`: the answer's codes, or its text in small letters.

    >>> table = (Rule(404, "not_found", "no such order", "order"), Rule(404, "setting", "look at url"))
    >>> rule(table, 404, "could not find order").told, rule(table, 404, {"gone"}).told, rule(table, 503).told
    ('no such order', 'look at url', 'not in order')
    """
    for line in (*table, *EVERYWHERE):
        if line.status == status and (not line.word or line.word in said):
            return line
    if 300 <= status < 400:
        return Rule(status, "setting", "we are sent to another address: look at url")
    return Rule(status, "invalid", "refused") if 400 <= status < 500 else Rule(status, "later", "not in order")


def unclear(response: Response) -> bool:
    """May it have been carried out, or not? Who says "timed out" may be a gateway, and the platform have heard."""
    return response.unclear or response.status == 408


def something_else(platform: str, than: str) -> RetryLater:
    """An answer that is a yes, and not what was asked for: the page of a gateway, say."""
    return RetryLater(LATER, f"{platform} answered something else than {than}")


def outcome(line: Rule, status: int) -> Refusal:
    """What the line means for a record. The answer's own text is not repeated: it may name a person."""
    match line.meaning:
        case "later":
            return RetryLater(LATER, f"{line.told} ({line.word or status})")
        case "invalid" | "duplicate" | "too_large" | "not_found" as reason:
            return Rejected(reason, line.told, status)
        case cause:
            return Misconfigured(f"{line.told} ({line.word or status})", cause)
