"""A platform for engine tests that is a list of answers: what it is asked, and when, can be read afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from consumers.engine.breaker import Breaker
from consumers.engine.live import Live, Pools
from consumers.engine.rim import Rim
from consumers.engine.sink import Account, Quota, Sink
from consumers.engine.wire import Plan, Remember, Request, Response, Started, nap
from tests.consumers.engine.stage import MORNING, Clock
from tillstream.settings import Connection


class Post(BaseModel):
    """The settings of an account at the post."""

    owner: str = "one"
    quota_share: float = 1.0


def sink(windows: tuple[tuple[float, int], ...] = ()) -> Sink:
    """The post as the engine knows it."""
    return Sink(
        name="post",
        settings=Post,
        routes=(),
        tables=(),
        quotas=lambda _: (Quota("letters", windows),),
        url=lambda _: "http://post.example",
        headers=lambda _: {"Authorization": "stamp"},
        account_id=lambda settings: settings.owner,
        pretend=lambda _: Response(200),
        check=_check,
        remaining=_remaining,
    )


def _check(_: Account) -> Plan[tuple[()]]:
    yield from nap(0)
    return ()


def _remaining(response: Response) -> int | None:
    said = response.headers.get("Remaining")
    return int(said) if said else None


def connection(name: str = "au") -> Connection:
    """A connection of this name, all defaults."""
    made = Connection()
    made._name = name
    return made


def account(settings: Post | None = None, name: str = "au") -> Account:
    return Account(connection(name), settings or Post(), {}, "v1", lambda: MORNING)


class Office:
    """Answers as told, the last answer for ever, each after `seconds`; notes what was asked and when."""

    def __init__(self, answers: Iterable[Response | Callable[[Request], Response]], seconds: float = 0.0) -> None:
        self._answers = list(answers)
        self._seconds = seconds
        self.asked: list[Request] = []
        self.times: list[float] = []
        self.headers: list[Mapping[str, str]] = []

    async def send(self, base: str, headers: Mapping[str, str], request: Request) -> Response:
        assert base == "http://post.example"
        self.asked.append(request)
        self.headers.append(headers)
        self.times.append(Clock().monotonic())
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        await asyncio.sleep(self._seconds)
        return answer if isinstance(answer, Response) else answer(request)


class Desk:
    """One connection at the post, and the rim before it."""

    def __init__(self, office: Office, windows: tuple[tuple[float, int], ...] = ()) -> None:
        self.office = office
        self.clock = Clock()
        self.live = Live(sink(windows), account(), self.clock, Breaker(self.clock))
        self.pools = Pools(self.clock, lambda: 1.0)
        self.rim = Rim(office, self.pools, self.clock, _allowed)
        self.noted: list[Any] = []

    async def note(self, told: Started | Remember) -> None:
        """Settle what an heir must know."""
        self.noted.append((told.job if isinstance(told, Started) else told, len(self.office.asked)))


async def _allowed() -> None:
    return None


def letter(name: str = "one", *, repeatable: bool = True) -> Request:
    """A request to the post."""
    return Request("POST", f"/letters/{name}", "letters", {"to": name}, repeatable=repeatable)
