"""The demo does what it promises, and leaves nothing behind."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from operations.demo import exports, town
from operations.demo.words import words
from operations.trace import Step

NOW = datetime(2025, 4, 3, 5, tzinfo=UTC)
DEMO = [sys.executable, "-m", "operations.cli", "demo"]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What one whole run prints where no terminal is; it ended well, and its folder is gone."""
    folder = tmp_path_factory.mktemp("demo")
    ran = subprocess.run(
        DEMO, capture_output=True, text=True, check=False, timeout=600, env={**os.environ, "TMPDIR": str(folder)}
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert list(folder.iterdir()) == []
    return ran.stdout


def test_it_runs_on_real_neighbours(told: str) -> None:
    assert "Apache Kafka 4.3.0, a real broker" in told
    assert "OpenSSH, a real SFTP server" in told


def test_one_row_is_rejected_with_line_column_value_and_rule(told: str) -> None:
    assert "one row rejected" in told
    assert re.search(r"customers_\w+\.csv, line \d+, column LAST_UPDATED: '31/02/2026' fails the rule 'date'", told)


def test_klaviyo_fails_and_all_is_sent_when_it_is_back(told: str) -> None:
    assert re.search(r"✓ seen +the breaker opened; records for Klaviyo waited in Kafka", told)
    assert re.search(r"✓ seen +it closed when Klaviyo was back, and all was sent", told)
    assert re.search(r"✓ seen +nothing was dead-lettered for it", told)


def test_one_record_is_a_dead_letter_with_its_reason(told: str) -> None:
    assert re.search(r"✓ seen +one dead letter, on the topic tillstream\.klaviyo\.dlq", told)
    assert "reason invalid: 'email: refused as invalid', answered 400; line 2 of its file" in told


def test_a_sign_up_at_a_till_is_in_shopify_and_yotpo_within_90_seconds(told: str) -> None:
    assert re.search(r"✓ seen +the sign-up was in Shopify [\d.]+ s and in Yotpo [\d.]+ s after the till", told)
    found = re.search(r"asked each minute, as by default: (\d+) s at most", told)
    assert found is not None
    assert int(found[1]) < 90


def test_a_purchase_comes_back_as_a_tier_and_a_redemption_as_one_voucher(told: str) -> None:
    assert re.search(r"✓ seen +Yotpo made her Gold: on her person in Apparel21 [\d.]+ s after", told)
    assert re.search(r"✓ seen +one voucher of \$20\.00 from Apparel21 .* though each webhook came twice", told)


def test_the_books_of_all_five_platforms_balance(told: str) -> None:
    assert re.search(r"✓ seen +the books balance\n", told)
    for name in ("Apparel21", "Clearer", "Klaviyo", "Shopify", "Yotpo"):
        records, delivered = (int(text.replace(",", "")) for text in re.findall(rf"\n{name} +(\S+) +(\S+) ", told)[0])
        assert records > delivered > 0


def test_one_customer_is_followed_from_the_till_to_every_platforms_answer(told: str) -> None:
    assert re.search(r"from apparel21-poll: published on customers, offset \d+", told)
    assert re.search(r"customers_\w+\.csv, line \d+: published on customers, offset \d+", told)
    assert re.search(r"shopify: customers, offset \d+: delivered by customerCreate, answered 200", told)
    assert re.search(r"klaviyo: orders, offset \d+: delivered by POST /api/\S+, answered 202", told)
    assert re.search(r"yotpo: orders, offset \d+: delivered by POST /orders, answered 200", told)
    assert re.search(r"apparel21: tiers, offset \d+: delivered by PUT /Persons, answered 200", told)


def test_it_says_at_the_end_that_all_was_seen(told: str) -> None:
    assert "not seen" not in told
    assert told.rstrip().endswith("all that this demo promises")


@pytest.fixture
def begun(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A demo that has just begun, with its temporary files in `tmp_path`."""
    with subprocess.Popen(
        DEMO, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}
    ) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_whatever_it_started_dies_with_it(begun: subprocess.Popen[str], tmp_path: Path, number: signal.Signals) -> None:
    assert begun.stdout is not None
    ports = []
    for line in begun.stdout:
        ports += [int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", line)]
        if "tillstream run" in line:
            break
    assert [_listens(port) for port in ports] == [True] * 8
    begun.send_signal(number)
    begun.wait(120)
    patience = time.monotonic() + 60
    while any(map(_listens, ports)) and time.monotonic() < patience:
        time.sleep(0.1)
    assert [_listens(port) for port in ports] == [False] * 8
    if number == signal.SIGINT:
        assert (begun.returncode, list(tmp_path.iterdir())) == (1, [])


def test_without_java_the_roles_come_up_on_the_mock_which_says_what_it_is(tmp_path: Path) -> None:
    names = ("ssh-keygen", "mount", "unshare")
    tools = tmp_path / "tools"
    tools.mkdir()
    for found in filter(None, map(shutil.which, names)):
        (tools / Path(found).name).symlink_to(found)
    environ = {**os.environ, "TMPDIR": str(tmp_path), "PATH": str(tools)}
    with subprocess.Popen(DEMO, stdout=subprocess.PIPE, text=True, env=environ) as begun:
        assert begun.stdout is not None
        told = list(itertools.takewhile(lambda line: "2. " not in line and "not seen" not in line, begun.stdout))
        begun.send_signal(signal.SIGINT)
    assert any("librdkafka's in-process broker" in line and "java is not installed" in line for line in told)
    assert any("tillstream run: files, polls, webhooks, five workers" in line for line in told)


def _listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def test_the_same_day_makes_the_same_files(tmp_path: Path) -> None:
    made = [exports.make(tmp_path / name, NOW) for name in ("once", "again")]
    one, two = ([file for batch in files for file in batch] for files in made)
    assert [file.read_bytes() for file in one] == [file.read_bytes() for file in two]
    assert [file.name for file in one] == [
        "customers_20250401T200000Z.csv",
        "orders_20250401T200000Z.csv",
        "customers_20250402T200000Z.csv",
        "orders_20250402T200000Z.csv",
        "customers_20250403T050000Z.csv",
        "orders_20250403T050000Z.csv",
        "customers_20250403T050001Z.csv",
        "customers_20250401T200000Z.csv",
        "orders_20250401T200000Z.csv",
    ]


def test_exactly_one_cell_is_spoiled(tmp_path: Path) -> None:
    (first,) = exports.make(tmp_path, NOW).people
    column, value = exports.SPOILED
    assert [row[column] for row in exports.rows(first)].count(value) == 1


def test_no_order_is_in_both_batches_and_none_is_lost(tmp_path: Path) -> None:
    files = exports.make(tmp_path, NOW)
    older, newer = ({row["TRAN_IDX"] for row in exports.rows(file)} for file in (files.history[0], files.second[1]))
    assert (len(older), len(newer), older & newer) == (
        exports.FIRST_ORDERS,
        exports.ORDERS - exports.FIRST_ORDERS,
        set(),
    )


def test_only_the_newcomer_buys_enough_for_the_tier(tmp_path: Path) -> None:
    files = exports.make(tmp_path, NOW)
    spent: Counter[str] = Counter()
    for file in (files.second[1], files.purchase[1]):
        sales = {row["TRAN_IDX"]: row for row in exports.rows(file) if row["EMAIL"]}
        for row in sales.values():
            spent[row["EMAIL"].lower()] += max(0, round(100 * float(row["ORDER_TOTAL"])))
    assert [who for who, cents in spent.items() if cents >= town.TIER["entry"]] == [exports.NEWCOMER["EMAIL"]]


def test_a_step_is_told_in_a_line() -> None:
    published = Step("2025", "event", None, "k", "orders_1.csv", 7, "orders", 3, None, None, "published", None)
    assert words(published) == "orders_1.csv, line 7: published on orders, offset 3"
    totals = Step(
        "2025", "receipt", "klaviyo", "k", None, None, "customers (totals)", None, "POST /x", 202, "delivered", "late"
    )
    assert words(totals) == "klaviyo: customers (totals): delivered by POST /x, answered 202 (late)"
