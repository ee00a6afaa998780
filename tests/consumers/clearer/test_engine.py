"""From files to the simulated account, through the real engine on real Kafka."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from sandbox.clearer.server import ClearerServer
from sandbox.kafka.broker import Broker
from tests import accounts
from tests.consumers.clearer.shop import GOLDEN
from tests.flow.intake import Intake
from tests.producers.desks import example
from tests.waiting import Leap, until

CUSTOMERS, ORDERS, REFUNDS = (
    "customers_20250401T060000Z.csv",
    "orders_20250401T063000Z.csv",
    "refunds_20250401T064500Z.csv",
)


class Shop(Intake):
    """A folder where files arrive, and a worker that brings what is in them to Clearer."""

    def __init__(self, kafka: Broker, prefix: str, folder: Path, clearer: ClearerServer) -> None:
        super().__init__(kafka, prefix, folder)
        self.sink, self.clearer, self._files = "clearer", clearer, self.config.read_text("utf-8")
        self.account()

    def account(self, key: str = "k-1", more: str = "") -> None:
        """The account's settings, beside those that every test has."""
        table = accounts.clearer(self.clearer, f'api_key = "{key}"\nstart = "earliest"\n{more}')
        self.config.write_text(self._files + table, encoding="utf-8")

    def file(self, kind: str, name: str) -> None:
        """One of the contract's files arrives and is read."""
        self.drop(name, example(kind))
        assert self.once() == 0

    def asked(self) -> Counter[str]:
        """Every request that arrived: method, path and body, and how often."""
        lines = self.clearer.requests()
        return Counter(_call(line["method"], line["path"], line["body"]) for line in lines)


def _call(method: str, path: str, body: Any) -> str:
    known = orjson.loads(body) if isinstance(body, str) else body
    return f"{method} {path} {orjson.dumps(known, option=orjson.OPT_SORT_KEYS).decode()}"


def golden(name: str) -> Counter[str]:
    """The requests of a golden file."""
    steps = orjson.loads((GOLDEN / f"{name}.json").read_bytes())["steps"]
    requests = [request for step in steps for request in step["requests"]]
    return Counter(_call(one["method"], one["path"], one["body"]) for one in requests)


@pytest.fixture
def shop(kafka: Broker, prefix: str, tmp_path: Path, clearer: ClearerServer) -> Shop:
    return Shop(kafka, prefix, tmp_path, clearer)


def test_the_contracts_files_ask_for_what_was_written_by_hand_and_only_once(shop: Shop) -> None:
    shop.file("customers", CUSTOMERS)
    assert shop.consume() == 0
    assert shop.asked() == golden("customers")
    shop.file("orders", ORDERS)
    shop.file("refunds", REFUNDS)
    assert shop.consume() == 0
    assert shop.asked() == golden("customers") + golden("orders")
    books = shop.totals()
    assert (books["customers/delivered"], books["customers/skipped:no_email"]) == (5, 2)
    assert books["orders/delivered"] == 3
    assert sum(count for name, count in books.items() if name.startswith("orders/skipped")) == 4
    shop.drop(CUSTOMERS.replace("0401T", "0402T"), example("customers") + "\n")
    shop.drop(ORDERS.replace("0401T", "0402T"), example("orders") + "\n")
    assert (shop.once(), shop.consume()) == (0, 0)
    assert shop.asked() == golden("customers") + golden("orders")


def test_throttled_refused_and_unanswered_calls_end_as_one_order_each(shop: Shop) -> None:
    shop.file("customers", CUSTOMERS)
    shop.file("orders", ORDERS)
    shop.clearer.fault(status=429, retry_after=0, times=2)
    shop.clearer.fault(status=503, endpoint="PUT /v1/customers/{customerId}", times=1)
    shop.clearer.fault(status=502, endpoint="POST /v1/orders", times=1, done=True)
    shop.clearer.fault(kind="reset", endpoint="POST /v1/orders", times=1)
    assert shop.consume() == 0
    assert Counter(order["posted"] for order in shop.clearer.orders()) == {1: 2}
    assert {order["externalId"]: order["total"] for order in shop.clearer.orders()} == {
        "D11300004711": "134.95",
        "D11300004741": "10.00",
    }
    assert shop.clearer.customer("73152")["pointBalance"] == 134
    assert shop.totals()["orders/delivered"] == 3


def test_a_wrong_key_stops_the_connection_and_buries_nobody(shop: Shop) -> None:
    shop.file("customers", CUSTOMERS)
    shop.account("k-2")
    assert shop.consume() == 1
    assert shop.dead() == []
    shop.account()
    assert shop.consume() == 0
    assert shop.asked().total() > golden("customers").total()
    assert len(shop.clearer.customers()) == 5


def test_sales_rest_on_the_shelf_until_their_hour_and_customers_go_on(shop: Shop) -> None:
    far_off = datetime.now(ZoneInfo("Australia/Melbourne")) + timedelta(hours=12)
    shop.account(more=f'orders = "daily {far_off:%H:%M}"')
    shop.file("customers", CUSTOMERS)
    shop.file("orders", ORDERS)
    assert shop.consume() == 0
    assert shop.asked() == golden("customers")
    assert not shop.totals().get("orders/delivered")
    assert shop.consume(clock=Leap(timedelta(hours=25))) == 0
    assert shop.asked() == golden("customers") + golden("orders")


def test_a_worker_killed_while_an_order_is_on_its_way_leaves_one_order(shop: Shop) -> None:
    shop.file("customers", CUSTOMERS)
    assert shop.consume() == 0
    shop.clearer.fault(kind="hang", endpoint="POST /v1/orders", done=True)
    shop.file("orders", ORDERS)
    with shop.worker() as worker:
        until(shop.clearer.orders, what="an order is on its way")
        worker.kill()
    shop.clearer.no_faults()
    assert shop.consume() == 0
    assert [order["posted"] for order in shop.clearer.orders()] == [1, 1]
    changes = shop.clearer.counts()["endpoints"]["PATCH /v1/orders/{orderId}"]
    assert changes.pop("200") == 2
    assert changes in ({}, {"404": 1}), (
        "the other order may have been noted as begun, and waited for the first's answer"
    )
    assert shop.totals()["orders/delivered"] == 3
