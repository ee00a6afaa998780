"""Files as merchants really have them: with bad rows that are corrected, and with columns of their own."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

from sandbox.kafka.broker import Broker
from sandbox.klaviyo.server import KlaviyoServer
from tests.bars.shop_floor import CUSTOMER_COLUMNS, customer, customers, shop, state_of

ROWS = 10_000
PLACE = {name: place for place, name in enumerate(CUSTOMER_COLUMNS)}


def cell(name: str, value: str) -> Callable[[list[str]], list[str]]:
    place = PLACE[name]
    return lambda cells: [*cells[:place], value, *cells[place + 1 :]]


BAD: dict[int, tuple[Callable[[list[str]], list[str]], str, str, str]] = {
    2: (cell("EMAIL", "p0@customer"), "EMAIL", "p0@customer", "email"),
    777: (cell("EMAIL", "p775 customer.example"), "EMAIL", "p775 customer.example", "email"),
    1_500: (cell("LAST_UPDATED", "31/02/2025"), "LAST_UPDATED", "31/02/2025", "date"),
    2_345: (cell("LAST_UPDATED", "04/13/2025"), "LAST_UPDATED", "04/13/2025", "date"),
    3_000: (cell("PRIVACY", "Maybe"), "PRIVACY", "Maybe", "yes_no"),
    4_444: (cell("EMAIL_OPT_IN", "perhaps"), "EMAIL_OPT_IN", "perhaps", "yes_no"),
    5_001: (cell("PERIDX", ""), "PERIDX", "", "empty"),
    6_000: (lambda cells: cells[:-2], "", "", "row_length"),
    8_192: (lambda cells: [*cells, "one more"], "", "", "row_length"),
    10_001: (cell("SURNAME", "Nul\0l"), "SURNAME", "Nul\0l", "nul"),
}
"""By line: what is done to the row, and the column, value and rule of its reject."""


def export() -> list[list[str]]:
    text = customers(customer(n, PRIVACY="No", SURNAME=f"Family {n}") for n in range(ROWS))
    return list(csv.reader(io.StringIO(text)))


def written(rows: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def test_of_ten_thousand_rows_ten_bad_ones_come_back_named_and_are_delivered_once_corrected(
    kafka: Broker, prefix: str, tmp_path: Path, klaviyo: KlaviyoServer
) -> None:
    klaviyo.settings(job_time=0.5)
    floor = shop(tmp_path, kafka, prefix, klaviyo)
    good = export()
    spoiled = [BAD[line][0](cells) if line in BAD else cells for line, cells in enumerate(good, start=1)]
    floor.drop("customers_20250402T060000Z.csv", written(spoiled))
    floor.carry()
    assert klaviyo.counts()["profiles"] == ROWS - len(BAD)
    assert floor.books()["customers"]["delivered"] == ROWS - len(BAD)
    (rejected,) = floor.rejects()
    with rejected.open(encoding="utf-8", newline="") as stream:
        header, *rows = list(csv.reader(stream))
    assert header == [*CUSTOMER_COLUMNS, "REJECT_FILE", "REJECT_LINE", "REJECT_COLUMN", "REJECT_RULE"]
    assert [(int(row[-3]), row[-2], row[-1]) for row in rows] == [(line, bad[1], bad[3]) for line, bad in BAD.items()]
    assert {row[-4] for row in rows} == {"customers_20250402T060000Z.csv"}
    for row, (_, column, value, _) in zip(rows, BAD.values(), strict=True):
        assert not column or row[PLACE[column]] == value
    corrected = [[*good[int(row[-3]) - 1], *row[-4:]] for row in rows]
    floor.drop(rejected.name, written([header, *corrected]))
    floor.carry()
    assert klaviyo.counts()["profiles"] == ROWS
    assert floor.books()["customers"]["delivered"] == ROWS
    assert klaviyo.profile("p2998@customer.example")["attributes"]["first_name"] == "Name2998"
    assert len(floor.rejects()) == 1


TABLE = """
extends = true
encoding = "windows-1252"
[columns]
"Cust No" = "PERIDX"
"E-mail address" = "EMAIL"
"No marketing" = "PRIVACY"
"Given name" = "FIRSTNAME"
"Family name" = "SURNAME"
"Mobile phone" = "MOBILE"
"Changed" = "LAST_UPDATED"
"Home store" = "JOINED_STORE_CODE"
[dates]
LAST_UPDATED = ["D/MM/YYYY h:mm:ss AM/PM"]
"""

THEIRS = (
    "Cust No;Given name;Family name;E-mail address;Mobile phone;No marketing;Changed;Home store;Remarks\n"
    '100;Zoë;"D’Angelo; née Li";Zoe@Customer.example;0491 570 156;N;1/04/2025 4:05:11 PM;RUNDLE;likes red\n'
    "101;Max;Ng;max@customer.example;;Y;12/11/2025 12:00:01 AM;DONCASTER;\n"
)


def test_a_file_of_other_columns_dates_and_semicolons_loads_by_a_table_of_its_own(
    kafka: Broker, prefix: str, tmp_path: Path, klaviyo: KlaviyoServer
) -> None:
    floor = shop(tmp_path, kafka, prefix, klaviyo)
    table = tmp_path / "mappings" / "au" / "customers.toml"
    table.parent.mkdir(parents=True)
    table.write_text(TABLE, "utf-8")
    floor.drop("customers_20251201T060000Z.csv", THEIRS.encode("windows-1252"))
    floor.carry()
    zoe, max_ = klaviyo.profile("zoe@customer.example"), klaviyo.profile("max@customer.example")
    assert (zoe["attributes"]["first_name"], zoe["attributes"]["last_name"]) == ("Zoë", "D’Angelo; née Li")
    assert zoe["phone_number"] == "+61491570156"
    assert zoe["properties"] == {
        "AP21 Person ID": "100",
        "Privacy": "No",
        "Retail Rep": "No",
        "Last Updated": "2025-04-01T16:05:11+11:00",
        "Joined Store Code": "RUNDLE",
        "Source": "RUNDLE",
    }
    assert max_["properties"]["Last Updated"] == "2025-11-12T00:00:01+11:00"
    assert state_of(klaviyo, "zoe@customer.example")["email"] == "SUBSCRIBED"
    assert state_of(klaviyo, "max@customer.example")["email"] == "UNSUBSCRIBED"
    assert floor.books()["customers"]["delivered"] == 2
    assert floor.rejects() == []


def test_the_bulk_folder_makes_profiles_and_nothing_else_and_a_later_row_counts(
    kafka: Broker, prefix: str, tmp_path: Path, klaviyo: KlaviyoServer
) -> None:
    floor = shop(tmp_path, kafka, prefix, klaviyo)
    klaviyo.seed(attributes={"email": "p1@customer.example", "first_name": "Known"})
    rows = [customer(n, PRIVACY=("Yes", "No")[n % 2], SMS_OPT_IN="Yes", MOBILE=f"04915701{n:02d}") for n in range(8)]
    floor.drop("customers_20250402T060000Z.csv", customers(rows), kind="bulk")
    floor.carry()
    assert {line["endpoint"] for line in klaviyo.requests() if line["method"] == "POST"} <= {
        "POST /api/profile-import",
        "POST /api/profile-bulk-import-jobs",
    }
    assert klaviyo.counts()["profiles"] == 8
    assert klaviyo.profile("p1@customer.example")["attributes"]["first_name"] == "Known"
    assert all(profile["lists"] == [] for profile in klaviyo.profiles())
    assert all(set(state_of(klaviyo, f"p{n}@customer.example").values()) <= {"NEVER_SUBSCRIBED"} for n in range(8))
    books = floor.books()["customers"]
    assert (books["delivered"], books["skipped"]) == (7, {"bulk_existing": 1})
    later = [{**row, "CITY": "Kew", "LAST_UPDATED": "2025-04-02T09:00:00"} for row in rows]
    floor.drop("customers_20250403T060000Z.csv", customers(later))
    floor.carry()
    assert klaviyo.profile("p1@customer.example")["attributes"]["first_name"] == "Name1"
    for n in range(8):
        wanted = ("UNSUBSCRIBED", "SUBSCRIBED")[n % 2]
        assert state_of(klaviyo, f"p{n}@customer.example")["email"] == wanted
        assert klaviyo.profile(f"p{n}@customer.example")["location"]["city"] == "Kew"
    assert klaviyo.profile("p0@customer.example")["lists"] == []
