"""Whatever happens on the way to a platform comes back as a response: each test has its own little server or none."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import pytest

from consumers.engine.http import Client, told
from consumers.engine.wire import Request, Response
from sandbox.program import free_port

Server = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LETTER = Request(
    "POST", "/letters", "letters", {"to": "Kim"}, query=(("filter", "equals(email,'kim+1@customer.example')"),)
)


async def head(reader: asyncio.StreamReader) -> bytes:
    """A request's first lines."""
    return await reader.readuntil(b"\r\n\r\n")


@asynccontextmanager
async def listening(server: Server, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server that does this with each connection; its base address."""
    served: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        served.add(task)
        with suppress(ConnectionError, asyncio.CancelledError):
            await server(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    listener = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    port = listener.sockets[0].getsockname()[1]
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    finally:
        listener.close()
        for task in served:
            task.cancel()
        await asyncio.gather(*served, return_exceptions=True)


def ask(server: Server, total: float = 5.0, tls: ssl.SSLContext | None = None) -> Response:
    """One request to such a server."""

    async def story() -> Response:
        async with listening(server, tls) as base, Client(total_seconds=total) as client:
            return await client.send(f"{base}/base/", {"X-Key": "k"}, LETTER)

    return asyncio.run(story())


def ask_at(base: str) -> Response:
    """One request to this address."""

    async def story() -> Response:
        async with Client(total_seconds=5.0) as client:
            return await client.send(base, {}, LETTER)

    return asyncio.run(story())


def test_what_is_sent_is_the_request_and_nothing_else() -> None:
    seen: list[bytes] = []

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await head(reader) + await reader.readexactly(12))
        writer.write(b'HTTP/1.1 202 OK\r\nRetry-After: 3\r\nContent-Length: 8\r\n\r\n{"id":7}')
        await writer.drain()

    response = ask(server)
    assert (response.status, response.json(), response.headers["retry-after"]) == (202, {"id": 7}, "3")
    first, *lines = seen[0].decode().split("\r\n")
    assert first == "POST /base/letters?filter=equals%28email%2C%27kim%2B1%40customer.example%27%29 HTTP/1.1"
    assert "X-Key: k" in lines
    assert lines[-1] == '{"to":"Kim"}'
    assert not any(line.startswith(("User-Agent", "Content-Type", "Cookie")) for line in lines)


def test_bytes_travel_as_they_are_and_a_request_may_have_headers_of_its_own() -> None:
    seen: list[bytes] = []

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await head(reader) + await reader.readexactly(10))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async def story() -> None:
        letter = Request("PUT", "/7", "letters", b"<Id>7</Id>", headers=(("Accept", "version_2.0"),))
        async with listening(server) as base, Client() as client:
            assert (await client.send(base, {"Accept": "*/*", "Content-Type": "text/xml"}, letter)).ok

    asyncio.run(story())
    lines = seen[0].decode().split("\r\n")
    assert {"Accept: version_2.0", "Content-Type: text/xml", "Content-Length: 10"} < set(lines)
    assert "Accept: */*" not in lines
    assert lines[-1] == "<Id>7</Id>"


def test_accounts_at_one_platform_share_no_cookies() -> None:
    seen: list[bytes] = []

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            seen.append(await head(reader))
            writer.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: session=au\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()

    async def story() -> None:
        async with listening(server) as base, Client() as client:
            for _ in range(2):
                named = base.replace("127.0.0.1", "localhost")
                assert (await client.send(named, {}, Request("GET", "/me", "me"))).ok

    asyncio.run(story())
    assert len(seen) == 2
    assert b"Cookie" not in seen[1]


@pytest.mark.parametrize(("kept", "used"), [(60.0, [2]), (0.1, [1, 1])])
def test_a_connection_that_was_idle_for_a_while_is_not_used_again(kept: float, used: list[int]) -> None:
    """The server may be closing it; what is sent then is lost, and nobody knows whether it was heard."""
    connections: list[int] = []

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(0)
        while True:
            await head(reader)
            connections[-1] += 1
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    async def story() -> None:
        async with listening(server) as base, Client(kept_seconds=kept) as client:
            for pause in (0.0, 0.2):
                await asyncio.sleep(pause)
                await client.send(base, {}, Request("GET", "/letters", "letters"))

    asyncio.run(story())
    assert connections == used


def test_a_key_that_no_header_can_hold_is_no_answer_and_not_repeated() -> None:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def story() -> Response:
        async with listening(server) as base, Client() as client:
            return await client.send(base, {"X-Key": "hush\nhush"}, LETTER)

    assert asyncio.run(story()) == Response(0, b"ValueError")


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    assert ask(server).status == 302


def test_nobody_listens() -> None:
    response = ask_at(f"http://127.0.0.1:{free_port()}")
    assert response.status == 0
    assert b"Cannot connect" in response.body


def test_the_name_is_unknown() -> None:
    assert ask_at("http://nobody.invalid").status == 0


def test_the_connection_is_closed_before_an_answer() -> None:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)

    assert ask(server).status == 0


def test_the_connection_is_reset_in_the_middle_of_the_body() -> None:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of")
        await writer.drain()
        writer.transport.abort()

    assert ask(server).status == 0


def test_a_body_that_never_ends_is_cut_by_the_total_time() -> None:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"1\r\nx\r\n")
            await writer.drain()
            await asyncio.sleep(0.01)

    response = ask(server, total=0.2)
    assert (response.status, response.body[:12]) == (0, b"TimeoutError")


def test_an_answer_that_never_comes_is_cut_by_the_total_time() -> None:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        await asyncio.sleep(60)

    assert ask(server, total=0.1).status == 0


def test_what_is_no_http_at_all() -> None:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
        await writer.drain()

    response = ask(server)
    assert response.status == 0
    assert b"customer.example" not in response.body, "what is logged names nobody"


@pytest.mark.parametrize(
    "error",
    [
        aiohttp.ConnectionTimeoutError("Connection timeout to host https://p.test/?email=kim%40customer.example"),
        aiohttp.ClientOSError(32, "Can not write request body for https://p.test/?email=kim%40customer.example"),
    ],
)
def test_errors_that_repeat_the_address_are_told_without_it(error: Exception) -> None:
    assert told(error).startswith(type(error).__name__)
    assert "customer" not in told(error)


def test_a_body_that_is_not_packed_as_it_says() -> None:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope")
        await writer.drain()

    assert ask(server).status == 0


def test_a_certificate_that_nobody_trusts(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-days", "1"]
    subprocess.run([*make, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    response = ask(server, tls=context)
    assert response.status == 0
    assert b"ertificate" in response.body


def test_plain_words_where_tls_was_expected() -> None:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async def story() -> Response:
        async with listening(server) as base, Client(total_seconds=5.0) as client:
            return await client.send(base.replace("http:", "https:"), {}, LETTER)

    assert asyncio.run(story()).status == 0
