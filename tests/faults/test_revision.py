"""F51: Klaviyo serves our revision no longer. The connection stops and says which, and nothing is buried."""

from __future__ import annotations

import json
from pathlib import Path

from sandbox.kafka.broker import Broker
from sandbox.klaviyo.server import KlaviyoServer
from tests.bars.shop_floor import Floor, account, customer, customers, folder_source

RETIRED = "2023-01-24"


def test_f51_a_revision_that_is_served_no_more_stops_the_connection_by_its_name(
    kafka: Broker, prefix: str, tmp_path: Path, klaviyo: KlaviyoServer
) -> None:
    klaviyo.settings(limits=False)
    source = folder_source(tmp_path)
    floor = Floor(tmp_path, kafka, prefix, {"au": source + account(klaviyo, more=f'revision = "{RETIRED}"')})
    floor.drop("customers_20250401T060000Z.csv", customers(customer(person) for person in range(3)))
    floor.produce()
    assert floor.till("consume", "klaviyo", "--once", "--port", "0").code == 1
    ran = floor.till("status", "--json")
    (line,) = json.loads(ran.out)["groups"]
    assert (ran.code, line["state"], RETIRED in line["why"]) == (1, "stopped", True), line
    assert floor.books()["customers"]["dead"] == 0
    assert floor.books()["customers"]["waiting"] == 3
    floor.say({"au": source + account(klaviyo)})
    floor.consume()
    assert len(klaviyo.profiles()) == 3
