"""A generated shop is always the same, believable, and as large as wanted."""

from __future__ import annotations

import csv
import subprocess
import sys
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest

from sandbox.shop.files import Format, orders, write_customers, write_orders, write_shop
from sandbox.shop.people import CUSTOMER_COLUMNS
from sandbox.shop.plan import Plan
from sandbox.shop.stock import WEB
from sandbox.shop.tills import ORDER_COLUMNS

SMALL = Plan(customers=2000, orders=4000)


def table(file: Path, encoding: str = "utf-8", delimiter: str = ",") -> list[dict[str, str]]:
    """The rows of a file that has no dirty ones."""
    with file.open(encoding=encoding, newline="") as stream:
        return list(csv.DictReader(stream, delimiter=delimiter))


def test_the_same_plan_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    once, again = (write_shop(tmp_path / name, SMALL) for name in ("once", "again"))
    other = write_shop(tmp_path / "other", Plan(2000, 4000, seed=8))
    assert [part.file.read_bytes() for part in once] == [part.file.read_bytes() for part in again]
    assert once[0].file.read_bytes() != other[0].file.read_bytes()
    assert [part.file.name for part in once] == ["customers_20260630T200000Z.csv", "orders_20260630T200000Z.csv"]


def test_customers_look_like_a_real_export(tmp_path: Path) -> None:
    people = table(write_customers(tmp_path / "c.csv", Plan(2000, 0, dirty=0)).file)
    assert tuple(people[0]) == CUSTOMER_COLUMNS
    assert len({person["PERIDX"] for person in people}) == 2000
    emails = Counter(person["EMAIL"].strip().lower() for person in people if "@customer" in person["EMAIL"].lower())
    assert 10 <= sum(1 for count in emails.values() if count == 2) <= 30
    mobiles = Counter(person["MOBILE"].replace(" ", "").removeprefix("+61").removeprefix("0") for person in people)
    assert any(count == 2 for mobile, count in mobiles.items() if mobile.startswith("4"))
    assert {person["PRIVACY"] for person in people} == {"Yes", "No", ""}
    assert sum(person["RETAIL_REP"] == "Yes" for person in people) == 10
    assert any("\n" in person["ADRS1"] for person in people)
    assert any(person["POSTCODE"] == "0800" for person in people)
    assert any("M" in person["LAST_UPDATED"] for person in people)


def test_orders_hold_every_kind_and_add_up(tmp_path: Path) -> None:
    plan = Plan(2000, 4000, dirty=0)
    lines = table(write_orders(tmp_path / "o.csv", plan).file)
    assert tuple(lines[0]) == ORDER_COLUMNS
    assert {made.kind for made in orders(plan)} == {"sale", "anonymous", "return", "exchange", "layby", "web", "gift"}
    totals: Counter[str] = Counter()
    for line in lines:
        totals[line["TRAN_IDX"]] += round(float(line["LINE_VALUE"]) * 100)
    assert all(totals[line["TRAN_IDX"]] == round(float(line["ORDER_TOTAL"]) * 100) for line in lines)
    assert len(totals) == 4000


def test_goods_come_back_to_whoever_bought_them_after_the_sale() -> None:
    made = list(orders(SMALL))
    by_docket = {one.docket: one for one in made}
    returned = [one for one in made if one.kind in ("return", "exchange") and one.lines[0].original]
    assert len(returned) > 100
    for back in returned:
        sale = by_docket[back.lines[0].original]
        assert (sale.buyer, sale.kind) == (back.buyer, "sale")
        assert back.moment > sale.moment
        assert back.lines[0].sku in {line.sku for line in sale.lines}
        assert back.lines[0].cents < 0


def test_regulars_buy_most_and_the_web_is_told_apart() -> None:
    made = list(orders(SMALL))
    named = [one.buyer for one in made if one.buyer is not None]
    assert 0.45 < sum(buyer < 500 for buyer in named) / len(named) < 0.55
    assert all(one.docket.startswith("W") == (one.store is WEB) for one in made)


def test_dirty_rows_are_counted(tmp_path: Path) -> None:
    clean, dirty = (Plan(2000, 2000, dirty=share) for share in (0.0, 0.02))
    for name, write in (("c.csv", write_customers), ("o.csv", write_orders)):
        before, after = write(tmp_path / f"clean_{name}", clean), write(tmp_path / f"dirty_{name}", dirty)
        assert (before.rows, before.dirty) == (after.rows, 0)
        with before.file.open(newline="") as one, after.file.open(newline="") as two:
            different = sum(left != right for left, right in zip(csv.reader(one), csv.reader(two), strict=True))
        assert after.dirty == different > 10


def test_a_later_edition_changes_one_in_twenty(tmp_path: Path) -> None:
    first = table(write_customers(tmp_path / "1.csv", Plan(2000, 0, dirty=0)).file)
    later = table(write_customers(tmp_path / "2.csv", Plan(2000, 0, dirty=0, edition=1)).file)
    changed = [(old, new) for old, new in zip(first, later, strict=True) if old != new]
    assert 60 <= len(changed) <= 140
    assert all(old["PERIDX"] == new["PERIDX"] and old["EMAIL"] == new["EMAIL"] for old, new in changed)
    assert {new["LAST_UPDATED"].partition("T")[0] for _, new in changed} >= {"2026-07-01"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "windows-1252", "utf-16"])
def test_any_encoding_and_delimiter(tmp_path: Path, encoding: str) -> None:
    plan = Plan(300, 0, dirty=0)
    usual = table(write_customers(tmp_path / "a.csv", plan).file)
    other = write_customers(tmp_path / "b.csv", plan, Format(encoding, ";", "\r\n"))
    assert table(other.file, encoding, ";") == usual


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    tracemalloc.start()
    write_orders(tmp_path / "o.csv", Plan(1_000_000, 3000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


def test_it_runs_on_its_own(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sandbox.shop", "--customers", "10", "--orders", "20", "--folder", str(tmp_path)]
    ran = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True)
    assert "10 rows" in ran.stdout
    assert len(list(tmp_path.glob("*.csv"))) == 2
