"""A header is understood or the file refused; a row is taken or rejected with its line, column, value and rule."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.files.broken import CELL_LIMIT
from producers.files.layouts import Place
from producers.files.lines import CHUNK
from producers.files.values import Note, Refused
from tests.producers.files.reading import MADE, MELBOURNE, PERSON, SALE, example, outcome, reading, rules


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\n\r\n \n", b"\0" * 512])
def test_f06_a_file_without_anything_has_no_rows(content: bytes) -> None:
    found = reading("customers", content)
    assert (list(found.rows), found.header.names) == ([], ())


@pytest.mark.parametrize("content", [PERSON, PERSON.strip(), "\n" + PERSON + "\n\n"])
def test_f07_a_file_with_only_a_header_has_no_rows(content: str) -> None:
    found = reading("customers", content)
    assert (list(found.rows), found.header.names[0]) == ([], "PERIDX")


def test_f08_columns_may_stand_in_any_order_and_case() -> None:
    rows, _ = outcome(
        "customers", " Privacy ,last updated,LOYALTY_NAME,email,Peridx\nNo,,Club,kim@customer.example,7\n"
    )
    values = rows[0].values
    assert (values["person_id"], values["privacy"], values["loyalty_name"]) == ("7", False, "Club")
    assert (values["last_updated"], rows[0].source_time) == (None, MADE)


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("PERSIDX,EMAIL,PRIVACY", "the column PERIDX is missing; the nearest name in the file is PERSIDX"),
        ("PERIDX,EMAIL", "the column PRIVACY is missing"),
        (
            "PERIDX#EMAIL#PRIVACY",
            "the first line is one cell: commas, semicolons, tabs or pipes go between the columns",
        ),
        ("PERIDX,EMAIL,PRIVACY,Email ", "the column Email is there twice"),
        ("PERIDX,EMAIL,PRIVACY,own,OWN", "the column OWN is there twice"),
        ("PERIDX,EMAIL,PRIV\0ACY", "the header in line 1 cannot be read (nul): byte 17 of the file, counted from 0"),
        ("x" * 70_000, "the first line is no header: it is longer than 65536 characters"),
        ('"PERIDX"x,EMAIL,PRIVACY', "the header in line 1 cannot be read (quote): text after a closing quote"),
    ],
)
def test_f08_a_file_is_refused_with_the_reason(header: str, why: str) -> None:
    with pytest.raises(Refused) as refused:
        reading("customers", header + "\n1,2,3\n")
    assert refused.value.why == (why,)


def test_f08_every_problem_is_told_at_once() -> None:
    with pytest.raises(Refused) as refused:
        reading("orders", "TRANIDX,QTY,QTY\n")
    assert len(refused.value.why) == 6
    assert "the column PERIDX or EMAIL is missing" in str(refused.value)


def test_f09_utf16_without_its_mark_is_refused() -> None:
    with pytest.raises(Refused, match="byte 1 of the file"):
        reading("customers", PERSON.encode("utf-16-le"))


def test_f09_utf16_without_its_mark_is_read_where_the_table_says_so() -> None:
    content = (PERSON + "1,,No,,,\n").encode("utf-16-le")
    found = reading("customers", content, table='encoding = "utf-16-le"')
    assert (found.mark, [row.line for row in found.rows]) == (b"\xef\xbb\xbf", [2])
    again = found.mark + (PERSON + "1,,No,,,\n").encode()
    assert len(outcome("customers", again, table='encoding = "utf-16-le"')[0]) == 1


def test_unknown_columns_are_listed_and_those_without_a_name_are_not() -> None:
    found = reading("customers", "PERIDX,,EMAIL,PRIVACY,Shoe Size,\n1,x,kim@customer.example,No,39,\n")
    assert found.header.ignored == ("Shoe Size",)
    assert [getattr(row, "values", {}).get("extra") for row in found.rows] == [{}]


@pytest.mark.parametrize("header", ["", PERSON.rstrip()])
@pytest.mark.parametrize("size", [10, CELL_LIMIT + 1, CHUNK, 3 * CHUNK])
def test_f09_a_file_whose_rest_was_never_written_ends_where_the_nuls_begin(header: str, size: int) -> None:
    found = reading("customers", header + "\0" * size)
    assert (list(found.rows), found.seen.nul_padding) == ([], size)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_header_alone_tells_the_delimiter(delimiter: str) -> None:
    found = reading("customers", PERSON.replace(",", delimiter) + delimiter.join(["1", "", "No", "", "", ""]) + "\n")
    assert (found.delimiter, len(list(found.rows))) == (delimiter, 1)


def test_a_pin_is_never_read_and_never_given_back() -> None:
    found = reading("giftcards", "VOUCHER_NUMBER,Voucher Pin,EMAIL\n12,9876,not an address\n13,9876\n14,9876,\n")
    assert found.header.dropped == ("Voucher Pin",)
    assert "9876" not in repr(list(found.rows))


def test_rows_of_another_length_are_rejected_with_their_line() -> None:
    rows, rejects = outcome("customers", PERSON + "1,,No,,,\n2,,No\n3,,No,,,,\n4,,No,,,\n")
    assert [row.values["person_id"] for row in rows] == ["1", "4"]
    assert rules(rejects) == [(3, "", "row_length"), (4, "", "row_length")]
    assert rejects[0].detail == "3 cells where the header has 6"


@pytest.mark.parametrize(
    ("row", "column", "value", "rule"),
    [
        (",,No,,,", "PERIDX", "", "empty"),
        ("9.1E+05,,No,,,", "PERIDX", "9.1E+05", "id"),
        ("1,kim at customer,No,,,", "EMAIL", "kim at customer", "email"),
        (f"1,{'k' * 99}@customer.example,No,,,", "EMAIL", f"{'k' * 99}@customer.example", "email"),
        ("1,,maybe,,,", "PRIVACY", "maybe", "yes_no"),
        ("1,,No,?,,", "EMAIL_OPT_IN", "?", "yes_no"),
        ("1,,No,,,04/31/2025", "LAST_UPDATED", "04/31/2025", "date"),
    ],
)
def test_a_cell_that_decides_rejects_its_row(row: str, column: str, value: str, rule: str) -> None:
    _, rejects = outcome("customers", PERSON + row + "\n")
    assert [(one.line, one.column, one.value, one.rule) for one in rejects] == [(2, column, value, rule)]
    assert rejects[0].cells == tuple(row.split(","))


def test_any_other_cell_is_left_empty_and_noted() -> None:
    rows, _ = outcome("customers", "PERIDX,EMAIL,PRIVACY,DOB,SURNAME\n1,,No,31/02/1990,Null\n")
    assert (rows[0].values["dob"], rows[0].values["surname"]) == (None, "Null")
    assert rows[0].notes == (Note(2, "DOB", "31/02/1990", "date"),)


def test_a_corrected_row_has_the_times_of_the_file_it_first_came_in() -> None:
    header = PERSON.strip() + ",REJECT_FILE,REJECT_LINE,REJECT_COLUMN,REJECT_RULE\n"
    old = "customers_20250301T050000Z.csv"
    found = reading(
        "customers", header + f"1,,No,,,,{old},17,EMAIL,email\n2,x,No,,,,{old},18,EMAIL,email\n3,,No,,,,,,,\n"
    )
    corrected, again, fresh = found.rows
    assert found.header.ignored == ()
    then = datetime(2025, 3, 1, 5, tzinfo=UTC)
    assert [(one.origin_file, one.file_time) for one in (corrected, again, fresh)] == [
        (old, then),
        (old, then),
        ("", MADE),
    ]


def test_f09_a_row_in_another_encoding_garbles_nothing_around_it() -> None:
    header = b"PERIDX,EMAIL,PRIVACY,SURNAME\n"
    found = reading(
        "customers", header + "1,,No,Müller\n".encode() + b"2,,No,M\xfcller\n3,,No,M\x8dller\n4,,No,\x00\n5,,No,Ng\n"
    )
    rows = list(found.rows)
    assert [getattr(row, "values", {}).get("surname") for row in rows] == ["Müller", "Müller", None, None, "Ng"]
    assert [getattr(row, "rule", "") for row in rows] == ["", "", "encoding", "nul", ""]
    assert found.seen.encodings == {"utf-8": 1, "windows-1252": 1}


def test_a_rejected_row_keeps_its_bytes() -> None:
    _, rejects = outcome("customers", b"PERIDX,EMAIL,PRIVACY,SURNAME\n1,?,No,M\xfcller\n")
    assert ",".join(rejects[0].cells).encode("utf-8", "surrogateescape") == b"1,?,No,M\xfcller"


def test_the_merchants_table_names_columns_dates_and_fields() -> None:
    table = """
    delimiter = ";"
    encoding = "windows-1252"
    [columns]
    "Cust No" = "PERIDX"
    "VIP for SMS" = "VIP_SMS"
    [dates]
    LAST_UPDATED = ["DD.MM.YYYY HH:mm"]
    [[row]]
    source = "VIP_SMS"
    target = "extra.vip_sms"
    [[row]]
    source = "CITY"
    target = "state"
    when = { field = "STATE", empty = true }
    [[row]]
    source = "STATE"
    target = "state"
    """
    header = "cust no;EMAIL;PRIVACY;LAST_UPDATED;VIP for SMS;CITY;STATE\n"
    content = header + "7;;No;31.03.2025 18:00;Yes;Kew;\n8;;No;;;Kew;VIC\n"
    rows, rejects = outcome("customers", content.encode("windows-1252"), table=table)
    assert not rejects
    assert [(row.values["person_id"], row.values["state"], row.values["extra"]) for row in rows] == [
        ("7", "Kew", {"vip_sms": "Yes"}),
        ("8", "VIC", {}),
    ]
    assert rows[0].values["last_updated"] == datetime(2025, 3, 31, 7, tzinfo=UTC)


def test_a_merchants_table_may_spell_a_heading_as_it_stands_in_the_file() -> None:
    table = """
    [columns]
    "Punkte" = "points now"
    [dates]
    "Member since" = ["DD.MM.YYYY"]
    [[row]]
    source = "VIP level"
    target = "extra.vip"
    [[row]]
    source = "points now"
    target = "extra.points"
    when   = { field = "VIP level", empty = false }
    [[row]]
    source = "Member since"
    target = "extra.since"
    """
    rows, _ = outcome("customers", "PERIDX,EMAIL,PRIVACY,VIP level,Punkte,MEMBER SINCE\n7,,No,Gold,12,x\n", table=table)
    assert [row.values["extra"] for row in rows] == [{"vip": "Gold", "points": "12", "since": "x"}]


def test_a_store_in_another_zone_has_its_own_times() -> None:
    place = Place(store_zones={"RUNDLE": "Australia/Adelaide"})
    rows, _ = outcome("orders", example("orders"), place=place)
    times = {row.values["store_code"]: (row.values["zone"], row.source_time.isoformat()) for row in rows}
    assert times["RUNDLE"] == ("Australia/Adelaide", "2025-03-31T01:30:00+00:00")
    assert times["WEB"] == ("Australia/Melbourne", "2025-03-31T07:00:00+00:00")


def test_a_phone_number_belongs_to_the_country_of_its_row() -> None:
    content = "PERIDX,EMAIL,PRIVACY,MOBILE,COUNTRY\n1,,No,021 123 4567,New Zealand\n2,,No,021 123 4567,\n"
    rows, _ = outcome("customers", content)
    assert [row.values["mobile"] for row in rows] == ["+64211234567", ""]


def test_a_sale_without_a_currency_is_in_the_connections() -> None:
    rows, _ = outcome("orders", SALE + "1,D1,2025-03-01,,1,5,1,\n", place=Place(currency="NZD"))
    assert rows[0].values["currency"] == "NZD"


CELLS = st.sampled_from(
    ["", "1", "No", "Yes", "x", '"', '"a"', '"a"b', "é", "\0", "\x81", "\n", "\r\n", ";", "2025-03-01", "kim@a.example"]
)


@given(
    st.sampled_from(["customers", "orders", "rewards", "giftcards"]), st.lists(st.lists(CELLS, max_size=8), max_size=8)
)
def test_any_rows_under_a_good_header_are_taken_or_rejected(kind: str, table: list[list[str]]) -> None:
    header = example(kind).splitlines()[0] if kind != "giftcards" else b"VOUCHER_NUMBER,EMAIL,Pin"
    width = header.count(b",") + 1
    body = "\n".join(",".join([*cells, *[""] * width][:width]) for cells in table)
    rows, rejects = outcome(kind, header + b"\n" + body.encode("latin-1"))
    assert all(1 < row.line <= row.sources[-1].last_line for row in rows)
    assert all(reject.rule for reject in rejects)


def test_reading_twice_gives_the_same_in_the_same_order() -> None:
    once, again = (list(reading("orders", example("orders"), place=MELBOURNE).rows) for _ in range(2))
    assert once == again
