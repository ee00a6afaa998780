"""Faults on demand: what goes wrong next, where, and how often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from sandbox.web.answer import Answer

Kind = Literal["answer", "hang", "reset", "cut", "slow"]


@dataclass(slots=True)
class Fault:
    """One order to fail.

    `answer` gives `status` (with `body` or the platform's ordinary error, and `headers`); `hang` says nothing for
    `seconds`; `reset` breaks the connection before a byte; `cut` breaks it in the middle of the body; `slow` lets the
    answer trickle, one byte a second. With `done` the request is carried out before it fails.
    """

    kind: Kind = "answer"
    status: int = 500
    endpoint: str = ""  # "POST /api/profile-import"; empty: every one
    times: int | None = None  # so many requests; None: until it is taken back or its time is over
    until: float | None = None  # Unix seconds
    done: bool = False
    seconds: float = 3600.0
    body: Any = None  # JSON, or a text that is sent as it is
    headers: dict[str, str] = field(default_factory=dict)

    def answer(self, refusal: Callable[[int], bytes]) -> Answer:
        """What a fault of the kind `answer` says; `refusal` is the platform's ordinary error body for a status."""
        headers = tuple((name.lower().encode(), value.encode()) for name, value in self.headers.items())
        if self.body is not None:
            body = self.body.encode() if isinstance(self.body, str) else orjson.dumps(self.body)
            return Answer(self.status, body, headers)
        return Answer(self.status, refusal(self.status), headers)


class Faults:
    """The orders that stand, first come first served."""

    def __init__(self) -> None:
        self.standing: list[Fault] = []

    def take(self, endpoint: str, now: float) -> Fault | None:
        """The fault that this request meets, if any; one of a limited number is used up by it."""
        self.standing = [
            fault for fault in self.standing if fault.times != 0 and (fault.until is None or now < fault.until)
        ]
        for fault in self.standing:
            if fault.endpoint in ("", endpoint):
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None
