"""Events on Kafka reach a simulated Yotpo through the real engine: once, in order, and in their time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from consumers.engine.assemble import Watch
from sandbox.kafka.broker import Broker
from sandbox.yotpo.server import YotpoServer
from tests import accounts
from tests.consumers.desk import Thing, customer
from tests.consumers.yotpo.shop import back, refund, sale
from tests.ground import Ground
from tests.waiting import Leap, until

PRIYA = "priya.oconnor@customer.example"
PEOPLE = ("73152", "73160", "73171", "73180", "91004", "80117", "60001")
SALES = ("913748", "913802", "913803", "913804", "913805", "913810")


def ground(kafka: Broker, prefix: str, folder: Path, yotpo: YotpoServer, settings: str = "") -> Ground:
    """A ground whose connection has an account at Yotpo, and its topics."""
    table = accounts.yotpo(yotpo, f'start = "earliest"\n{settings}')
    made = Ground(kafka.bootstrap, prefix, folder, table, sink="yotpo")
    made.create()
    return made


def crowd(count: int) -> list[Thing]:
    """Sales of so many people nobody knows."""
    made = [
        sale("913748", tran_idx=f"T{n}", tran_number=f"D{n}", email=f"p{n}@customer.example", person_id=f"P{n}")
        for n in range(count)
    ]
    return [replace(thing, object=thing.record["tran_idx"]) for thing in made]


def test_the_contracts_files_reach_yotpo_once(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with YotpoServer(limits=False) as yotpo:
        till = ground(kafka, prefix, tmp_path, yotpo)
        till.write(*(customer(person) for person in PEOPLE))
        till.write(*(sale(tran) for tran in SALES), back())
        assert till.consume() == 0
        assert sorted(order["order_id"] for order in yotpo.orders()) == ["D11300004711", "D11300004741"]
        assert [one["id"] for one in yotpo.refunds()] == ["ap21-au-913801"]
        priya = yotpo.customer(PRIYA)
        assert (priya["points_balance"], priya["total_spend_cents"], priya["pos_account_id"]) == (135, 13_495, "73152")
        assert len(yotpo.customers()) == 5
        before = len(yotpo.requests())
        assert till.consume() == 0
        assert len(yotpo.requests()) == before
        totals = till.totals()
        assert totals.pop("customers/superseded", 0) + totals.pop("customers/unchanged", 0) == 1  # two at one address
        assert totals == {
            "customers/delivered": 5,
            "customers/skipped:no_email": 1,
            "orders/delivered": 3,
            "orders/skipped:anonymous": 1,
            "orders/skipped:gift_card": 1,
            "orders/skipped:not_a_sale": 1,
            "orders/skipped:web": 1,
        }


def test_a_customer_goes_before_their_order_whatever_is_read_first(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with YotpoServer(limits=False) as yotpo:
        till = ground(kafka, prefix, tmp_path, yotpo)
        till.write(*crowd(60))
        people = [customer("80117", f"p{n}@customer.example", person_id=f"P{n}") for n in range(60)]
        till.write(*(replace(one, object=one.record["person_id"]) for one in people))
        assert till.consume() == 0
        asked = [(line["endpoint"], orjson.loads(line["body"])) for line in yotpo.requests() if line["body"]]
        made = [body["email"] for endpoint, body in asked if endpoint == "POST /customers"]
        assert len(made) == len(set(made)) == 60
        assert all(body["first_name"] == "Liam" for endpoint, body in asked if endpoint == "POST /customers")
        assert yotpo.counts()["orders"] == 60


def test_sales_rest_until_the_hour_while_customers_go_on(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with YotpoServer(limits=False) as yotpo:
        till = ground(kafka, prefix, tmp_path, yotpo, 'orders = "hourly"')
        till.write(customer("73152"), sale("913748"), back())
        half_past = timedelta(minutes=90 - datetime.now(UTC).minute)  # no hour ends while the first worker is at it
        watch = Watch()
        assert till.consume(watch=watch, clock=Leap(half_past)) == 0
        assert (len(yotpo.customers()), yotpo.orders()) == (1, [])
        assert any("2 on the shelf, schedule" in line for line in watch.waits)
        assert till.consume(clock=Leap(half_past + timedelta(hours=1))) == 0
        assert (len(yotpo.orders()), len(yotpo.refunds())) == (1, 1)


def test_an_order_that_was_taken_without_an_answer_is_not_sent_again(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with YotpoServer(limits=False) as yotpo:
        till = ground(kafka, prefix, tmp_path, yotpo)
        till.write(customer("73152"), sale("913748"))
        yotpo.fault(kind="reset", endpoint="POST /orders", done=True, times=1)
        assert till.consume() == 0
        assert till.totals().get("orders/delivered") is None
        assert till.consume(clock=Leap(timedelta(minutes=6))) == 0
        assert till.totals()["orders/delivered"] == 1
        assert (yotpo.counts()["repeats"], len(yotpo.orders())) == (0, 1)


def test_a_refund_that_comes_before_its_order_goes_right_after_it(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    unknown = {"tran_idx": "913748", "tran_number": "D11300004711", "key": "", "loyalty": None}
    with YotpoServer(limits=False) as yotpo:
        till = ground(kafka, prefix, tmp_path, yotpo)
        till.write(customer("73152"), refund(original=unknown))
        assert till.consume() == 0
        assert (yotpo.orders(), yotpo.refunds()) == ([], [])
        till.write(sale("913748"))
        assert till.consume() == 0
        assert len(yotpo.orders()) == 1
        assert [one["order_id"] for one in yotpo.refunds()] == ["D11300004711"]


def test_killed_workers_send_no_order_twice(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with YotpoServer(limits=False, latency=0.02) as yotpo:
        till = ground(kafka, prefix, tmp_path, yotpo)
        till.write(*crowd(400))
        for most in (100, 250):
            with till.worker() as worker:
                until(lambda least=most: yotpo.counts()["orders"] >= least)
                worker.kill()
        assert till.consume() == 0
        assert till.consume(clock=Leap(timedelta(minutes=6))) == 0
        assert yotpo.counts()["orders"] == 400
        assert yotpo.counts()["repeats"] == 0
        assert till.totals()["orders/delivered"] == 400


def test_what_came_while_nobody_ran_came_after_the_first_start(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    """The first start had nothing to read: it counts all the same."""
    with YotpoServer(limits=False) as yotpo:
        till = ground(kafka, prefix, tmp_path, yotpo)
        till.configure("[connection.au]\n" + accounts.yotpo(yotpo, 'start = "now"'))
        till.write(*crowd(1))
        assert till.consume() == 0
        assert yotpo.orders() == [], "from before the first start"
        till.write(*crowd(20)[1:])
        assert till.consume() == 0
        assert len(yotpo.orders()) == 19
