"""Records to try the contract with: one of each kind as a shop would have it, and any that the definitions allow."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from schemas.definitions import Json, blank, default, definition

AT = datetime(2025, 4, 1, 5, 5, 11, tzinfo=UTC)
ENVELOPE: Json = {
    "connection": "au",
    "origin": "apparel21-file",
    "source_time": AT,
    "file": "customers_20250401T060000Z.csv",
    "sha256": "5f" * 32,
    "line": 2,
    "file_time": datetime(2025, 4, 1, 6, tzinfo=UTC),
    "bulk": False,
}
PRIYA: Json = {
    **blank("customers"),
    "person_id": "73152",
    "firstname": "Priya",
    "surname": "O'Connor",
    "postcode": "0800",
    "mobile": "+61491570006",
    "email": "priya.oconnor@customer.example",
    "dob": date(1990, 2, 14),
    "privacy": False,
    "last_updated": AT,
    "zone": "Australia/Melbourne",
    "extra": {"vip_sms": "Yes"},
    **ENVELOPE,
}
LINE: Json = next(field["type"]["items"] for field in definition("orders")["fields"] if field["name"] == "lines")
SCARF: Json = {
    **{field["name"]: default(field) for field in LINE["fields"]},
    "style_code": "SC0007",
    "qty": -1,
    "unit_price": Decimal("59.95"),
    "line_value": Decimal("-59.95"),
}
RETURN: Json = {
    **blank("orders"),
    "tran_idx": "913801",
    "kind": "refund",
    "sale_datetime": AT,
    "lines": [SCARF, SCARF],
    "original": {
        "tran_idx": "913748",
        "tran_number": "D11300004711",
        "key": "au/kim@customer.example",
        "loyalty": True,
    },
    **ENVELOPE,
}


def values(avro: Any) -> st.SearchStrategy[Any]:
    """Any value of an Avro type."""
    if isinstance(avro, list):
        return st.one_of([values(branch) for branch in avro])
    if isinstance(avro, str):
        return PLAIN[avro]
    match avro:
        case {"logicalType": logical}:
            return LOGICAL[logical]
        case {"type": "record", "fields": fields}:
            return st.fixed_dictionaries({field["name"]: values(field["type"]) for field in fields})
        case {"type": "array", "items": items}:
            return st.lists(values(items), max_size=3)
        case _:
            return st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3)


PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "null": st.none(),
    "string": st.text(max_size=20),
    "boolean": st.booleans(),
    "long": st.integers(-(2**63), 2**63 - 1),
}
LOGICAL: dict[str, st.SearchStrategy[Any]] = {
    "timestamp-micros": st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds it
    "date": st.dates(),
    "decimal": st.integers(-(10**12) + 1, 10**12 - 1).map(lambda cents: Decimal(cents).scaleb(-2)),
}


def records(topic: str) -> st.SearchStrategy[Json]:
    """Any record that belongs on a topic."""
    return values(definition(topic))
