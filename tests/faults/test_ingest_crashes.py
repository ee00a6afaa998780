"""Producers that die, race or lose Kafka: readers of committed data see each row once, and the books balance."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.kafka.broker import QUICK_GROUPS, Broker
from sandbox.sftp import SftpServer
from tests.flow.intake import Intake
from tests.producers.desks import CUSTOMER, LINE
from tests.waiting import until
from tillstream.kafka.partitioner import partition_of

MONDAY, SALES = "customers_20250401T060000Z.csv", "orders_20250401T063000Z.csv"
ROWS = 12_000
SESSION = "group.consumer.session.timeout.ms"


def customers(number: int) -> str:
    """A file of so many persons, one in fifty rejected."""
    rows = (
        f"{n},{'kim' if n % 50 else 'no address'}{n}{'@customer.example' if n % 50 else ''},No,2025-04-01T09:00:00,No\n"
        for n in range(1, number + 1)
    )
    return f"{CUSTOMER}\n{''.join(rows)}"


def sales(number: int) -> str:
    """A file of so many sales of two lines; some by persons nobody knows."""
    rows = (
        f"{n},D{n},2025-04-01T10:00:00,{n if n % 7 else 900_000 + n},,STYLE{line},1,10.00,\n"
        for n in range(1, number + 1)
        for line in (1, 2)
    )
    return f"{LINE}\n{''.join(rows)}"


@pytest.fixture
def impatient_kafka(tmp_path: Path) -> Iterator[Broker]:
    """A broker that gives a dead member's partitions away as soon as Kafka allows."""
    with Broker.start(tmp_path / "kafka", settings={**QUICK_GROUPS, SESSION: "3000"}) as broker:
        yield broker


@pytest.mark.timeout(600)
def test_f14_killed_at_random_points_each_row_is_seen_once(
    impatient_kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    """Each run lives until it has its work, and a moment longer: what is killed is at it."""
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    moments, at_work = random.Random(seed), 0
    intake = Intake(impatient_kafka, prefix, tmp_path)
    intake.drop(MONDAY, customers(ROWS * 4))
    intake.drop(SALES, sales(ROWS))
    for _ in range(20):
        with intake.producer() as run:
            until(lambda run=run: run.said("connection taken"))
            time.sleep(moments.uniform(0.0, 0.6))
            run.kill()
            at_work += bool(intake.names_in("pending"))
    print(f"{at_work} kills had something to hit")
    assert at_work >= 15
    assert intake.once() == 0
    assert max(intake.rows_seen().values()) == 1
    books = intake.books()
    assert {name: (page.rows, page.gap) for name, page in books.items()} == {
        MONDAY: (ROWS * 4, 0),
        SALES: (ROWS * 2, 0),
    }
    assert len(intake.events("customers")) == books[MONDAY].records == ROWS * 4 - ROWS * 4 // 50
    assert len(intake.events("orders")) == books[SALES].records == ROWS - books[SALES].none["waiting"]
    assert (intake.names_in("pending"), intake.names_in("processed")) == ([], [MONDAY, SALES])
    (rejects,) = intake.names_in("rejected")
    assert len(intake.place("rejected", rejects).read_text(encoding="utf-8").splitlines()) == ROWS * 4 // 50 + 1


def test_f15_of_two_producers_one_works_and_the_other_waits_and_says_so(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    intake = Intake(kafka, prefix, tmp_path)
    with intake.producer() as one:
        until(lambda: one.said("connection taken"))
        with intake.producer() as other:
            waits = "another producer works there"
            until(lambda: one.said(waits) or other.said(waits))
            owner, heir = (one, other) if other.said(waits) else (other, one)
            intake.drop(MONDAY, customers(ROWS))
            until(lambda: intake.names_in("processed") == [MONDAY])
            owner.kill()
            until(lambda: heir.said("connection taken"))
            intake.drop(SALES, sales(100))
            until(lambda: SALES in intake.names_in("processed"))
            assert heir.stop() == 0
    assert max(intake.rows_seen().values()) == 1
    assert all(page.gap == 0 for page in intake.books().values())


def test_f15_who_takes_from_a_server_and_who_takes_from_a_folder_are_not_given_each_others_connections(
    kafka: Broker, sftp: SftpServer, prefix: str, tmp_path: Path
) -> None:
    """Both names fall into one partition: given out together, one of the two would have both and the other none."""
    neighbour = next(name for name in map("b{}".format, range(100)) if among_three(name) == among_three("au"))
    folders = "".join(
        f'{name} = "{sftp.remote(f"/{name}/au")}"\n' for name in ("pending", "processed", "rejected", "bulk")
    )
    server = (
        f'[connection.{neighbour}.sftp]\nhost = "{sftp.host}"\nport = {sftp.port}\nusername = "{sftp.username}"\n'
        f'private_key_file = "{sftp.private_key_file}"\nknown_hosts_file = "{sftp.known_hosts_file}"\n{folders}'
    )
    intake = Intake(kafka, prefix, tmp_path, more=server)
    with intake.producer(state="folder") as one, intake.start("produce", "sftp", state="server") as other:
        until(lambda: one.said("connection taken") and other.said("connection taken"))
        intake.drop(MONDAY, customers(100))
        (sftp.root / "pending" / "au" / MONDAY).write_text(customers(100), encoding="utf-8")
        until(lambda: one.said("file processed") and other.said("file processed"))
    with intake.start("run", state="run") as both:  # and who takes from both is given both
        until(lambda: both.told.count("connection taken") == 2)
        intake.drop(SALES, sales(100))
        until(lambda: intake.names_in("processed") == [MONDAY, SALES])
    assert {(page.connection, page.gap) for page in intake.pages()} == {("au", 0), (neighbour, 0)}
    assert max(intake.rows_seen().values()) == 2  # one row a connection


def among_three(connection: str) -> int:
    """The partition of a connection's name."""
    return partition_of(connection.encode(), 3)


def test_f15_a_producer_that_slept_through_its_replacement_writes_nothing_twice(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    intake = Intake(kafka, prefix, tmp_path)
    with intake.producer(state="one") as one, intake.producer(state="other") as other:
        until(lambda: one.said("connection taken") or other.said("connection taken"))
        owner, heir = (one, other) if one.said("connection taken") else (other, one)
        intake.drop(MONDAY, customers(ROWS * 5))
        until(intake.books)
        owner.freeze()
        until(lambda: heir.said("connection taken"))
        owner.thaw()
        until(lambda: intake.names_in("processed") == [MONDAY])
        time.sleep(1)
    assert max(intake.rows_seen().values()) == 1
    assert {name: (page.rows, page.gap) for name, page in intake.books().items()} == {MONDAY: (ROWS * 5, 0)}


def test_f18_a_broker_that_is_away_is_waited_for_and_said(own_kafka: Broker, prefix: str, tmp_path: Path) -> None:
    intake = Intake(own_kafka, prefix, tmp_path)
    own_kafka.stop()
    with intake.producer() as run:
        until(lambda: run.said("waiting for Kafka"))
        assert "Kafka does not answer" in run.page("readyz").text
        own_kafka.resume()
        until(lambda: run.said("connection taken"))
        intake.drop(MONDAY, customers(ROWS * 3))
        until(intake.books)
        own_kafka.kill()
        time.sleep(3)
        own_kafka.resume()
        until(lambda: intake.names_in("processed") == [MONDAY])
        assert run.stop() == 0
    assert max(intake.rows_seen().values()) == 1
    assert {name: (page.rows, page.gap) for name, page in intake.books().items()} == {MONDAY: (ROWS * 3, 0)}


def test_f18_a_producer_that_kafka_has_left_stops_all_the_same(
    impatient_kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    intake = Intake(impatient_kafka, prefix, tmp_path)
    intake.drop(MONDAY, customers(ROWS * 5))
    with intake.producer() as run:
        until(lambda: run.said("connection taken"))
        until(intake.books)
        impatient_kafka.freeze()
        intake.drop(SALES, sales(10))  # something to write, though the first file may have come through meanwhile
        until(lambda: "has not taken a transaction" in run.page("readyz").text)
        assert run.stop(60) == 0
        assert run.said("stopped at once")
    with intake.producer() as run:
        until(lambda: run.pages)
        assert run.stop(60) == 0
    impatient_kafka.thaw()
    assert intake.once() == 0
    assert max(intake.rows_seen().values()) == 1
    assert {name: (page.rows, page.gap) for name, page in intake.books().items()} == {
        MONDAY: (ROWS * 5, 0),
        SALES: (20, 0),
    }


def test_f11_a_long_file_needs_no_more_memory_and_goes_on_after_a_stop(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    intake = Intake(kafka, prefix, tmp_path)
    intake.drop(MONDAY, customers(ROWS * 10))
    with intake.producer() as run:
        until(lambda: run.said("connection taken"))
        until(intake.books)
        assert run.stop() == 0
        begun = intake.books()[MONDAY]
    assert 0 < begun.done < ROWS * 10
    most = 0
    with intake.producer() as run:
        while intake.names_in("processed") != [MONDAY]:
            most = max(most, private_memory(run.process.pid))
            time.sleep(0.1)
        assert run.said("going on where reading ended")
        assert run.stop() == 0
    print(f"{most >> 20} MB")
    assert most < 250 << 20
    assert max(intake.rows_seen().values()) == 1
    assert intake.books()[MONDAY].gap == 0


def private_memory(process: int) -> int:
    """Anonymous memory in bytes: a mapped file is the page cache's (proc(5), /proc/pid/status, RssAnon)."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("RssAnon"))
