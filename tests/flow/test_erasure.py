"""`tillstream erase` from the command line: whom platforms delete, the group's state and the producers' memory."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from operations.reading import records, spans, there
from sandbox.kafka.broker import Broker
from sandbox.klaviyo.server import KlaviyoServer
from sandbox.shopify.server import ShopifyServer
from sandbox.yotpo.server import YotpoServer
from tests import accounts
from tests.bars.shop_floor import Floor, account, customer, customers, folder_source, orders, sale, well

KIM = "p7@customer.example"


def held(floor: Floor, topics: Iterable[str]) -> list[bytes]:
    """All that compacted topics hold now: keys and values."""
    options = {"bootstrap.servers": floor.kafka.bootstrap}
    newest = {}
    for message in records(
        options, spans(options, there(options, [floor.prefix + name for name in topics]).partitions)
    ):
        newest[message.topic(), message.key()] = message.value()
    return [key + b" " + value for (_, key), value in newest.items() if value is not None]


def test_an_erased_customer_is_deleted_at_klaviyo_and_forgotten_everywhere(
    kafka: Broker, prefix: str, tmp_path: Path, klaviyo: KlaviyoServer
) -> None:
    klaviyo.settings(limits=False)
    floor = Floor(tmp_path, kafka, prefix, {"au": folder_source(tmp_path) + account(klaviyo)})
    floor.drop("customers_20250401T060000Z.csv", customers(customer(person) for person in (7, 8)))
    floor.drop("orders_20250401T063000Z.csv", orders(sale(number, person) for number, person in ((1, 7), (2, 8))))
    floor.carry()
    assert len(klaviyo.profiles()) == 2
    compacted = ("tillstream.ingest", "tillstream.klaviyo.state", "tillstream.replays")
    assert any(KIM.encode() in one for one in held(floor, compacted))

    ran = well(floor.till("erase", "D1", "--yes", "--json"))
    told = json.loads(ran.out)
    assert [(one["persons"], one["keys"]) for one in told["customers"]] == [
        (["7"], ["au/p7@customer.example", "au/person:7"])
    ]
    assert {one["state"] for one in told["erased"]} == {"ordered"}, "nobody runs, so nobody was waited for"
    assert "klaviyo" not in {one["where"] for one in told["left"]}, "Klaviyo is asked to delete"

    floor.carry()
    assert not any(KIM.encode() in one for one in held(floor, compacted))
    assert [profile["email"] for profile in klaviyo.profiles()] == ["p8@customer.example"]

    floor.drop("customers_20250402T060000Z.csv", customers([customer(7, FIRSTNAME="Again"), customer(8)]))
    floor.carry()
    assert [profile["email"] for profile in klaviyo.profiles()] == ["p8@customer.example"], (
        "an old row brings nobody back"
    )
    floor.drop("customers_20250403T060000Z.csv", customers([customer(7, LAST_UPDATED="2099-01-01T09:00:00")]))
    floor.carry()
    assert len(klaviyo.profiles()) == 2, "who signs up anew is a customer"
    assert floor.books()["customers"]["skipped"] == {"erased": 1}


def test_an_erased_customer_is_deleted_at_yotpo_and_ordered_to_be_erased_in_the_shop(
    kafka: Broker, prefix: str, tmp_path: Path, shopify: ShopifyServer, yotpo: YotpoServer
) -> None:
    lines = folder_source(tmp_path) + accounts.shopify(shopify, "from_files = true") + accounts.yotpo(yotpo)
    floor = Floor(tmp_path, kafka, prefix, {"au": lines})
    floor.drop("customers_20250401T060000Z.csv", customers(customer(person) for person in (7, 8)))
    floor.produce()

    def consume() -> None:
        for group in ("shopify", "yotpo"):
            well(floor.till("consume", group, "--once", "--port", "0"))

    consume()
    assert {one["email"] for one in yotpo.customers()} == {KIM, "p8@customer.example"}
    told = json.loads(well(floor.till("erase", KIM, "--yes", "--json")).out)
    assert not {"shopify", "yotpo"} & {one["where"] for one in told["left"]}, "both are asked to delete"
    consume()
    assert [one["email"] for one in yotpo.customers()] == ["p8@customer.example"]
    erasing = {one["email"]: one["erasing"] for one in shopify.customers()}
    assert erasing == {KIM: True, "p8@customer.example": False}
