"""What came over the wire, and what goes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
NO_BODY = b""


@dataclass(frozen=True, slots=True)
class Knock:
    """One request as it came over the wire; header names are in lower case."""

    method: str
    path: str
    query: bytes
    headers: Mapping[bytes, bytes]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: a status, the bytes of its body, and headers beside the usual ones."""

    status: int
    body: bytes = NO_BODY
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Refused(Exception):
    """The request is not carried out; `answer` says why."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer
