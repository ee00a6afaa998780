"""What a Klaviyo may answer to many rows at once, and what must become of each row: seen from the books and the log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.klaviyo.server import KlaviyoServer
from tests.bars.shop_floor import Floor, customer, customers
from tests.waiting import until

JOBS = "POST /api/profile-bulk-import-jobs"
ROWS = 60


class Desk:
    """A running worker and producer, and groups of customers that were never seen before."""

    def __init__(self, floor: Floor, klaviyo: KlaviyoServer) -> None:
        self.floor, self.klaviyo, self.groups = floor, klaviyo, 0

    def send(self, dead: int = 0, **cells: object) -> range:
        """Sixty new customers, all of whom are judged in the end; `dead`: how many are given up. Who they are."""
        self.groups += 1
        persons = range(self.groups * 1_000, self.groups * 1_000 + ROWS)
        before = self.standing()
        rows = (customer(n, **{name: with_number(value, n) for name, value in cells.items()}) for n in persons)
        self.floor.drop(f"customers_20250402T06{self.groups:02d}00Z.csv", customers(rows))
        wanted = (before[0] + ROWS - dead, before[1] + dead, 0)
        until(lambda: self.standing() == wanted, what=f"{wanted} delivered, dead, waiting")
        return persons

    def standing(self) -> tuple[int, int, int]:
        books = self.floor.books().get("customers", {"delivered": 0, "dead": 0, "waiting": 0})
        return books["delivered"], books["dead"], books["waiting"]

    def there(self, persons: range) -> list[int]:
        """Those of them whom Klaviyo knows."""
        known = {profile["email"] for profile in self.klaviyo.profiles()}
        return [n for n in persons if f"p{n}@customer.example" in known]

    def refuse(self, *pointers: str, status: int = 400, times: int = 1) -> None:
        """The next import requests are refused, with these pointers to what is wrong."""
        errors = [error(pointer) for pointer in pointers] or [error("")]
        self.klaviyo.fault(status=status, endpoint=JOBS, times=times, body={"errors": errors})

    def sizes(self, since: int) -> list[tuple[int, int]]:
        """How many rows each import request carried, and its status."""
        log = self.klaviyo.requests(JOBS)[since:]
        return [
            (len(json.loads(line["body"])["data"]["attributes"]["profiles"]["data"]), line["status"]) for line in log
        ]


def with_number(value: object, person: int) -> object:
    return value.replace("#", f"{person % 1000:02d}") if isinstance(value, str) else value


def error(pointer: str) -> dict[str, Any]:
    said = {"id": "e1", "status": 400, "code": "invalid", "title": "Invalid input.", "detail": "Ordered by a test."}
    return {**said, "source": {"pointer": pointer}} if pointer else said


@pytest.fixture(scope="module")
def desk(floor_of_all: Floor, account_of_all: KlaviyoServer) -> Iterator[Desk]:
    account_of_all.settings(job_time=0.1)
    floor_of_all.carry()
    producer = floor_of_all.start("produce", "folder", log="producer.log")
    worker = floor_of_all.start("consume", "klaviyo", log="worker.log")
    yield Desk(floor_of_all, account_of_all)
    producer.stop()
    worker.stop()


def test_f46_a_job_that_fails_for_three_rows_gives_up_these_three(desk: Desk) -> None:
    first = (desk.groups + 1) * 1_000
    bad = [f"p{n}@customer.example" for n in (first, first + 7, first + 59)]
    desk.klaviyo.sabotage(fail_emails=bad)
    persons = desk.send(dead=3)
    desk.klaviyo.sabotage()
    assert len(desk.there(persons)) == ROWS - 3


def test_f46_a_job_that_nobody_knows_any_more_is_sent_again(desk: Desk) -> None:
    desk.klaviyo.sabotage(forget=1)
    assert len(desk.there(desk.send())) == ROWS


def test_f47_a_refused_request_that_points_at_a_row_goes_again_without_it(desk: Desk) -> None:
    before = len(desk.sizes(0))
    desk.refuse("/data/attributes/profiles/data/3/attributes/email")
    persons = desk.send(dead=1)
    assert len(desk.there(persons)) == ROWS - 1
    sizes = desk.sizes(before)
    assert [status for _, status in sizes].count(400) == 1
    assert sum(size for size, status in sizes if status == 202) == ROWS - 1


@pytest.mark.parametrize("pointer", ["", "/data/attributes/profiles/data/99999/attributes/email"])
def test_f47_a_refused_request_that_blames_nobody_is_halved(desk: Desk, pointer: str) -> None:
    before = len(desk.sizes(0))
    desk.refuse(pointer)
    assert len(desk.there(desk.send())) == ROWS
    sizes = desk.sizes(before)
    ((whole, _),) = (one for one in sizes if one[1] == 400)
    assert (whole // 2, 202) in sizes
    assert sum(size for size, status in sizes if status == 202) == ROWS


def test_f50_a_request_that_is_too_large_is_split(desk: Desk) -> None:
    before = len(desk.sizes(0))
    desk.refuse(status=413, times=2)
    assert len(desk.there(desk.send())) == ROWS
    sizes = desk.sizes(before)
    assert [status for _, status in sizes].count(413) == 2
    assert sum(size for size, status in sizes if status == 202) == ROWS


def test_f48_a_number_that_another_profile_has_is_left_out(desk: Desk) -> None:
    first = (desk.groups + 1) * 1_000
    desk.klaviyo.seed(attributes={"email": "somebody@customer.example", "phone_number": "+61491570155"})
    desk.klaviyo.seed(attributes={"email": f"p{first}@customer.example"})
    persons = desk.send(MOBILE="0491 570 155")
    assert len(desk.there(persons)) == ROWS
    assert desk.klaviyo.profile("somebody@customer.example")["phone_number"] == "+61491570155"
