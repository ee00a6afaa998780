"""What a request is and what an answer is, as the Platform API dresses them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import orjson

from sandbox.web import answer
from sandbox.web.answer import Answer, Json


class Refused(answer.Refused):
    """The request is not carried out; the answer's body is `{"message": ...}`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(refused(status, message))


@dataclass(frozen=True, slots=True)
class Request:
    """One request that passed the door: the ids in its path, its query, and its JSON object (empty for none)."""

    ids: tuple[str, ...]
    query: Mapping[str, str]
    body: Json

    def beyond(self, known: Collection[str]) -> list[str]:
        """The members of the body that the API does not know."""
        return sorted(self.body.keys() - set(known))


def ok(document: object) -> Answer:
    """200 with a document."""
    return Answer(200, orjson.dumps(document))


def refused(status: int, message: str) -> Answer:
    """An error. Source: the vendor's 404 texts, and what a public PHP client reads (`message`)."""
    return Answer(status, orjson.dumps({"message": message}))


def money(value: object, name: str) -> Decimal:
    """A decimal text; raises Refused for anything else."""
    try:
        amount = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite():
        raise Refused(400, f"{name} must be a decimal string")
    return amount
