"""With a registry the framing is Confluent's; without it, what was learned goes on."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from schemas.codec import Codec, Poison, UnknownSchema, codec
from schemas.definitions import definition
from schemas.lookup import RegistryAway, RegistryRefused
from schemas.registry import ASK_AGAIN, Registry
from schemas.topics import Names
from tests.schemas.examples import PRIYA, RETURN
from tests.schemas.registry_server import RegistryServer


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    served = RegistryServer()
    yield served
    served.close()


class Hand:
    """A clock whose hand the test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_records_are_framed_with_the_id_of_their_subject(server: RegistryServer) -> None:
    server.register("somebody-elses", '"string"')
    spoken = codec(server.url, "eu.")
    payload = spoken.encode("customers", PRIYA).payload
    assert payload[:5] == b"\x00\x00\x00\x00\x02"
    assert server.subjects["eu.customers-value"] == 2
    assert json.loads(server.schemas[2]) == definition("customers")
    assert spoken.decode("customers", payload) == PRIYA


def test_the_hash_is_the_same_in_both_framings_and_both_are_read(server: RegistryServer) -> None:
    plain, framed = codec(None), codec(server.url)
    assert plain.encode("orders", RETURN).content == framed.encode("orders", RETURN).content
    assert framed.decode("orders", plain.encode("orders", RETURN).payload) == RETURN


def test_the_registry_is_asked_once(server: RegistryServer) -> None:
    writer, reader = codec(server.url), codec(server.url)
    payloads = [writer.encode("customers", PRIYA).payload for _ in range(5)]
    assert [reader.decode("customers", payload) for payload in payloads] == [PRIYA] * 5
    assert server.calls == ["POST /subjects/customers-value/versions", "GET /schemas/ids/1"]


def test_known_schemas_go_on_when_the_registry_is_away(server: RegistryServer) -> None:
    spoken = codec(server.url)
    payload = spoken.encode("customers", PRIYA).payload
    spoken.decode("customers", payload)
    server.failing = 500
    assert spoken.decode("customers", spoken.encode("customers", PRIYA).payload) == PRIYA
    with pytest.raises(RegistryAway, match="orders-value"):
        spoken.encode("orders", RETURN)


def test_a_start_without_the_registry_uses_what_was_learned_before(server: RegistryServer, tmp_path: Path) -> None:
    memory = tmp_path / "registry.json"
    before = codec(server.url, memory=memory)
    payload = before.encode("customers", PRIYA).payload
    before.decode("customers", payload)
    server.failing = 503
    after = codec(server.url, memory=memory)
    assert after.encode("customers", PRIYA).payload == payload
    assert after.decode("customers", payload) == PRIYA


@pytest.mark.parametrize("damage", ["", '{"1": "{', "[1]"])
def test_a_memory_that_was_damaged_is_learned_anew(server: RegistryServer, tmp_path: Path, damage: str) -> None:
    memory = tmp_path / "registry.json"
    memory.write_text(damage, encoding="utf-8")
    payload = codec(server.url, memory=memory).encode("customers", PRIYA).payload
    server.failing = 503
    assert codec(server.url, memory=memory).encode("customers", PRIYA).payload == payload


def test_the_ids_of_one_registry_are_not_those_of_another(server: RegistryServer, tmp_path: Path) -> None:
    memory = tmp_path / "registry.json"
    codec(server.url, memory=memory).encode("customers", PRIYA)
    with closing(RegistryServer()) as other:
        other.register("somebody-elses", '"string"')
        assert codec(other.url, memory=memory).encode("customers", PRIYA).payload[:5] == b"\x00\x00\x00\x00\x02"


def test_a_new_password_makes_no_other_registry_and_stands_in_no_file(server: RegistryServer, tmp_path: Path) -> None:
    memory, place = tmp_path / "registry.json", server.url.removeprefix("http://")
    payload = codec(f"http://kim:former@{place}", memory=memory).encode("customers", PRIYA).payload
    server.failing = 503
    assert codec(f"http://kim:newer@{place}", memory=memory).encode("customers", PRIYA).payload == payload
    assert "former" not in memory.read_text(encoding="utf-8")


@pytest.mark.parametrize("failing", [None, 500, 401])
def test_an_id_nobody_knows_may_be_known_later(server: RegistryServer, failing: int | None) -> None:
    hand = Hand()
    spoken = Codec(Registry(server.url, time=hand), Names())
    server.failing = failing
    payload = b"\x00" + (1).to_bytes(4, "big") + codec(None).encode("customers", PRIYA).payload[10:]
    for _ in range(3):
        with pytest.raises(UnknownSchema, match="with the id 1"):
            spoken.decode("customers", payload)
    assert len(server.calls) == 1, "three records, one question"
    server.failing = None
    server.register("customers-value", json.dumps(definition("customers")))
    hand.seconds += ASK_AGAIN
    assert spoken.decode("customers", payload) == PRIYA


def test_who_was_introduced_writes_everything_while_the_registry_is_away(server: RegistryServer) -> None:
    spoken = codec(server.url)
    assert spoken.introduce()
    server.failing = 500
    assert spoken.introduce()
    assert spoken.decode("orders", codec(None).encode("orders", RETURN).payload) == RETURN
    assert spoken.encode("orders", RETURN).payload[:1] == b"\x00"
    assert len(server.subjects) == 4


def test_a_registry_nobody_listens_at_is_away() -> None:
    with pytest.raises(RegistryAway):
        codec("http://127.0.0.1:9").encode("customers", PRIYA)


def test_a_schema_the_registry_refuses_is_an_error_that_says_so(server: RegistryServer) -> None:
    server.failing = 409
    with pytest.raises(RegistryRefused, match="409"):
        codec(server.url).encode("customers", PRIYA)


@pytest.mark.parametrize(
    "foreign",
    ['"string"', 'syntax = "proto3";', '{"type": "record", "name": "Shoe", "fields": []}', '{"type": "shoe"}'],
)
def test_a_record_of_another_kind_is_poison(server: RegistryServer, foreign: str) -> None:
    number = server.register("shoes-value", foreign)
    with pytest.raises(Poison):
        codec(server.url).decode("customers", b"\x00" + number.to_bytes(4, "big") + b"\x02a")
