"""Klaviyo is away in the middle of a run, orders are replayed beside live traffic, old dead letters are sent again.

`OUTAGE_RECORDS` (20,000) and `OUTAGE_SECONDS` (20) set the size; the whole bar is 100,000 records and 600 seconds.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from pathlib import Path

from sandbox.kafka.broker import Broker
from sandbox.klaviyo.server import KlaviyoServer
from tests.bars.shop_floor import Floor, account, customer, customers, folder_source, orders, sale, well
from tests.bars.test_kills import order_held
from tests.bars.test_trouble import at_work
from tests.waiting import until

RECORDS, AWAY = int(os.environ.get("OUTAGE_RECORDS", "20000")), float(os.environ.get("OUTAGE_SECONDS", "20"))
PEOPLE = RECORDS // 2
DEAD, MOVED_ON, MORE = 200, 100, PEOPLE // 4
LONG = AWAY + RECORDS / 50
ENGINE = "[engine]\ndead_letter_run = 1000\ndead_letter_ratio = 1.0\n"


def test_an_outage_a_replay_and_a_redrive_lose_nothing_double_nothing_and_turn_nothing_back(
    kafka: Broker, prefix: str, tmp_path: Path, klaviyo: KlaviyoServer
) -> None:
    klaviyo.settings(job_time=0.3, limits=False, kept_requests=1_000_000)
    klaviyo.sabotage(fail_emails=[f"p{n}@customer.example" for n in range(DEAD)])
    floor = Floor(tmp_path, kafka, prefix, {"au": folder_source(tmp_path) + account(klaviyo)}, ENGINE)
    with at_work(floor):
        first_files(floor)
        until(lambda: klaviyo.counts()["profiles"] > PEOPLE // 5, LONG, "in the middle of the run")
        klaviyo.fault(status=503, for_seconds=AWAY)
        begun = time.monotonic()
        until(lambda: klaviyo.counts()["events"] == PEOPLE, LONG, "everything came after the outage")
        assert time.monotonic() - begun >= AWAY
        until(lambda: ended(floor, "orders") == PEOPLE and dead(floor) == DEAD, LONG, "the first files are settled")
        klaviyo.sabotage()
        second_files(floor)
        well(floor.till("replay", "--group", "klaviyo", "--topic", "orders", "--rate-share", "0.5"))
        well(floor.till("dlq", "redrive", "--group", "klaviyo"))
        until(lambda: klaviyo.counts()["events"] == PEOPLE + MORE, LONG, "live traffic flows beside it")
        until(lambda: at_rest(floor), LONG, "the replay and the redrive are through")
    books = floor.books()
    assert not any(counts["dead"] or counts["waiting"] or counts["skipped"] for counts in books.values())
    assert (ended(floor, "customers"), ended(floor, "orders")) == (PEOPLE + MORE, PEOPLE + MORE)
    events_are_there_once(klaviyo)
    order_held(klaviyo)
    newest_stands(klaviyo)


def first_files(floor: Floor) -> None:
    """Everybody, and a sale for each."""
    rows = (customer(n, PRIVACY="No", CITY="Kew", PERSON_CODE="1") for n in range(PEOPLE))
    floor.drop("customers_20250402T060000Z.csv", customers(rows))
    floor.drop("orders_20250402T063000Z.csv", orders(sale(n, n) for n in range(PEOPLE)))


def second_files(floor: Floor) -> None:
    """Half of those whose letters are dead have moved on, and many others; each buys once more."""
    later = {"PRIVACY": "No", "CITY": "Fitzroy", "PERSON_CODE": "2", "LAST_UPDATED": "2025-04-02T09:00:00"}
    floor.drop("customers_20250403T060000Z.csv", customers(customer(n, **later) for n in moved()))
    more = (sale(PEOPLE + n, n, SALE_DATETIME="2025-04-02T10:00:00") for n in moved())
    floor.drop("orders_20250403T063000Z.csv", orders(more))


def moved() -> list[int]:
    """Who has a second row."""
    return [*range(MOVED_ON), *range(DEAD, DEAD + MORE - MOVED_ON)]


def ended(floor: Floor, topic: str) -> int:
    """Records that ended well, in balanced books."""
    counts = floor.books()[topic]
    return sum(counts[name] for name in ("delivered", "unchanged", "superseded"))


def dead(floor: Floor) -> int:
    """Dead letters among the customers."""
    return int(floor.books()["customers"]["dead"])


def at_rest(floor: Floor) -> bool:
    """Is nothing behind, the replay topic included?"""
    (line,) = json.loads(floor.till("lag", "--json").out)
    return line["lag"] == 0 and dead(floor) == 0


def events_are_there_once(klaviyo: KlaviyoServer) -> None:
    """Every sale, once."""
    found = Counter(event["unique"] for event in klaviyo.events())
    assert len(found) == PEOPLE + MORE
    assert set(found.values()) == {1}
    assert "duplicate_events" not in klaviyo.counts()["tallies"], "nothing was even sent twice"


def newest_stands(klaviyo: KlaviyoServer) -> None:
    """Everybody as their newest row says, whatever was sent again; sums count each sale once."""
    newer = set(moved())
    profiles = {profile["email"]: profile for profile in klaviyo.profiles()}
    assert len(profiles) == PEOPLE
    for n in range(PEOPLE):
        profile = profiles[f"p{n}@customer.example"]
        told, city = profile["properties"], profile["location"].get("city")
        expected = ("2", "Fitzroy") if n in newer else ("1", "Kew")
        assert (told["Person Code"], city) == expected, n
        assert told["In-Store Order Count"] == 1 + (n in newer), n
