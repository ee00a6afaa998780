"""What was sent stays sent: a table that changes, a file that is late, and a job that outlives its worker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sandbox.kafka.broker import Broker
from sandbox.klaviyo.server import KlaviyoServer
from tests.bars.shop_floor import Floor, customer, customers, orders, sale, shop, writes
from tests.waiting import until

JOBS = "POST /api/profile-bulk-import-jobs"
LATER = {"LAST_UPDATED": "2025-04-02T09:00:00"}
TABLE = """
extends = true
[[row]]
constant = "Yes"
target = "data.attributes.properties.Local"
when = { field = "city", equals = "Kew" }
"""


def test_f63_after_a_table_changed_only_bodies_that_differ_are_sent(
    kafka: Broker, prefix: str, tmp_path: Path, klaviyo: KlaviyoServer
) -> None:
    floor = shop(tmp_path, kafka, prefix, klaviyo)
    rows = [customer(n, PRIVACY="No", CITY="Kew" if n < 3 else "Fitzroy") for n in range(40)]
    floor.drop("customers_20250402T060000Z.csv", customers(rows))
    floor.carry()
    calls = len(klaviyo.requests())
    table = tmp_path / "mappings" / "klaviyo.profile.toml"
    table.parent.mkdir()
    table.write_text(TABLE, "utf-8")
    floor.drop("customers_20250403T060000Z.csv", customers(reversed(rows)))
    floor.carry()
    assert {mail for line in writes(klaviyo, calls) for mail in mails(line)} == {
        f"p{n}@customer.example" for n in (0, 1, 2)
    }
    assert klaviyo.profile("p1@customer.example")["properties"]["Local"] == "Yes"
    assert floor.books()["customers"]["unchanged"] == 37


def mails(line: dict[str, Any]) -> list[str]:
    """Whom a profile request writes."""
    data = json.loads(line["body"])["data"]
    rows = data["attributes"]["profiles"]["data"] if line["endpoint"] == JOBS else [data]
    return [row["attributes"]["email"] for row in rows]


def test_f17_yesterdays_file_after_todays_turns_nothing_back_and_its_sales_count(
    kafka: Broker, prefix: str, tmp_path: Path, klaviyo: KlaviyoServer
) -> None:
    floor = shop(tmp_path, kafka, prefix, klaviyo)
    floor.drop("customers_20250403T060000Z.csv", customers(customer(n, CITY="Kew", **LATER) for n in range(20)))
    floor.carry()
    calls = len(klaviyo.requests())
    floor.drop("customers_20250402T060000Z.csv", customers(customer(n, CITY="Fitzroy") for n in range(20)))
    floor.drop("orders_20250402T063000Z.csv", orders(sale(n, n) for n in range(20)))
    floor.carry()
    assert {profile["location"]["city"] for profile in klaviyo.profiles()} == {"Kew"}
    assert not any("Fitzroy" in line["body"] for line in writes(klaviyo, calls))
    books = floor.books()
    assert (books["customers"]["superseded"], books["orders"]["delivered"]) == (20, 20)
    assert len(klaviyo.events()) == 20


def test_f67_a_job_that_a_killed_worker_left_ends_before_its_heir_sends_newer_values(
    kafka: Broker, prefix: str, tmp_path: Path, klaviyo: KlaviyoServer
) -> None:
    klaviyo.settings(job_time=8.0)
    floor = shop(tmp_path, kafka, prefix, klaviyo)
    floor.carry()  # a worker that left in good order came before the one that is killed
    floor.drop("customers_20250402T060000Z.csv", customers(customer(n, CITY="Fitzroy") for n in range(40)))
    floor.produce()
    worker = floor.start("consume", "klaviyo")
    until(lambda: klaviyo.requests(JOBS), what="a job is taken")
    worker.kill()
    klaviyo.settings(job_time=0.0)  # whatever the heir sends too early would land before the job that is queued
    newer(floor)
    assert {profile["location"]["city"] for profile in klaviyo.profiles()} == {"Kew"}
    books = floor.books()["customers"]
    assert books["delivered"] + books["superseded"] == 80
    first, *_, last = (line for line in klaviyo.requests(JOBS) if line["status"] == 202)
    assert last["time"] - first["time"] > 4


def newer(floor: Floor) -> None:
    floor.drop("customers_20250403T060000Z.csv", customers(customer(n, CITY="Kew", **LATER) for n in range(40)))
    floor.carry()
