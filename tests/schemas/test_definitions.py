"""The four definitions keep the shape that everything else relies on."""

import pytest

from schemas.definitions import ENVELOPE, RECORDS, blank, definition, fields
from schemas.generate import TARGET, generated

TOPICS = sorted(RECORDS)


@pytest.mark.parametrize("topic", TOPICS)
def test_the_envelope_comes_last_and_is_the_same_everywhere(topic: str) -> None:
    envelope = definition(topic)["fields"][-len(ENVELOPE) :]
    assert tuple(field["name"] for field in envelope) == ENVELOPE
    assert envelope == definition("customers")["fields"][-len(ENVELOPE) :]


@pytest.mark.parametrize("topic", TOPICS)
def test_every_field_says_what_it_means(topic: str) -> None:
    assert [field.name for field in fields(topic) if len(field.doc) < 6] == []


@pytest.mark.parametrize("topic", TOPICS)
def test_names_addresses_and_numbers_of_people_are_marked_as_personal(topic: str) -> None:
    telling = {"person_id", "email", "mobile", "firstname", "surname", "dob", "staff_name", "voucher_number", "extra"}
    assert {field.name for field in fields(topic) if not field.personal} & telling == set()


def test_customers_carry_every_column_of_the_export() -> None:
    columns = """PERIDX PERSON_CODE FIRSTNAME SURNAME ADRS1 ADRS2 CITY STATE POSTCODE COUNTRY MOBILE EMAIL DOB PRIVACY
        RETAIL_REP LAST_UPDATED CREATED_DATE JOINED_STORE_ID JOINED_STORE_CODE STORE_ID STORE_CODE STORE_NUMBER
        REF1_GROUP REF1_ID REF1_CODE LOYALTY_CODE LOYALTY_NAME LOYALTY_EXPIRY RETAIL_CUST EMAIL_OPT_IN SMS_OPT_IN"""
    expected = ["person_id" if column == "PERIDX" else column.lower() for column in columns.split()]
    assert [field.name for field in fields("customers")][: len(expected)] == expected


@pytest.mark.parametrize(
    ("topic", "prefix", "columns"),
    [
        ("orders", "", "TRAN_IDX TRAN_NUMBER ORDER_NUMBER TRAN_TYPE SALE_DATETIME STORE_ID STORE_CODE STORE_NUMBER"),
        (
            "orders",
            "",
            "STORE_NAME STAFF_CODE STAFF_NAME EMAIL CURRENCY ORDER_TOTAL ORDER_DISCOUNT ORDER_TAX REFUND_TOTAL",
        ),
        (
            "orders",
            "lines.",
            "LINE_SEQ STYLE_CODE STYLE_NAME COLOUR_CODE COLOUR_NAME SIZE_CODE SKUIDX BARCODE PRODUCT_REF",
        ),
        ("orders", "lines.", "QTY UNIT_PRICE LINE_DISCOUNT LINE_VALUE TAX_PERCENT DISCOUNT_REASON RETURN_REASON"),
        ("orders", "lines.", "ORIG_TRAN_IDX ORIG_TRAN_NUMBER"),
        ("rewards", "", "ACCOUNT_ID EMAIL PROGRAM_ID PROGRAM_NAME TIER_ID TIER_NAME TIER_JOIN_DATE TIER_LOCKED_UNTIL"),
        ("rewards", "", "JOIN_DATE AVAILABLE_POINTS AVAILABLE_REWARDS SPEND_TO_NEXT_REWARD NEXT_TIER_NAME"),
        ("rewards", "", "SPEND_TO_NEXT_TIER LAST_UPDATED VOUCHER_NUMBER ORIGINAL_AMOUNT USED_AMOUNT AVAILABLE_AMOUNT"),
        (
            "rewards",
            "rewards.",
            "REWARD_ID REWARD_DESCRIPTION REWARD_TOTAL REWARD_AVAILABLE REWARD_CREATED REWARD_EXPIRY",
        ),
        ("tiers", "", "ACCOUNT_ID EMAIL PROGRAM_ID PROGRAM_NAME TIER_ID TIER_NAME TIER_JOIN_DATE TIER_LOCKED_UNTIL"),
    ],
)
def test_every_column_has_its_field(topic: str, prefix: str, columns: str) -> None:
    wanted = {prefix + column.lower() for column in columns.split()}
    assert wanted - {field.name for field in fields(topic)} == set()


def test_a_blank_record_is_nobodys_but_the_callers() -> None:
    blank("customers")["extra"]["vip"] = "Yes"
    assert blank("customers")["extra"] == {}


def test_the_typed_records_are_fresh() -> None:
    assert TARGET.read_text(encoding="utf-8") == generated(), "run: python -m schemas.generate"
