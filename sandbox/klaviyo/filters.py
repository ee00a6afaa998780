"""Klaviyo's filter expressions: `and(equals(email,"a@b.example"),greater-than(updated,2026-01-01T00:00:00Z))`."""

from __future__ import annotations

import re
from dataclasses import dataclass

import orjson

_TEST = re.compile(r"(equals|any|greater-than|greater-or-equal|less-than|less-or-equal)\(([\w.]+),(.*)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison; `values` has several entries for `any` alone."""

    operator: str
    field: str
    values: tuple[str, ...]


class FilterError(ValueError):
    """The text is no filter expression."""


def read(text: str) -> tuple[Comparison, ...]:
    """All comparisons of an expression, which must all hold; raises FilterError.

    >>> read('equals(email,"kim@customer.example")')
    (Comparison(operator='equals', field='email', values=('kim@customer.example',)),)
    """
    text = text.strip()
    if text.startswith("and(") and text.endswith(")"):
        return tuple(test for part in _split(text[4:-1]) for test in read(part))
    if "," in text and len(parts := _split(text)) > 1:
        return tuple(test for part in parts for test in read(part))
    match = _TEST.fullmatch(text)
    if match is None:
        raise FilterError(f"'{text}' is not a valid filter.")
    operator, field, value = match.groups()
    return (Comparison(operator, field, _values(value.strip())),)


def compare(operator: str, actual: float, wanted: float) -> bool:
    """Whether a moment or number stands in this relation to the wanted one."""
    return {
        "equals": actual == wanted,
        "greater-than": actual > wanted,
        "greater-or-equal": actual >= wanted,
        "less-than": actual < wanted,
        "less-or-equal": actual <= wanted,
    }.get(operator, False)


def _values(text: str) -> tuple[str, ...]:
    """A JSON list, a JSON string, or a bare word such as a moment."""
    if not text.startswith(("[", '"')):
        return (text,)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise FilterError(f"'{text}' cannot be read: {error}") from error
    return tuple(str(item) for item in value) if isinstance(value, list) else (str(value),)


def _split(text: str) -> list[str]:
    """The parts between commas that are inside no bracket and no quotes."""
    parts, depth, quoted, start = [], 0, False, 0
    for place, letter in enumerate(text):
        if letter == '"' and text[place - 1 : place] != "\\":
            quoted = not quoted
        elif not quoted and letter in "([":
            depth += 1
        elif not quoted and letter in ")]":
            depth -= 1
        elif letter == "," and not quoted and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    return [*parts, text[start:]]
