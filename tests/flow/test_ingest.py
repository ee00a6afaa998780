"""Files become committed events once each, whatever their shape; bad ones get a clear answer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sandbox.kafka.broker import Broker
from sandbox.sftp import SftpServer
from tests.flow.intake import Intake
from tests.producers.desks import CUSTOMER, LINE, example

MONDAY, TUESDAY = "customers_20250401T060000Z.csv", "customers_20250402T060000Z.csv"
SALES = "orders_20250401T063000Z.csv"
ROW = "1,kim@customer.example,No,2025-04-01T09:00:00,No\n"


@pytest.fixture
def intake(kafka: Broker, prefix: str, tmp_path: Path) -> Intake:
    return Intake(kafka, prefix, tmp_path)


def test_the_contracts_own_files_go_through_in_the_right_order(intake: Intake) -> None:
    for kind, time in (
        ("orders", "20250401T063000Z"),
        ("customers", "20250401T060000Z"),
        ("tiers", "20250401T055500Z"),
    ):
        intake.drop(f"{kind}_{time}.csv", example(kind))
    assert intake.once() == 0
    assert len(intake.events("customers")) == 8
    assert len(intake.events("orders")) == 7
    assert (intake.names_in("pending"), intake.names_in("rejected"), len(intake.names_in("processed"))) == ([], [], 3)
    books = intake.books()
    assert sorted(books, key=lambda name: books[name].finished) == [
        "tiers_20250401T055500Z.csv",
        "customers_20250401T060000Z.csv",
        "orders_20250401T063000Z.csv",
    ]
    assert all(entry.gap == 0 and entry.finished and entry.archived for entry in books.values())


def test_every_event_says_where_it_came_from_without_being_decoded(intake: Intake) -> None:
    intake.drop(MONDAY, f"{CUSTOMER}\n{ROW}")
    intake.once()
    (message,) = intake.read(intake.names.topic("customers"))
    headers = dict(message.headers())
    sha256 = intake.books()[MONDAY].sha256.encode()
    assert {
        name: headers[f"tillstream.{name}"] for name in ("source-time", "order", "object", "origin", "sha256", "line")
    } == {
        "source-time": b"2025-03-31T22:00:00.000000Z",
        "order": b"2025-03-31T22:00:00.000000Z|2025-04-01T06:00:00.000000Z|000000002",
        "object": b"1",
        "origin": b"apparel21-file",
        "sha256": sha256,
        "line": b"2",
    }
    assert len(headers["tillstream.content"]) == 32


def test_rejected_rows_come_back_as_a_file_that_can_be_corrected_and_dropped_in(intake: Intake) -> None:
    intake.drop(MONDAY, f"{CUSTOMER}\n{ROW}2,not an address,No,2025-04-01T09:00:00,No\n")
    intake.once()
    (name,) = intake.names_in("rejected")
    rejects = intake.place("rejected", name).read_text(encoding="utf-8")
    assert rejects.splitlines() == [
        f"{CUSTOMER},REJECT_FILE,REJECT_LINE,REJECT_COLUMN,REJECT_RULE",
        f"2,not an address,No,2025-04-01T09:00:00,No,{MONDAY},3,EMAIL,email",
    ]
    intake.drop(name, rejects.replace("not an address", "lee@customer.example"))
    intake.place("rejected", name).unlink()
    intake.once()
    assert [key for key, _ in intake.events("customers")].count("au/lee@customer.example") == 1
    assert intake.events("customers")[-1][1]["file_time"].isoformat() == "2025-04-01T06:00:00+00:00"
    assert intake.names_in("rejected") == []


def test_cells_of_rejected_rows_keep_their_bytes(intake: Intake) -> None:
    row = "2,no address,No,2025-04-01T09:00:00,Zoë".encode("windows-1252")
    intake.drop(MONDAY, f"{CUSTOMER}\n{ROW}".encode() + row + b"\n")
    intake.once()
    (name,) = intake.names_in("rejected")
    assert "Zoë".encode("windows-1252") in intake.place("rejected", name).read_bytes()


def test_bulk_files_say_so(intake: Intake) -> None:
    intake.drop(MONDAY, f"{CUSTOMER}\n{ROW}", folder="bulk")
    intake.once()
    assert [(record["bulk"], key) for key, record in intake.events("customers")] == [(True, "au/kim@customer.example")]


def test_a_name_that_stands_in_processed_is_never_written_over(intake: Intake) -> None:
    intake.place("processed", MONDAY).write_text("older", encoding="utf-8")
    intake.drop(MONDAY, f"{CUSTOMER}\n{ROW}")
    intake.once()
    assert intake.names_in("processed") == ["customers_20250401T060000Z-2.csv", MONDAY]
    assert intake.place("processed", MONDAY).read_text(encoding="utf-8") == "older"


def test_f02_a_file_that_ends_inside_a_quote_keeps_the_rows_before(intake: Intake) -> None:
    intake.drop(MONDAY, f'{CUSTOMER}\n{ROW}2,"lee@customer.example,No')
    intake.once()
    assert len(intake.events("customers")) == 1
    entry = intake.books()[MONDAY]
    assert (entry.rows, entry.accepted, entry.rejected) == (2, 1, 1)
    (name,) = intake.names_in("rejected")
    assert f"{MONDAY},3,,quote" in intake.place("rejected", name).read_text(encoding="utf-8")


def test_a_quote_that_is_never_closed_costs_its_own_row_and_the_log_says_where_reading_goes_on(intake: Intake) -> None:
    intake.drop(MONDAY, f'{CUSTOMER}\n2,"lee@customer.example,No,2025-04-01T10:00:00\n{ROW}')
    with intake.producer("--once") as run:
        assert run.end() == 0
    assert any("the quote opened in line 2 is not closed; reading goes on in line 3" in line for line in run.lines)
    assert len(intake.events("customers")) == 1
    (name,) = intake.names_in("rejected")
    assert f"{MONDAY},2,,quote" in intake.place("rejected", name).read_text(encoding="utf-8")


def test_f04_the_same_bytes_under_a_new_name_make_no_event(intake: Intake) -> None:
    intake.drop(MONDAY, f"{CUSTOMER}\n{ROW}")
    intake.once()
    intake.drop(TUESDAY, f"{CUSTOMER}\n{ROW}")
    assert intake.once() == 0
    assert len(intake.events("customers")) == 1
    assert intake.names_in("processed") == [MONDAY, TUESDAY]


@pytest.mark.parametrize("content", ["", f"{CUSTOMER}\n"], ids=["zero bytes", "header only"])
def test_f06_f07_nothing_in_it_is_processed_with_no_rows(intake: Intake, content: str) -> None:
    intake.drop(MONDAY, content)
    assert intake.once() == 0
    assert (intake.names_in("processed"), intake.books()[MONDAY].rows) == ([MONDAY], 0)


def test_f08_a_missing_column_refuses_the_file_before_its_first_row(intake: Intake) -> None:
    intake.drop(MONDAY, f"{CUSTOMER.replace('PRIVACY', 'PRIVATE')}\n{ROW}")
    assert intake.once() == 0
    assert (intake.events("customers"), intake.names_in("processed")) == ([], [])
    assert intake.names_in("rejected") == [MONDAY, f"{MONDAY}.why.txt"]
    why = intake.place("rejected", f"{MONDAY}.why.txt").read_text(encoding="utf-8")
    assert "PRIVACY is missing" in why
    assert "PRIVATE" in why


def test_f08_unknown_columns_are_listed_and_a_new_order_is_fine(intake: Intake) -> None:
    intake.drop(MONDAY, f"SHOE_SIZE,{CUSTOMER}\n44½,{ROW}")
    with intake.producer("--once") as run:
        assert run.end() == 0
    (odd,) = [line for line in run.lines if "odd things" in line]
    assert "SHOE_SIZE" in odd
    assert "encodings" not in odd, "UTF-8 is nothing odd"
    assert len(intake.events("customers")) == 1


def test_f09_utf_16_with_a_mark_is_read_right_and_its_rejects_can_be_dropped_in(intake: Intake) -> None:
    tail = "No,2025-04-01T09:00:00,No,Zoë\n"
    rows = f"1,zoe@customer.example,{tail}2,no address,{tail}"
    intake.drop(MONDAY, f"{CUSTOMER},FIRSTNAME\n{rows}".encode("utf-16"))
    intake.once()
    (name,) = intake.names_in("rejected")
    rejects = intake.place("rejected", name)
    intake.drop(name, rejects.read_bytes().replace(b"no address", b"lee@customer.example"))
    rejects.unlink()
    intake.once()
    read = [(key, record["firstname"]) for key, record in intake.events("customers")]
    assert sorted(read) == [("au/lee@customer.example", "Zoë"), ("au/zoe@customer.example", "Zoë")]
    assert intake.names_in("rejected") == []


def test_nothing_of_what_a_row_says_is_logged(intake: Intake) -> None:
    rows = (
        "1,kim@customer.example,No,2025-04-01T09:00:00,No,Kimberley,no number\n"
        "2,rob@@customer.example,No,2025-04-01T09:00:00,No,Roberta,0491 570 006\n"
    )
    intake.drop(MONDAY, f"{CUSTOMER},FIRSTNAME,MOBILE\n{rows}")
    with intake.producer("--once") as run:
        assert run.end() == 0
    assert run.said("file processed")
    assert run.said("MOBILE phone")
    words = ("customer.example", "Kimberley", "Roberta", "no number", "491 570")
    assert [word for word in words if run.said(word)] == []


def test_f10_a_line_of_a_hundred_megabytes_is_one_reject(intake: Intake) -> None:
    path = intake.drop(MONDAY, f"{CUSTOMER}\n{ROW}")
    with path.open("a", encoding="utf-8") as stream:
        for _ in range(100):
            stream.write("x" * 1_000_000)
        stream.write("\n2,lee@customer.example,No,2025-04-01T09:00:00,No\n")
    intake.once()
    entry = intake.books()[MONDAY]
    assert (entry.accepted, entry.rejected) == (2, 1)


def test_f12_names_that_are_not_ours_are_left_in_place(intake: Intake) -> None:
    strange = ["customers_20250401T060000Z.csv.gz", "notes.txt", "customers_20250401.csv", f"{MONDAY}.filepart"]
    for name in strange:
        intake.drop(name, "x")
    (intake.place("pending") / "folder").mkdir()
    assert intake.once() == 0
    assert intake.names_in("pending") == sorted([*strange, "folder"])


def test_f16_a_file_that_did_not_come_is_said_and_its_age_measured(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    intake = Intake(kafka, prefix, tmp_path, more='expect = "00:00"')
    with intake.producer("--once") as run:
        assert run.end() == 0
    assert run.said("no file today")


def test_f16_a_file_that_lies_there_is_taken_before_anybody_is_told_that_none_came(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    intake = Intake(kafka, prefix, tmp_path, more='expect = "00:00"')
    intake.drop(MONDAY, f"{CUSTOMER}\n{ROW}")
    with intake.producer("--once") as run:
        assert run.end() == 0
    assert not run.said("no file today")


def test_f21_a_row_larger_than_the_broker_takes_is_a_reject(intake: Intake) -> None:
    """Also one that it would take, but not once a worker lays it aside, in base64."""
    lines = "".join(
        f"7,D{'x' * 60_000},2025-04-01T10:00:00,1,kim@customer.example,{'y' * 60_000},1,10.00,\n" for _ in range(12)
    )
    small = "8,D8,2025-04-01T10:00:00,1,kim@customer.example,TEE,1,10.00,\n"
    intake.drop(SALES, f"{LINE}\n{lines}{small}")
    assert intake.once() == 0
    entry = intake.books()[SALES]
    assert (entry.rows, entry.accepted, entry.rejected, entry.gap) == (13, 1, 12, 0)


def test_many_rows_take_several_transactions_and_the_books_say_how_many(intake: Intake) -> None:
    rows = "".join(f"{n},kim{n}@customer.example,No,2025-04-01T09:00:00,No\n" for n in range(25_000))
    intake.drop(MONDAY, f"{CUSTOMER}\n{rows}")
    intake.once()
    entry = intake.books()[MONDAY]
    assert (entry.records, entry.transactions, entry.gap) == (25_000, 3, 0)
    assert max(intake.rows_seen().values()) == 1


def test_a_file_that_may_not_be_put_away_is_said_and_read_only_once(intake: Intake) -> None:
    if os.getuid() == 0:
        intake.place("processed").rmdir()
        (intake.data / "processed" / "au").write_text("a file where a folder should be", encoding="utf-8")
    intake.drop(MONDAY, f"{CUSTOMER}\n{ROW}")
    with intake.producer("--once") as run:
        assert run.end() == 1
    assert run.said("files cannot be taken")


def test_files_come_from_an_sftp_server_and_go_back_there(
    kafka: Broker, sftp: SftpServer, prefix: str, tmp_path: Path
) -> None:
    folders = "".join(
        f'{name} = "{sftp.remote(f"/{name}/au")}"\n' for name in ("pending", "processed", "rejected", "bulk")
    )
    intake = Intake(
        kafka,
        prefix,
        tmp_path,
        source=f'host = "{sftp.host}"\nport = {sftp.port}\nusername = "{sftp.username}"\n'
        f'private_key_file = "{sftp.private_key_file}"\nknown_hosts_file = "{sftp.known_hosts_file}"\n{folders}',
    )
    (sftp.root / "pending" / "au" / MONDAY).write_text(f"{CUSTOMER}\n{ROW}2,no address,No,,\n", encoding="utf-8")
    assert intake.once() == 0
    assert [key for key, _ in intake.events("customers")] == ["au/kim@customer.example"]
    assert [path.name for path in (sftp.root / "processed" / "au").iterdir()] == [MONDAY]
    assert len(list((sftp.root / "rejected" / "au").iterdir())) == 1
