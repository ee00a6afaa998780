"""Send webhooks: late, twice, out of order or again, as the account's hooks say."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import httpx
import orjson

from sandbox.web.answer import Json
from sandbox.web.world import S, World

LOOK_SECONDS = 0.02
TIMEOUT_SECONDS = 5.0


@dataclass(slots=True)
class Hooks:
    """Where webhooks go and what becomes of them on the way."""

    url: str = ""
    copies: int = 1  # how often each is delivered
    shuffled: bool = False  # what is due together goes the other way round
    delay: float = 0.0  # seconds
    drop: float = 0.0  # share that is lost
    retries: int = 5  # after an answer that is no 2xx, or none
    pause: float = 0.2  # seconds before the first retry, doubled each time
    topics: tuple[str, ...] = ()  # none: all


@dataclass(slots=True)
class Letter:
    """A webhook on its way; where a platform tells several of one event, `place` is who is told (a subscription)."""

    topic: str
    body: Json
    due: float
    id: str
    url: str
    made: float
    place: str = ""
    event: str = ""
    attempt: int = 0


@dataclass(slots=True)
class Delivery:
    """One webhook request that was made; status 0: no answer."""

    topic: str
    id: str
    attempt: int
    status: int

    @property
    def arrived(self) -> bool:
        """Only a 2xx counts; a redirect does not."""
        return 200 <= self.status < 300


@dataclass(slots=True)
class Outgoing:
    """What happened, what waits to be sent, and what was sent."""

    emitted: list[Json] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    sent: list[Delivery] = field(default_factory=list)
    dropped: int = 0


H = TypeVar("H", bound=Hooks)


class Sender(World[S], Generic[S, H]):
    """An account that tells others what happened in it."""

    def __init__(self, settings: S, hooks: H) -> None:
        self.hooks = hooks
        super().__init__(settings)

    def reset(self) -> None:
        """Forget everything but the settings, the hooks and the time."""
        super().reset()
        self.outgoing = Outgoing()

    @abstractmethod
    def dress(self, letter: Letter, payload: bytes) -> Mapping[str, str]:
        """The platform's own headers of a delivery."""

    def answered(self, letter: Letter, delivery: Delivery) -> None:
        """A delivery was made: one that did not arrive goes again after a while, a few times."""
        if not delivery.arrived and letter.attempt < self.hooks.retries:
            letter.due = self.now() + self.hooks.pause * 2**letter.attempt
            letter.attempt += 1
            self.outgoing.letters.append(letter)

    def mail(
        self, topic: str, body: Json, name: Callable[[], str], *, url: str = "", place: str = "", event: str = ""
    ) -> None:
        """Put copies of a webhook into the post, each named, to the hooks' address unless another is given."""
        hooks, out, made, to = self.hooks, self.outgoing, self.now(), url or self.hooks.url
        if not to or (hooks.topics and topic not in hooks.topics):
            return
        if self.random.random() < hooks.drop:
            out.dropped += 1
            return
        due = made + hooks.delay
        out.letters += [Letter(topic, body, due, name(), to, made, place, event) for _ in range(hooks.copies)]

    def due(self) -> list[Letter]:
        """Take what is to be delivered now out of the post."""
        now, letters = self.now(), self.outgoing.letters
        found = [letter for letter in letters if letter.due <= now]
        self.outgoing.letters = [letter for letter in letters if letter.due > now]
        return found[::-1] if self.hooks.shuffled else found


class Postman:
    """Carries what waits in an account's post, one after the other, while his loop runs."""

    def __init__(self, sender: Sender[Any, Any]) -> None:
        self._sender = sender
        self._loop: asyncio.AbstractEventLoop | None = None
        self._round: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Walk his rounds in the running loop; called as often as one likes."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._round = loop, loop.create_task(self._walk())

    async def _walk(self) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_SECONDS) as client:
            while True:
                self._sender.settle()
                for letter in self._sender.due():
                    await self._deliver(client, letter)
                await asyncio.sleep(LOOK_SECONDS)

    async def _deliver(self, client: httpx.AsyncClient, letter: Letter) -> None:
        payload = orjson.dumps(letter.body)
        headers = {"Content-Type": "application/json", **self._sender.dress(letter, payload)}
        try:
            answer = await client.post(letter.url, content=payload, headers=headers)
            status = answer.status_code
        except httpx.HTTPError:
            status = 0
        delivery = Delivery(letter.topic, letter.id, letter.attempt, status)
        self._sender.outgoing.sent.append(delivery)
        self._sender.answered(letter, delivery)
