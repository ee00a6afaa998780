"""Send requests to platforms. Total: whatever happens on the way comes back as a response."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from types import TracebackType
from urllib.parse import quote, urlencode

import aiohttp
import orjson
from aiohttp.abc import AbstractStreamWriter
from yarl import URL

from consumers.engine.wire import Json, Request, Response

CONNECT_SECONDS = 10.0
TOTAL_SECONDS = 60.0
KEPT_SECONDS = 2.0
"""How long a connection is kept that nobody uses: less than the five seconds after which many servers close it. On one
that is just being closed a request is lost, and of one that must not be repeated nobody knows whether it was heard."""


class _Body(aiohttp.BytesPayload):
    """A body that is written only when that is allowed: connecting takes a while, and ours may be another's by then."""

    def __init__(self, body: bytes, allowed: Callable[[], Awaitable[None]]) -> None:
        super().__init__(body)
        self._allowed = allowed

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        await self._allowed()
        await super().write_with_length(writer, content_length)


async def _at_once() -> None:
    return None


class Client:
    """One pool of connections for all accounts of a worker. Nothing is written before `allowed` returns."""

    def __init__(self, total_seconds: float = TOTAL_SECONDS, kept_seconds: float = KEPT_SECONDS) -> None:
        """Must be made inside the running loop."""
        self.allowed: Callable[[], Awaitable[None]] = _at_once
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=60, keepalive_timeout=kept_seconds),
            cookie_jar=aiohttp.DummyCookieJar(),  # accounts at one platform must not share a session
            timeout=aiohttp.ClientTimeout(total=total_seconds, connect=CONNECT_SECONDS),
            auto_decompress=True,
            skip_auto_headers=("User-Agent", "Content-Type"),
        )

    async def send(self, base: str, headers: Mapping[str, str], request: Request) -> Response:
        """One request, one response; status 0 where nothing came back (its body says why)."""
        data = None if request.body is None else _Body(_bytes(request.body), self.allowed)
        headers = {**headers, **dict(request.headers)} if request.headers else headers
        try:
            async with self._session.request(
                request.method, _url(base, request), data=data, headers=headers, allow_redirects=False
            ) as answer:
                body = await answer.read()
                return Response(answer.status, body, answer.headers)
        except (
            aiohttp.ClientError,
            TimeoutError,
            OSError,
            ValueError,
        ) as error:  # the last: of a header
            return Response(0, told(error).encode())

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()


def _bytes(body: Json) -> bytes:
    """Bytes are of a format that the plan knows; all else is JSON."""
    return body if isinstance(body, bytes) else orjson.dumps(body)


def told(error: Exception) -> str:
    """What happened, without the address that was asked: its query may name a person, and some errors repeat it."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{type(error).__name__}: {error}"  # of the address it has host and port
    if isinstance(error, OSError) and error.errno:
        return f"{type(error).__name__}: {os.strerror(error.errno)}"
    return type(error).__name__


def _url(base: str, request: Request) -> URL:
    if not request.query:
        return _plain(base, request.path)
    return URL(f"{base.rstrip('/')}{request.path}?{urlencode(request.query, quote_via=quote)}", encoded=True)


@lru_cache(1024)
def _plain(base: str, path: str) -> URL:
    return URL(base.rstrip("/") + path, encoded=True)
