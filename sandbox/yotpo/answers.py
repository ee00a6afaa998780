"""What a request is and what an answer is, as Yotpo Loyalty dresses them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from sandbox.web.answer import Answer, Json


@dataclass(frozen=True, slots=True)
class Request:
    """One request that passed the door; `body` is the parsed JSON object, empty for none."""

    query: Mapping[str, str]
    body: Json


def ok(document: object) -> Answer:
    """200 with a document."""
    return Answer(200, orjson.dumps(document))


def refused(status: int, message: str) -> Answer:
    """An error. No schema of it is published; a top-level text is what the vendor's own Magento module reads."""
    return Answer(status, orjson.dumps({"error_message": message}))


def whole(value: object) -> int | None:
    """A whole number, also where it comes as text; None for anything else.

    >>> whole(15000), whole("15000"), whole("-5"), whole("1.5"), whole(True), whole(None)
    (15000, 15000, -5, None, None, None)
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    text = value.strip() if isinstance(value, str) else ""
    return int(text) if text.removeprefix("-").isdigit() and text.isascii() else None
