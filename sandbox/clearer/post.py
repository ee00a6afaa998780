"""Send webhooks: late, twice, out of order or again, as the account's hooks say."""

from __future__ import annotations

import asyncio

import httpx
import orjson

from sandbox.clearer.world import Delivery, Letter, World

LOOK_SECONDS = 0.02
TIMEOUT_SECONDS = 5.0


class Postman:
    """Carries what waits in the world's outgoing letters, one after the other, while his loop runs."""

    def __init__(self, world: World) -> None:
        self._world = world
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
                for letter in self._due():
                    await self._deliver(client, letter)
                await asyncio.sleep(LOOK_SECONDS)

    def _due(self) -> list[Letter]:
        outgoing, now = self._world.outgoing, self._world.now()
        due = [letter for letter in outgoing.letters if letter.due <= now]
        outgoing.letters = [letter for letter in outgoing.letters if letter.due > now]
        if self._world.hooks.shuffled:
            due.reverse()
        return due

    async def _deliver(self, client: httpx.AsyncClient, letter: Letter) -> None:
        hooks = self._world.hooks
        headers = {"Content-Type": "application/json", "X-Webhook-Topic": letter.topic, "X-Webhook-Id": letter.id}
        try:
            answer = await client.post(hooks.url, content=orjson.dumps(letter.body), headers=headers)
            status = answer.status_code
        except httpx.HTTPError:
            status = 0
        self._world.outgoing.sent.append(Delivery(letter.topic, letter.id, letter.attempt, status))
        if not 200 <= status < 300 and letter.attempt < hooks.retries:
            letter.due = self._world.now() + hooks.pause * 2**letter.attempt
            letter.attempt += 1
            self._world.outgoing.letters.append(letter)
