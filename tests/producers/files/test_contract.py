"""The files of the contract give exactly the expected values, whatever they are written in."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from producers.files.kinds import FILE_KINDS
from producers.files.layouts import shipped
from producers.files.values import Note, Row
from schemas.codec import codec
from tests.producers.files.reading import MADE, example, outcome

ENCODINGS = ("utf-8", "utf-8-sig", "windows-1252", "utf-16")


@pytest.fixture(params=ENCODINGS)
def customers(request: pytest.FixtureRequest) -> dict[str, Row]:
    rows, rejects = outcome("customers", example("customers").decode().encode(request.param))
    assert not rejects
    return {row.values["person_id"]: row for row in rows}


def test_every_customer_is_read_at_its_line(customers: dict[str, Row]) -> None:
    assert [(person, row.line, row.sources[-1].last_line) for person, row in customers.items()] == [
        ("73152", 2, 2),
        ("73160", 3, 3),
        ("73171", 4, 4),
        ("73172", 5, 5),
        ("73180", 6, 6),
        ("91004", 7, 7),
        ("80117", 8, 9),
        ("60001", 10, 10),
    ]


def test_a_whole_customer(customers: dict[str, Row]) -> None:
    row = customers["73152"]
    assert row.notes == ()
    assert row.source_time == datetime(2025, 4, 1, 5, 5, 11, tzinfo=UTC)
    assert row.values == {
        "person_id": "73152",
        "person_code": "OCONPR00",
        "firstname": "Priya",
        "surname": "O'Connor",
        "adrs1": "Level 2, 21 Bourke St",
        "adrs2": "",
        "city": "Melbourne",
        "state": "VIC",
        "postcode": "3000",
        "country": "AUSTRALIA",
        "mobile": "+61491570006",
        "email": "priya.oconnor@customer.example",
        "dob": date(1990, 2, 14),
        "privacy": False,
        "retail_rep": False,
        "last_updated": datetime(2025, 4, 1, 5, 5, 11, tzinfo=UTC),
        "created_date": datetime(2023, 11, 19, 23, 12, tzinfo=UTC),
        "joined_store_id": "4983",
        "joined_store_code": "DONCASTER",
        "store_id": "4983",
        "store_code": "DONCASTER",
        "store_number": "113",
        "ref1_group": "OptIn",
        "ref1_id": "20411",
        "ref1_code": "Yes",
        "loyalty_code": "CLUB",
        "loyalty_name": "Club Member",
        "loyalty_expiry": date(2026, 3, 31),
        "retail_cust": "Yes",
        "email_opt_in": True,
        "sms_opt_in": True,
        "shopify_id": "",
        "previous_email": None,
        "rescued": False,
        "zone": "Australia/Melbourne",
        "extra": {},
    }


def test_awkward_customers(customers: dict[str, Row]) -> None:
    zoe = customers["73160"].values
    assert (zoe["firstname"], zoe["surname"], zoe["adrs1"]) == ("Zoë", "D’Angelo", 'Unit 3, "The Loft", 14 Smith St')
    assert (zoe["email"], zoe["postcode"], zoe["dob"]) == ("zoe.dangelo@customer.example", "0800", date(1988, 7, 14))
    assert (zoe["mobile"], zoe["privacy"], zoe["retail_rep"]) == ("+61491570156", True, False)
    assert [customers[person].values["email"] for person in ("73171", "73172")] == ["", ""]
    assert customers["73172"].values["dob"] is None
    liam = customers["80117"]
    assert liam.values["adrs1"] == "7 Smith St\nRear entrance"
    assert liam.values["last_updated"] == liam.values["created_date"] == datetime(2025, 4, 1, 5, 5, 11, tzinfo=UTC)
    assert (liam.values["mobile"], liam.notes) == ("", (Note(8, "MOBILE", "03 5550 0123", "not_mobile"),))
    kim = customers["60001"].values
    assert (kim["retail_rep"], kim["loyalty_name"]) == (True, "Staff 40%")
    assert kim["last_updated"] == datetime(2025, 4, 5, 15, 30, tzinfo=UTC), "the first of two 02:30, UTC+11"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_orders(encoding: str) -> None:
    rows, rejects = outcome("orders", example("orders").decode().encode(encoding))
    assert not rejects
    assert [(row.values["tran_idx"], row.values["kind"], row.line, row.joined, row.notes) for row in rows] == [
        ("913748", "sale", 2, 1, ()),
        ("913801", "refund", 4, 0, ()),
        ("913802", "sale", 5, 1, ()),
        ("913803", "sale", 7, 0, ()),
        ("913804", "sale", 8, 0, ()),
        ("913805", "sale", 9, 0, ()),
        ("913810", "sale", 10, 0, ()),
    ]
    first = rows[0].values
    assert first["sale_datetime"] == rows[0].source_time == datetime(2025, 3, 29, 3, 22, 5, tzinfo=UTC)
    assert (first["order_total"], first["order_discount"], first["order_tax"]) == (
        Decimal("194.90"),
        Decimal("15.00"),
        Decimal("17.72"),
    )
    assert [(line["style_name"], line["size_code"], line["qty"], line["line_value"]) for line in first["lines"]] == [
        ("Dress, linen wrap", "10", 1, Decimal("134.95")),
        ("Men's silk scarf", "", 1, Decimal("59.95")),
    ]
    assert rows[1].values["original"]["tran_number"] == "D11300004711"
    assert [line["qty"] for line in rows[2].values["lines"]] == [-1, 1]
    assert rows[2].values["original"] is None
    assert (rows[3].values["person_id"], rows[3].values["email"]) == ("", "")
    assert (rows[5].values["lines"][0]["colour_name"], rows[5].values["lines"][0]["barcode"]) == ("", "")


def test_rewards_are_one_record_for_each_account() -> None:
    rows, rejects = outcome("rewards", example("rewards"))
    assert not rejects
    assert [(row.values["account_id"], row.line, row.joined, row.values["complete"]) for row in rows] == [
        ("22672", 2, 1, True),
        ("22790", 4, 0, True),
        ("22801", 5, 0, True),
    ]
    first = rows[0].values
    assert [(one["reward_id"], one["reward_available"], one["reward_expiry"]) for one in first["rewards"]] == [
        ("163910", Decimal("30.00"), date(2025, 4, 15)),
        ("164002", Decimal("15.00"), date(2025, 4, 30)),
    ]
    assert (first["available_points"], first["available_rewards"], first["kind"]) == (120, Decimal("45.00"), "account")
    assert rows[1].values["rewards"] == []


def test_refunds_name_the_sale_they_belong_to() -> None:
    rows, rejects = outcome("refunds", example("refunds"))
    assert not rejects
    assert [(row.values["kind"], row.values["original"], row.values["refund_total"], row.notes) for row in rows] == [
        (
            "refund",
            {"tran_idx": "913748", "tran_number": "D11300004711", "key": "", "loyalty": None},
            Decimal("59.95"),
            (),
        )
    ]


def test_tiers_are_definitions() -> None:
    rows, rejects = outcome("tiers", example("tiers"))
    assert not rejects
    assert [(row.values["tier_name"], row.values["sequence"], row.values["qualify_spend"]) for row in rows] == [
        ("Silver", 1, Decimal("0.00")),
        ("Gold", 2, Decimal("600.00")),
    ]
    assert rows[0].source_time == MADE


def test_gift_cards() -> None:
    rows, _ = outcome("giftcards", "VOUCHER_NUMBER,PERIDX,AVAILABLE_AMOUNT\n0012,73152,$20\n")
    values = rows[0].values
    assert (values["kind"], values["voucher_number"]) == ("gift_card", "0012")
    assert (values["person_id"], values["available_amount"]) == ("73152", Decimal("20.00"))


@pytest.mark.parametrize("kind", ["customers", "orders", "rewards", "refunds"])
def test_what_is_read_can_be_written_as_an_event(kind: str) -> None:
    writer, topic = codec(None), FILE_KINDS[kind].topic
    for row in outcome(kind, example(kind))[0]:
        envelope = {
            "connection": "au",
            "origin": "apparel21-file",
            "source_time": row.source_time,
            "file": f"{kind}.csv",
            "sha256": "0" * 64,
            "line": row.line,
            "file_time": row.file_time,
            "bulk": False,
        }
        record = {**row.values, **envelope}
        assert writer.decode(topic, writer.encode(topic, record).payload) == record


def test_every_column_of_a_shipped_table_says_what_it_means() -> None:
    assert all(row.note for kind in FILE_KINDS for row in shipped(kind).rows)
