"""F22: the schema registry is away, fails, or does not know an id. What was learned goes on; what is unknown waits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from sandbox.kafka.broker import Broker
from schemas.codec import codec
from schemas.definitions import definition
from tests.flow.intake import Intake
from tests.flow.road import Road
from tests.producers.desks import CUSTOMER
from tests.schemas.registry_server import RegistryServer
from tests.second_platform.loft import Loft
from tests.waiting import Leap, until

UNKNOWN = 4711
NAME = "customers_20250401T060000Z.csv"


@contextmanager
def registered(kafka: Broker, prefix: str, folder: Path, loft: Loft) -> Iterator[tuple[Road, RegistryServer]]:
    """A road whose records name their schema by an id of a registry."""
    with closing(RegistryServer()) as server:
        road = Road(kafka, prefix, folder, loft, more=f'[registry]\nurl = "{server.url}"')
        road.codec = codec(server.url, prefix)
        yield road, server


@pytest.mark.parametrize("status", [500, 503])
def test_f22_what_was_learned_goes_on_while_the_registry_fails(
    kafka: Broker, prefix: str, tmp_path: Path, status: int
) -> None:
    with Loft() as loft, registered(kafka, prefix, tmp_path, loft) as (road, server):
        with road.inside() as worker:
            road.customers([("kim", 0, "Kim")])
            until(lambda: len(loft.taken) == 1)
            server.failing = status
            road.customers([("robin", 0, "Robin")])
            until(lambda: len(loft.taken) == 2)
            assert worker.stop() == 0
        road.customers([("ali", 0, "Ali")])
        assert road.consume() == 0, "a start without the registry: what was learned outlives the process"
        assert [letter.body["name"] for letter in loft.taken] == ["Kim", "Robin", "Ali"]
        assert road.dead() == []


def test_f22_a_first_start_without_the_registry_waits_for_it(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft() as loft, registered(kafka, prefix, tmp_path, loft) as (road, server):
        road.customers([("kim", 0, "Kim")])
        server.failing = 500
        clock = Leap()
        with road.inside(clock) as worker:
            until(lambda: any(call.startswith("GET") for call in server.calls))
            server.failing = None
            clock.leap(60)
            until(lambda: len(loft.taken) == 1)
            assert worker.stop() == 0
        assert road.totals() == {"customers/delivered": 1}


def test_f22_a_producer_that_starts_without_the_registry_says_so_and_waits(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with closing(RegistryServer()) as server:
        intake = Intake(kafka, prefix, tmp_path, more=f'[registry]\nurl = "{server.url}"')
        intake.drop(NAME, f"{CUSTOMER}\n1,kim@customer.example,No,2025-04-01T09:00:00,No\n")
        server.failing = 500
        with intake.producer() as producer:
            until(
                lambda: producer.pages and "schema registry" in producer.page("readyz").text, what=lambda: producer.told
            )
            server.failing = None
            until(lambda: intake.names_in("processed") == [NAME], what=lambda: producer.told)
            assert producer.stop() == 0


def test_f22_an_id_that_nobody_knows_waits_and_is_then_a_dead_letter_that_names_it(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft() as loft, registered(kafka, prefix, tmp_path, loft) as (road, _):
        road.customers([("kim", 0, "Kim")])
        (good,) = road.read(road.names.topic("customers"))
        strange = b"\x00" + UNKNOWN.to_bytes(4, "big") + good.value()[5:]
        road.raw("customers", b"au/robin@customer.example", strange, dict(good.headers()))
        clock = Leap()
        with road.inside(clock):
            until(lambda: len(loft.taken) == 1, what="the others do not wait for it")
            assert road.dead() == []

            def buried() -> bool:
                clock.leap(60)
                return bool(road.dead())

            until(buried)
        (letter,) = road.dead()
        assert (letter["reason"], str(UNKNOWN) in letter["message"]) == ("unknown_schema", True)
        assert letter["schema"].startswith(strange[:5].hex())


def test_f22_an_id_that_is_known_in_time_is_read(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft() as loft, registered(kafka, prefix, tmp_path, loft) as (road, server):
        road.customers([("kim", 0, "Kim")])
        (good,) = road.read(road.names.topic("customers"))
        road.raw(
            "customers",
            b"au/robin@customer.example",
            b"\x00" + UNKNOWN.to_bytes(4, "big") + good.value()[5:],
            dict(good.headers()),
        )
        clock = Leap()
        with road.inside(clock):
            until(lambda: any(call.endswith(f"/{UNKNOWN}") for call in server.calls))
            server.schemas[UNKNOWN] = json.dumps(definition("customers"))

            def served() -> bool:
                clock.leap(0.5)  # less than a session between two turns
                return len(loft.taken) == 2

            until(served)
        assert road.dead() == []
