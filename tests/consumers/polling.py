"""Look after look, by hand: answers to a poll's requests, its position, and what it remembers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from consumers.engine.outcome import Misconfigured, Refusal, Rejected, RetryLater
from consumers.engine.sink import Account
from consumers.engine.wire import Request, Response
from consumers.polls import Look, Poll

Answer = Callable[[Request], Response]


@dataclass
class Watcher:
    """One poll of one account. `look` steps one look and keeps what it says, as the producer would."""

    poll: Poll
    account: Account
    answer: Answer
    position: Any = None
    memory: dict[str, str] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)

    def look(self, now: datetime | None = None) -> Look | Refusal:
        """One look."""
        plan = self.poll.look(
            self.account, self.position, now or self.account.now(), lambda name: self.memory.get(name, "")
        )
        try:
            request = next(plan)
            while True:
                self.asked.append(request)
                request = plan.send(self.answer(request))
        except StopIteration as stop:
            found: Look | Refusal = stop.value
        if not isinstance(found, Misconfigured | Rejected | RetryLater):
            self._keep(found)
        return found

    def _keep(self, look: Look) -> None:
        self.position = look.position
        for told in look.read:
            self.memory |= told.remember

    def records(self, now: datetime | None = None) -> list[dict[str, Any]]:
        """The records of a whole round of looks."""
        found: list[dict[str, Any]] = []
        while True:
            look = self.look(now)
            assert isinstance(look, Look), look
            found += [event.record for event in look.events]
            if not look.more:
                return found
