"""The pigeon post itself: a little HTTP server that remembers every letter, and fails as it is told."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from types import TracebackType
from typing import Any, NamedTuple, Self

from aiohttp import web


class Letter(NamedTuple):
    """A letter or parcel that was taken."""

    kind: str
    key: str
    order: str
    body: dict[str, Any]
    at: float
    authorization: str


class Loft:
    """`answer(letter)` decides the status (201 unless told otherwise); 0 drops the connection unanswered.

    It is asked `latency` seconds after the letter came; letters that lie there then hear of a new latency, too.
    """

    def __init__(self, latency: float = 0.0) -> None:
        self.latency = latency
        self.taken: list[Letter] = []
        self.asked: Counter[int] = Counter()
        self.answer: Callable[[Letter], int] = lambda letter: 201
        self.headers: dict[str, str] = {}
        self.under_way = 0
        self.most_under_way = 0
        self.port = 0
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._open())
        self._loop.run_forever()
        self._loop.run_until_complete(self._runner.cleanup())
        self._loop.close()

    async def _open(self) -> None:
        app = web.Application()
        app.router.add_post("/{kind}", self._take)
        app.router.add_get("/", self._door)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._ready.set()

    async def _door(self, request: web.Request) -> web.Response:
        return web.json_response({})

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.json()
        letter = Letter(
            request.match_info["kind"],
            body["key"],
            body["order"],
            body,
            time.time(),
            request.headers.get("Authorization", ""),
        )
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self._think()
            status = self.answer(letter)
        finally:
            self.under_way -= 1
        self.asked[status] += 1
        if status == 0:
            assert request.transport is not None
            request.transport.close()
        elif status < 300:
            self.taken.append(letter)
        return web.json_response({}, status=status or 500, headers=self.headers)

    async def _think(self) -> None:
        """As long as `latency` says, which may change meanwhile."""
        begun = time.monotonic()
        while (left := begun + self.latency - time.monotonic()) > 0:  # noqa: ASYNC110  # what a test sets from another thread
            await asyncio.sleep(min(left, 0.05))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def disorder(self) -> int:
        """How many letters came after a newer one of the same key and kind."""
        newest: dict[tuple[str, str], str] = defaultdict(str)
        wrong = 0
        for letter in self.taken:
            wrong += newest[letter.kind, letter.key] > letter.order
            newest[letter.kind, letter.key] = max(letter.order, newest[letter.kind, letter.key])
        return wrong

    def repeats(self) -> int:
        """How many letters came again, to the letter."""
        seen = Counter((letter.kind, letter.key, letter.order) for letter in self.taken)
        return sum(count - 1 for count in seen.values())

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(60)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
