"""Klaviyo's filter expressions: `and(equals(email,"a@b.example"),greater-than(updated,2026-01-01T00:00:00Z))`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson

from sandbox.klaviyo import check
from sandbox.klaviyo.answer import Problem, Request, invalid

_TEST = re.compile(r"(equals|any|greater-than|greater-or-equal|less-than|less-or-equal)\(([\w.]+),(.*)\)", re.DOTALL)
_BARE = re.compile(r"[^\s,()\"\[\]]+")
MOST = 100
"""Values of an `any`. Klaviyo names no number; who keeps to a page of profiles is on the safe side."""

EQUALS, IS, AFTER = ("equals",), ("equals", "any"), ("greater-than",)
AROUND = ("greater-than", "less-than")
BETWEEN = ("greater-than", "greater-or-equal", "less-than", "less-or-equal")
"""The operators a field takes; other fields, and other operators of a field, are refused."""

_RELATIONS: Mapping[str, Callable[[float, float], bool]] = {
    "equals": operator.eq,
    "greater-than": operator.gt,
    "greater-or-equal": operator.ge,
    "less-than": operator.lt,
    "less-or-equal": operator.le,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison; `values` has several entries for `any` alone."""

    operator: str
    field: str
    values: tuple[str, ...]

    def holds(self, actual: float, wanted: float) -> bool:
        """Whether a moment or number stands in this relation to the wanted one."""
        return _RELATIONS[self.operator](actual, wanted)


class FilterError(ValueError):
    """The text is no filter expression."""


def tests(request: Request, fields: Mapping[str, tuple[str, ...]]) -> tuple[Comparison, ...]:
    """What a request's `filter` asks for, of fields that have these operators; raises 400."""
    try:
        found = read(text) if (text := request.query.get("filter")) else ()
    except FilterError as error:
        raise invalid(Problem(str(error), parameter="filter")) from None
    for test in found:
        if test.operator not in fields.get(test.field, ()) or len(test.values) > MOST:
            text = f"'{test.field}' cannot be filtered by '{test.operator}' with {len(test.values)} values."
            raise invalid(Problem(text, parameter="filter"))
    return found


def moment(test: Comparison) -> float:
    """The moment that something is compared with; raises 400."""
    wanted = check.moment(test.values[0])
    if wanted is None:
        raise invalid(Problem(f"'{test.values[0]}' is not a moment.", parameter="filter"))
    return wanted


def read(text: str) -> tuple[Comparison, ...]:
    """All comparisons of an expression, which must all hold; raises FilterError.

    >>> read('equals(email,"kim@customer.example")')
    (Comparison(operator='equals', field='email', values=('kim@customer.example',)),)
    """
    text = text.strip()
    match = _TEST.fullmatch(text)
    if match is not None and (values := _values(match[3].strip())):
        return (Comparison(match[1], match[2], values),)
    if text.startswith("and(") and text.endswith(")"):
        return tuple(test for part in _split(text[4:-1]) for test in read(part))
    if len(parts := _split(text)) > 1:
        return tuple(test for part in parts for test in read(part))
    raise FilterError(f"'{text}' is not a valid filter.")


def _values(text: str) -> tuple[str, ...]:
    """A JSON list of values, a JSON string, or a bare word such as a moment; () for anything else."""
    if not text.startswith(("[", '"')):
        return (text,) if _BARE.fullmatch(text) else ()
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return ()
    return tuple(map(str, value)) if isinstance(value, list) else (value,)


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
