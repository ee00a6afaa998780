"""CSV files as Apparel21's export job writes them, with every awkward row that has been met, in any encoding."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from io import StringIO

from sandbox.shop.files import Format
from sandbox.shop.people import CUSTOMER_COLUMNS
from sandbox.shop.tills import ORDER_COLUMNS

FORMATS: Mapping[str, Format] = {
    "utf-8": Format(),
    "utf-8 with BOM": Format("utf-8-sig", newline="\r\n"),
    "windows-1252": Format("windows-1252", newline="\r\n"),
    "utf-16": Format("utf-16"),
    "semicolons": Format(delimiter=";"),
    "tabs": Format(delimiter="\t"),
    "pipes": Format(delimiter="|"),
}
"""How a file may be written."""

_PERSON = {
    "FIRSTNAME": "Priya", "SURNAME": "O'Connor", "CITY": "Melbourne", "STATE": "VIC", "POSTCODE": "3000",
    "COUNTRY": "AUSTRALIA", "PRIVACY": "No", "RETAIL_REP": "No", "LAST_UPDATED": "2025-04-01T16:05:11",
    "CREATED_DATE": "2023-11-20T10:12:00", "JOINED_STORE_ID": "4983", "JOINED_STORE_CODE": "DONCASTER",
}  # fmt: skip

PEOPLE: Mapping[str, Mapping[str, str]] = {
    "as it should be": {"MOBILE": "0491 570 006", "DOB": "1990-02-14", "EMAIL_OPT_IN": "Yes", "SMS_OPT_IN": "Yes"},
    "letters that Windows-1252 has elsewhere": {"FIRSTNAME": "Zoë", "SURNAME": "D’Angelo"},
    "quotes and commas": {"ADRS1": 'Unit 3, "The Loft", 14 Smith St'},
    "a new line inside a cell": {"ADRS1": "7 Smith St\nRear entrance"},
    "capitals and a blank in the address": {"EMAIL": "ZOE.DANGELO@CUSTOMER.EXAMPLE "},
    "no address": {"EMAIL": ""},
    "a placeholder for an address": {"EMAIL": "n/a"},
    "an address of somebody else's": {"EMAIL": "amy.lee@customer.example", "PRIVACY": "Yes"},
    "the same address once more": {"EMAIL": "amy.lee@customer.example"},
    "a number in brackets": {"MOBILE": "(04) 9157 0156"},
    "a number with its country": {"MOBILE": "+61 491 570 157"},
    "a landline where a mobile belongs": {"MOBILE": "03 5550 0123"},
    "a postcode that begins with zero": {"POSTCODE": "0800", "STATE": "NT", "CITY": "Darwin"},
    "a birthday with the day first": {"DOB": "14/07/1988"},
    "a birthday that nobody has": {"DOB": "01/01/1900"},
    "times with the day first": {"LAST_UPDATED": "1/04/2025 4:05:11 PM", "CREATED_DATE": "1/04/2025 4:05:11 PM"},
    "an hour that came twice": {"LAST_UPDATED": "2025-04-06T02:30:00"},
    "staff": {"RETAIL_REP": "Yes", "LOYALTY_CODE": "STAFF40", "LOYALTY_NAME": "Staff 40%"},
    "a word that means no": {"RETAIL_REP": "", "PRIVACY": "y"},
    "a surname that looks like nothing": {"SURNAME": "Null"},
}
"""What is awkward about a row -> how it differs from an ordinary one."""

_SALE = {
    "TRAN_TYPE": "Sale", "SALE_DATETIME": "2025-03-29T14:22:05", "STORE_ID": "4983", "STORE_CODE": "DONCASTER",
    "STORE_NUMBER": "113", "PERIDX": "73000", "EMAIL": "p0@customer.example", "CURRENCY": "AUD", "LINE_SEQ": "1",
    "STYLE_CODE": "SC0007", "STYLE_NAME": "Men's silk scarf", "SIZE_CODE": "-", "SKUIDX": "28990", "QTY": "1",
    "UNIT_PRICE": "59.95", "LINE_VALUE": "59.95", "TAX_PERCENT": "10",
}  # fmt: skip

SALES: Mapping[str, Mapping[str, str]] = {
    "as it should be": {},
    "a comma in the name": {"STYLE_NAME": "Dress, linen wrap"},
    "thousands and a currency sign": {"LINE_VALUE": "$1,234.50", "UNIT_PRICE": "1,234.50"},
    "brackets for a return": {"QTY": "-1", "LINE_VALUE": "(59.95)"},
    "the sign at the end": {"QTY": "-1", "LINE_VALUE": "59.95-"},
    "nobody bought it": {"PERIDX": "", "EMAIL": ""},
    "a layby": {"TRAN_TYPE": "Layby"},
    "a gift card": {"STYLE_CODE": "GIFTCARD", "TAX_PERCENT": "0"},
    "rung up by the web shop": {"TRAN_NUMBER": "W00012345", "ORDER_NUMBER": "W00012345", "STORE_CODE": "WEB"},
    "a time with the day first": {"SALE_DATETIME": "29/03/2025 2:22:05 PM"},
}
"""What is awkward about a sale -> how it differs from an ordinary one."""


def customers(form: Format) -> bytes:
    """A customers file with one row for each awkwardness."""
    usual = ({"PERIDX": str(73_000 + n), "EMAIL": f"p{n}@customer.example"} for n in range(len(PEOPLE)))
    return _file(
        CUSTOMER_COLUMNS, form, [{**_PERSON, **one, **odd} for one, odd in zip(usual, PEOPLE.values(), strict=True)]
    )


def orders(form: Format) -> bytes:
    """An orders file with one sale of one line for each awkwardness."""
    usual = ({"TRAN_IDX": str(913_000 + n), "TRAN_NUMBER": f"D113{n:08d}"} for n in range(len(SALES)))
    return _file(ORDER_COLUMNS, form, [{**_SALE, **one, **odd} for one, odd in zip(usual, SALES.values(), strict=True)])


def _file(columns: Sequence[str], form: Format, rows: Sequence[Mapping[str, str]]) -> bytes:
    sheet = StringIO(newline="")
    writer = csv.writer(sheet, delimiter=form.delimiter, lineterminator=form.newline)
    writer.writerow(columns)
    writer.writerows([row.get(column, "") for column in columns] for row in rows)
    return sheet.getvalue().encode(form.encoding)
