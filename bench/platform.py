"""A platform that costs next to nothing: it takes what it is given, after a set time, and remembers when.

`python -m bench.platform --latency 0.02` listens on any free port and prints it. `GET /log` reads everything out.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from dataclasses import dataclass, field
from typing import cast

import orjson
import uvloop

KEPT = 300
"""Bytes of a body that are remembered: enough for a key, an order and an id."""


@dataclass(slots=True)
class Windows:
    """Fixed windows of `seconds`, counted from the first request on; 0 requests: no limit."""

    limits: tuple[tuple[float, int], ...]
    first: float = 0.0
    used: dict[tuple[float, int], int] = field(default_factory=dict)

    def wait(self, now: float) -> float:
        """0 where the request passes (and is counted), else the seconds until its window ends."""
        self.first = self.first or now
        places = [(seconds, int((now - self.first) / seconds)) for seconds, limit in self.limits if limit]
        for (seconds, number), limit in zip(places, (limit for _, limit in self.limits if limit), strict=True):
            if self.used.get((seconds, number), 0) >= limit:
                return self.first + (number + 1) * seconds - now
        for place in places:
            self.used[place] = self.used.get(place, 0) + 1
        return 0.0


class Platform:
    """What came: when it arrived, its status, when it was answered, and how its body begins."""

    def __init__(self, latency: float, windows: Windows) -> None:
        self.latency = latency
        self.windows = windows
        self.log: list[tuple[float, int, list[float], bytes]] = []
        self.taken = 0

    def answer(self, method: bytes, path: bytes, body: bytes) -> tuple[float, bytes]:
        """How long to wait, and what to say then."""
        if method == b"POST":
            return self._take(body)
        if path == b"/log":
            return 0.0, _response(200, orjson.dumps([_readable(*line) for line in self.log]))
        if path == b"/count":
            return 0.0, _response(200, b"%d" % self.taken)
        return 0.0, _response(200, b"{}")

    def _take(self, body: bytes) -> tuple[float, bytes]:
        now = time.time()
        wait = self.windows.wait(now)
        status = 429 if wait else 201
        self.taken += not wait
        self.log.append((now, status, [], body[:KEPT]))
        said = b"Retry-After: %d\r\n" % (int(wait) + 1) if wait else b""
        return self.latency, _response(status, b"{}", said)

    def answered(self, number: int) -> None:
        """The answer to this line of the log has left."""
        self.log[number][2].append(time.time())


def _readable(arrived: float, status: int, left: list[float], body: bytes) -> list[object]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:  # a batch, of which only the beginning is kept
        found = {}
    return [
        arrived,
        status,
        left[0] if left else 0.0,
        found.get("key", ""),
        found.get("order", ""),
        found.get("id", ""),
    ]


def _response(status: int, body: bytes, more: bytes = b"") -> bytes:
    head = b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % (status, len(body))
    return head + more + b"\r\n" + body


class Line(asyncio.Protocol):
    """One kept-alive connection; clients here wait for an answer before they ask again."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._loop = asyncio.get_running_loop()
        self._buffer = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer once a request is whole."""
        self._buffer += data
        head, parted, rest = self._buffer.partition(b"\r\n\r\n")
        if not parted:
            return
        length = _length(head)
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        method, path, _ = head.split(b" ", 2)
        number = len(self._platform.log)
        wait, said = self._platform.answer(method, path, rest[:length])
        if wait:
            self._loop.call_later(wait, self._say, said, number)
        else:
            self._say(said, number if method == b"POST" else -1)

    def _say(self, said: bytes, number: int) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(said)
        if number >= 0:
            self._platform.answered(number)


def _length(head: bytes) -> int:
    """The announced length of a request's body.

    >>> _length(b"POST / HTTP/1.1\\r\\nContent-Length: 12")
    12
    """
    _, named, rest = head.lower().partition(b"\r\ncontent-length:")
    return int(rest.partition(b"\r\n")[0]) if named else 0


async def _serve(platform: Platform) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Line(platform), "127.0.0.1", 0, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before every answer")
    parser.add_argument("--second", type=int, default=0, help="requests a second that are allowed; 0: any number")
    parser.add_argument("--minute", type=int, default=0, help="requests a minute that are allowed; 0: any number")
    given = parser.parse_args()
    platform = Platform(given.latency, Windows(((1.0, given.second), (60.0, given.minute))))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(platform))


if __name__ == "__main__":
    main()
