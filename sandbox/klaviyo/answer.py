"""What a request is and what an answer is, in the JSON:API dress that Klaviyo wears."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from sandbox.web.answer import Answer, Json, Refused


@dataclass(frozen=True, slots=True)
class Request:
    """One request that passed the door: `ids` are the variable parts of its path, `body` is parsed JSON (or None)."""

    base: str
    path: str
    ids: tuple[str, ...]
    raw: str
    query: Mapping[str, str]
    body: Any
    size: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One entry of `errors`: a pointer leads into the request's body, a parameter names a part of its query."""

    detail: str
    pointer: str = ""
    parameter: str = ""
    code: str = "invalid"
    title: str = "Invalid input."
    meta: Mapping[str, str] = field(default_factory=dict)


def ok(document: Json, status: int = 200) -> Answer:
    """An answer with a document."""
    return Answer(status, orjson.dumps(document))


ACCEPTED = Answer(202)
"""202 and nothing else: what events, consent and deletion get, because nobody can ask what became of them."""


def refused(status: int, problems: Sequence[Problem]) -> Answer:
    """An answer that lists everything wrong with the request."""
    return Answer(status, orjson.dumps({"errors": [_error(status, problem) for problem in problems]}))


def invalid(*problems: Problem) -> Refused:
    """400 with these problems."""
    return Refused(refused(400, problems))


def refuse(problems: Iterable[Problem]) -> None:
    """Raises 400 if there are any problems."""
    if found := list(problems):
        raise invalid(*found)


def unknown(what: str, identity: str) -> Refused:
    """404 for an id nobody has."""
    text = f"A {what} with id {identity} does not exist."
    return Refused(refused(404, [Problem(text, code="not_found", title="Not found.")]))


def _error(status: int, problem: Problem) -> Json:
    source = {"pointer": problem.pointer} if problem.pointer else {}
    if problem.parameter:
        source = {"parameter": problem.parameter}
    return {
        "id": str(uuid.uuid4()),
        "status": status,
        "code": problem.code,
        "title": problem.title,
        "detail": problem.detail,
        "source": source,
        "links": {},
        "meta": dict(problem.meta),
    }
