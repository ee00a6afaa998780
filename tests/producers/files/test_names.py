"""Which names are ours, and which file goes first."""

import pytest

from producers.files.names import parse_name, turn, uploading


@pytest.mark.parametrize(
    "name",
    [
        "orders_20230101T120101Z.csv.gz",
        "orders_20230101T120101Z.zip",
        "invoices_20230101T120101Z.csv",
        "orders_20230101T120101.csv",
        "orders_20230101T120101Z.csv\n",
        "orders_20231332T120101Z.csv",
        "../orders_20230101T120101Z.csv",
        "pending/orders_20230101T120101Z.csv",
        "orders_２０２３0101T120101Z.csv",
        "",
    ],
)
def test_f12_names_that_are_not_ours(name: str) -> None:
    assert parse_name(name) is None


def test_case_does_not_matter() -> None:
    found = parse_name("CUSTOMERS_20230424t201230z.CSV")
    assert found is not None
    assert (found.kind, found.time.isoformat()) == ("customers", "2023-04-24T20:12:30+00:00")


def test_people_come_before_what_they_did_and_older_files_before_newer() -> None:
    names = [
        "giftcards_20250101T000000Z.csv",
        "refunds_20250101T000000Z.csv",
        "orders_20250102T000000Z.csv",
        "orders_20250101T000000Z.csv",
        "rewards_20250101T000000Z.csv",
        "customers_20250103T000000Z.csv",
        "tiers_20250104T000000Z.csv",
    ]
    found = [file for file in map(parse_name, names) if file is not None]
    assert [file.name for file in sorted(found, key=turn)] == [names[n] for n in (6, 5, 4, 3, 2, 1, 0)]


def test_files_still_being_written_say_so() -> None:
    assert all(uploading("orders_20230101T120101Z.csv" + end) for end in (".part", ".TMP", ".filepart"))
    assert not uploading("orders_20230101T120101Z.csv")
