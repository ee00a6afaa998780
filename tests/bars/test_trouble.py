"""A wrong key and a platform in trouble: nothing is lost or given up, others are not held up, and limits are kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from sandbox.kafka.broker import Broker
from sandbox.klaviyo.server import KlaviyoServer
from tests.bars.shop_floor import KEY, Floor, account, customer, customers, folder_source, orders, sale, shop
from tests.waiting import until

NEW_ZEALAND = 'country = "NZ"\ncurrency = "NZD"\ntimezone = "Pacific/Auckland"\n'
EVENT_BULK = "POST /api/event-bulk-create-jobs"
PEOPLE = 1_000


@contextmanager
def at_work(floor: Floor) -> Iterator[None]:
    """A producer and a worker beside the test, until the end of the block."""
    producer, worker = (
        floor.start("produce", "folder", log="producer.log"),
        floor.start("consume", "klaviyo", log="worker.log"),
    )
    try:
        yield
        assert producer.running, producer.tail()
        assert worker.running, worker.tail()
    except AssertionError as error:
        raise AssertionError(f"{error}\n{producer.tail()}\n{worker.tail()}") from error
    finally:
        producer.stop()
        worker.stop()


def deliver(floor: Floor, number: int, connection: str = "au", people: int = PEOPLE) -> None:
    """One more pair of files: new customers, each with a sale."""
    persons = range(number * people, (number + 1) * people)
    minute = f"20250402T06{number:02d}"
    floor.drop(f"customers_{minute}00Z.csv", customers(customer(n, PRIVACY="No") for n in persons), connection)
    floor.drop(f"orders_{minute}30Z.csv", orders(sale(n, n) for n in persons), connection)


def all_there(klaviyo: KlaviyoServer, people: int) -> bool:
    counts = klaviyo.counts()
    return bool(counts["profiles"] == people and counts["events"] == people)


def test_a_wrong_key_holds_up_its_own_connection_and_goes_on_by_itself(
    kafka: Broker, prefix: str, tmp_path: Path, klaviyo: KlaviyoServer
) -> None:
    key = tmp_path / "nz.key"
    key.write_text("pk_wrong\n")
    with KlaviyoServer(keys=[KEY]) as other:
        lines = NEW_ZEALAND + folder_source(tmp_path) + account(other, "nz", key=f'private_key_file = "{key}"')
        floor = Floor(tmp_path, kafka, prefix, {"au": folder_source(tmp_path) + account(klaviyo), "nz": lines})
        with at_work(floor):
            deliver(floor, 0, people=200)
            deliver(floor, 0, "nz", people=200)
            until(lambda: all_there(klaviyo, 200), what="the other connection's records flow")
            deliver(floor, 1, people=200)
            until(lambda: all_there(klaviyo, 400), what="they still flow")
            until(lambda: waiting(floor, "nz") == (200, 200), what="two hundred of each wait")
            assert waiting(floor, "au") == (0, 0)
            assert other.counts()["profiles"] == 0
            key.write_text(KEY)
            until(lambda: all_there(other, 200), what="the right key lets them go")
            until(lambda: waiting(floor, "nz") == (0, 0), what="nothing waits")
        for connection, people in (("au", 400), ("nz", 200)):
            books = floor.books(connection)
            assert {topic: counts["delivered"] for topic, counts in books.items()} == {
                "customers": people,
                "orders": people,
            }
            assert not any(counts["dead"] for counts in books.values())


def waiting(floor: Floor, connection: str) -> tuple[int, int]:
    """Customers and orders that wait, in balanced books."""
    books = floor.books(connection)
    return books["customers"]["waiting"], books["orders"]["waiting"]


def test_a_klaviyo_in_trouble_loses_nothing_and_is_asked_no_more_than_it_takes(
    kafka: Broker, prefix: str, tmp_path: Path, klaviyo: KlaviyoServer
) -> None:
    klaviyo.settings(job_time=0.5, latency=0.05)
    floor = shop(tmp_path, kafka, prefix, klaviyo)
    faults: tuple[dict[str, Any], ...] = (
        {"status": 500, "for_seconds": 4},
        {"kind": "hang", "seconds": 4, "for_seconds": 3},
        {"kind": "reset", "done": True, "times": 3},
        {"status": 429, "retry_after": 6, "times": 3, "endpoint": EVENT_BULK},
        {"status": 401, "for_seconds": 3},
    )
    with at_work(floor):
        for number, fault in enumerate(faults):
            strike(floor, klaviyo, number, fault)
        until(lambda: waiting(floor, "au") == (0, 0), what="all settled")
    books = floor.books()
    assert {topic: (counts["delivered"], counts["dead"]) for topic, counts in books.items()} == {
        "customers": (5 * PEOPLE, 0),
        "orders": (5 * PEOPLE, 0),
    }
    rested(klaviyo)
    assert klaviyo.counts()["throttled"] <= 3 + 5
    assert "subscribes_too_soon" not in klaviyo.counts()["tallies"]


def strike(floor: Floor, klaviyo: KlaviyoServer, number: int, fault: dict[str, Any]) -> None:
    """One more pair of files, in the middle of which Klaviyo begins to fail."""
    calls = len(klaviyo.requests())
    deliver(floor, number)
    until(lambda: len(klaviyo.requests()) > calls + 3, what="in the middle of a run")
    klaviyo.fault(**fault)
    until(lambda: all_there(klaviyo, (number + 1) * PEOPLE), what=f"drained after {fault}")


def rested(klaviyo: KlaviyoServer) -> None:
    """After the first 429 of an endpoint nothing reaches it for as long as was asked, but what was under way.

    Of the six seconds half is left to that on a busy machine.
    """
    log = klaviyo.requests(EVENT_BULK)
    first = next(number for number, line in enumerate(log) if line["status"] == 429)
    times = [line["time"] for line in log[first:]]
    under_way = next(number for number, (one, next_one) in enumerate(pairwise(times)) if next_one - one >= 3)
    assert under_way < 10


def test_f49_f51_a_missing_scope_and_a_retired_revision_are_named_and_nothing_is_given_up(
    kafka: Broker, prefix: str, tmp_path: Path, klaviyo: KlaviyoServer
) -> None:
    floor = shop(tmp_path, kafka, prefix, klaviyo)
    deliver(floor, 0, people=60)
    floor.produce()
    klaviyo.settings(scopes=["profiles:read", "profiles:write", "lists:read", "accounts:read"])
    stops(floor, "lists:write")
    assert waiting(floor, "au") == (60, 60)
    klaviyo.settings(scopes=None)
    klaviyo.fault(status=410)
    stops(floor, "2026-07-15")
    assert waiting(floor, "au") == (60, 60)
    klaviyo.no_faults()
    floor.consume()
    assert {topic: counts["delivered"] for topic, counts in floor.books().items()} == {"customers": 60, "orders": 60}


def stops(floor: Floor, why: str) -> None:
    """The worker ends with 1 and says why."""
    ran = floor.till("consume", "klaviyo", "--once", "--port", "0")
    assert ran.code == 1
    assert why in ran.out + ran.err
