"""What a call is answered, what is written before it is, and what nobody is ever told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx
import pytest

from producers.webhooks.app import LARGEST_BODY, Counter, application
from producers.webhooks.door import ASK_AGAIN, Door, Headers, Token, Unreadable
from producers.webhooks.messages import Desk
from schemas.codec import codec
from schemas.definitions import blank
from schemas.topics import Names
from tillstream import telemetry
from tillstream.kafka.publisher import Message
from tillstream.settings import SecretError

NOW = datetime(2026, 6, 14, 2, 20, 9, tzinfo=UTC)
PATH = "/webhooks/au/pigeon/s3cret"
MIA = "mia@customer.example"


class Told(NamedTuple):
    """An event as a platform's reader makes it."""

    topic: str
    tail: str
    object: str
    record: dict[str, Any]


def tier(**changes: Any) -> Told:
    where = {"connection": "au", "origin": "yotpo", "source_time": NOW, "sha256": "ab12", "email": MIA}
    return Told("tiers", MIA, "771", {**blank("tiers"), **where, "tier_name": "Gold", **changes})


class Shelf:
    """A Kafka that is a list, or away."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.away = False

    async def write(self, messages: Sequence[Message]) -> bool:
        if not self.away:
            self.messages += messages
        return not self.away


def read(headers: Headers, body: bytes) -> Sequence[Told] | Unreadable:
    """A platform whose bodies are words."""
    match body:
        case b"gold":
            return (tier(),)
        case b"weather":
            return ()
        case b"huge":
            return (tier(points_balance=2**80),)
        case b"long":
            return (tier(), tier(tier_name="Gold" * 1000))
        case b"bug":
            raise KeyError(MIA)
        case _:
            return Unreadable("no word of ours")


def signed(headers: Headers, body: bytes) -> bool:
    return headers.get("x-key", "right") == "right"


class Shop:
    """A counter with one door, au/pigeon, and its visitors."""

    def __init__(self, **changes: Any) -> None:
        self.shelf = Shelf()
        more = {"signed": signed, "delivery": lambda headers: headers.get("x-id", ""), **changes}
        door = Door("au", "pigeon", Token(lambda: "s3cret"), read, **more)
        self.counter = Counter([door], lambda: NOW, Desk(codec(None), Names("t.")), self.shelf, body_seconds=0.2)

    def call(self, body: Any = b"gold", path: str = PATH, method: str = "POST", **headers: str) -> httpx.Response:
        return asyncio.run(self._call(body, path, method, headers))

    async def _call(self, body: Any, path: str, method: str, headers: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(application(self.counter))
        async with httpx.AsyncClient(transport=transport, base_url="http://shop.test") as client:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.request(method, path, content=body, headers=named)


def count(outcome: str, platform: str = "pigeon") -> float:
    return telemetry.REGISTRY.get_sample_value(
        "tillstream_webhooks_total", {"platform": platform, "outcome": outcome}
    ) or 0.0  # fmt: skip


def test_a_call_is_answered_200_when_its_event_is_written_under_its_key_with_the_headers_of_all_events() -> None:
    shop, before = Shop(), count("taken")
    assert shop.call().status_code == 200
    (message,) = shop.shelf.messages
    assert (message.topic, message.key) == ("t.tiers", f"au/{MIA}".encode())
    assert codec(None).decode("tiers", message.value or b"")["tier_name"] == "Gold"
    told = dict(message.headers)
    assert told["tillstream.order"] == b"2026-06-14T02:20:09.000000Z|-|000000000"
    assert (told["tillstream.object"], told["tillstream.origin"]) == (b"771", b"yotpo")
    assert told["tillstream.sha256"] == b"pigeon-webhooks:2026-06-14"
    assert count("taken") == before + 1


def test_the_same_call_again_is_written_again_for_those_who_know_to_pass_over_it() -> None:
    shop = Shop()
    assert [shop.call(x_id="e-1").status_code for _ in range(3)] == [200] * 3
    assert len({message.value for message in shop.shelf.messages}) == 1
    assert len(shop.shelf.messages) == 3


@pytest.mark.parametrize(
    "path",
    [
        "/webhooks/au/pigeon/wrong",
        "/webhooks/au/pigeon/s3cre",
        "/webhooks/au/raven/s3cret",
        "/webhooks/nz/pigeon/s3cret",
        "/webhooks/au/pigeon",
        "/webhooks/au/pigeon/s3cret/more",
        "/",
    ],
)
def test_every_wrong_path_is_the_same_404(path: str) -> None:
    shop = Shop()
    answer = shop.call(path=path)
    assert (answer.status_code, answer.content, answer.headers.get("content-type")) == (404, b"", None)
    assert shop.shelf.messages == []


def test_a_token_with_a_slash_is_taken_as_check_writes_it_and_none_is_empty() -> None:
    slash, empty = Shop(), Shop()
    slash.counter = Counter([_door("s3/c%+t=")], lambda: NOW, Desk(codec(None), Names("t.")), slash.shelf)
    empty.counter = Counter([_door("")], lambda: NOW, Desk(codec(None), Names("t.")), empty.shelf)
    assert slash.call(path=f"/webhooks/au/pigeon/{quote('s3/c%+t=', safe='')}").status_code == 200
    assert slash.call(path="/webhooks/au/pigeon/s3").status_code == 404
    assert empty.call(path="/webhooks/au/pigeon/").status_code == 404


def _door(token: str) -> Door:
    return Door("au", "pigeon", Token(lambda: token), read)


def test_only_a_post_is_taken() -> None:
    answer = Shop().call(method="GET")
    assert (answer.status_code, answer.content) == (405, b"")


def test_a_platform_that_is_not_configured_has_no_label_of_its_own() -> None:
    before = count("unknown", "unknown")
    Shop().call(path="/webhooks/au/raven/s3cret")
    assert (count("unknown", "unknown"), count("unknown", "raven")) == (before + 1, 0)


def test_a_wrong_signature_is_401_and_counted_and_nothing_is_written() -> None:
    shop, before = Shop(), count("signature")
    assert shop.call(x_key="wrong").status_code == 401
    assert (shop.shelf.messages, count("signature")) == ([], before + 1)


def test_what_concerns_nobody_is_taken_and_makes_nothing() -> None:
    shop = Shop()
    assert shop.call(b"weather").status_code == 200
    assert shop.shelf.messages == []


@pytest.mark.parametrize(("body", "why"), [(b"\xff{broken", "no word of ours"), (b"huge", "Tier.points_balance")])
def test_a_malformed_body_is_kept_as_it_came_with_its_reason_and_answered_200(body: bytes, why: str) -> None:
    shop, before = Shop(), count("malformed")
    assert shop.call(body, x_id="e-77").status_code == 200
    (letter,) = shop.shelf.messages
    told = {name.removeprefix("tillstream."): value.decode() for name, value in letter.headers}
    assert (letter.topic, letter.value) == ("t.tillstream.webhooks.dlq", body)
    assert (told["group"], told["connection"], told["entity"], told["reason"]) == (
        "webhooks", "au", "pigeon", "malformed",
    )  # fmt: skip
    assert why in told["message"]
    assert (told["request-id"], told["first-failed"]) == ("e-77", "2026-06-14T02:20:09+00:00")
    assert count("malformed") == before + 1


def test_an_event_that_is_larger_than_kafka_takes_makes_its_delivery_a_dead_letter_that_says_so() -> None:
    shop, before = Shop(), count("malformed")
    shop.counter.desk = Desk(codec(None), Names("t."), largest=2_000)
    assert shop.call(b"long").status_code == 200
    (letter,) = shop.shelf.messages
    told = dict(letter.headers)
    assert (letter.topic, letter.value) == ("t.tillstream.webhooks.dlq", b"long")
    assert told["tillstream.reason"] == b"too_large"
    assert b"more than Kafka takes" in told["tillstream.message"]
    assert count("malformed") == before + 1


def test_a_delivery_that_is_too_large_even_for_a_dead_letter_is_said_and_answered_413() -> None:
    shop, before = Shop(), count("too_large")
    shop.counter.desk = Desk(codec(None), Names("t."), letters=1_000)
    assert shop.call(b"?" * 500).status_code == 413
    assert (shop.shelf.messages, count("too_large")) == ([], before + 1)
    assert shop.call(b"gold").status_code == 200


def test_a_name_that_is_no_id_gets_nowhere() -> None:
    shop = Shop()
    shop.call(b"?", x_id=f"from {MIA}")
    assert dict(shop.shelf.messages[0].headers)["tillstream.request-id"] == b""


@pytest.mark.parametrize("body", [b"gold", b"broken"])
def test_without_kafka_it_is_503_so_that_the_platform_tries_again(body: bytes) -> None:
    shop = Shop()
    shop.shelf.away = True
    assert shop.call(body).status_code == 503
    shop.counter.writer = None
    assert shop.call(body).status_code == 503


async def pieces(size: int) -> AsyncIterator[bytes]:
    """A body whose length nobody says."""
    for _ in range(size // 65_536 + 1):
        yield b"x" * 65_536


def test_a_body_that_is_too_large_is_413_whether_it_says_so_or_not() -> None:
    shop = Shop()
    assert shop.call(b"x" * (LARGEST_BODY + 1)).status_code == 413
    assert shop.call(pieces(LARGEST_BODY)).status_code == 413
    assert shop.call(b"gold", content_length=str(LARGEST_BODY + 1)).status_code == 413
    assert shop.shelf.messages == []


async def dripping() -> AsyncIterator[bytes]:
    yield b"go"
    await asyncio.sleep(5)
    yield b"ld"


def test_a_body_that_does_not_come_is_408() -> None:
    assert Shop().call(dripping()).status_code == 408


def test_a_fault_of_ours_ends_one_call_and_tells_nobody_what_was_in_it(caplog: pytest.LogCaptureFixture) -> None:
    shop = Shop()
    with caplog.at_level(logging.DEBUG):
        answer = shop.call(b"bug")
    assert (answer.status_code, answer.content) == (500, b"")
    assert MIA not in caplog.text
    assert shop.call().status_code == 200


def test_what_the_platform_says_now_is_what_is_written() -> None:
    async def fresh(event: Any) -> Any:
        return event._replace(record={**event.record, "tier_name": "Platinum"})

    shop = Shop(fresh=fresh)
    shop.call()
    assert codec(None).decode("tiers", shop.shelf.messages[0].value or b"")["tier_name"] == "Platinum"


def test_a_token_in_a_file_is_read_again_and_the_last_one_holds_while_it_cannot_be() -> None:
    said: list[str | SecretError] = ["first", SecretError("gone"), "second"]
    time = [0.0]

    def file() -> str:
        found = said.pop(0)
        if isinstance(found, SecretError):
            raise found
        return found

    token = Token(file, lambda: time[0])
    assert token.now() == "first"
    time[0] += ASK_AGAIN + 1
    assert token.now() == "first"
    time[0] += ASK_AGAIN + 1
    assert [token.now(), token.now()] == ["second", "second"]
