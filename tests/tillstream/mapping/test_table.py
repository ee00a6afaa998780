"""What a table makes of a record."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tillstream.mapping.compile import as_json
from tillstream.mapping.rows import absent
from tillstream.mapping.shapes import Shape
from tillstream.mapping.table import Table, TableErrors, read_table
from tillstream.mapping.transforms import TRANSFORMS

LINE = Shape("Line", {"style_name": "Name of the style", "qty": "Pieces", "line_value": "What was paid"})
ORDER = Shape(
    "Order",
    {
        "email": "The buyer's address",
        "staff": "Whether the buyer is staff",
        "colour": "Colour",
        "colour_code": "Code of the colour",
        "total": "Total",
        "sold": "When it was",
        "day": "The day",
        "lines": "The lines",
        "extra": "The merchant's own",
        "state": "What we remember",
        "zone": "Time zone",
    },
    parts={"lines": LINE, "state": Shape("State", {"order_value": "What was spent so far"})},
    open=frozenset({"extra"}),
)


def table(text: str, base: Table | None = None) -> Table:
    return read_table(text, ORDER, TRANSFORMS, base)


SHIPPED = table("""
target = "An order"
[[row]]
constant = "event"
target = "data.type"
[[row]]
source = "email"
target = "data.attributes.email"
via    = "lowercase"
note   = "Who it was"
[[row]]
source = "colour"
target = "data.Colour"
when   = { field = "colour", empty = false }
[[row]]
source = "colour_code"
target = "data.Colour"
[each]
source = "lines"
target = "data.Items"
[[each.row]]
source = "style_name"
target = "Product Name"
[[each.row]]
source = "qty"
target = "Quantity"
""")


def test_a_body_is_what_the_rows_say() -> None:
    record = {"email": "Kim@Customer.example", "colour": "", "colour_code": "NAVY", "lines": [{"qty": 2}]}
    assert SHIPPED.apply(record) == {
        "data": {
            "type": "event",
            "attributes": {"email": "kim@customer.example"},
            "Colour": "NAVY",
            "Items": [{"Quantity": 2}],
        },
    }


def test_the_first_true_rule_wins_even_where_a_later_row_would_give_more() -> None:
    chosen = table("""
[[row]]
source = "colour"
target = "Colour"
when   = { field = "staff", equals = true }
[[row]]
source = "colour_code"
target = "Colour"
""")
    assert chosen.apply({"staff": True, "colour": "", "colour_code": "NAVY"}) == {}
    assert chosen.apply({"staff": False, "colour": "Navy", "colour_code": "NAVY"}) == {"Colour": "NAVY"}


def test_missing_values_are_left_out_and_no_and_nought_are_sent() -> None:
    rows = table("""
[[row]]
source = "email"
target = "a.email"
[[row]]
source = "state.order_value"
target = "b.value"
[[row]]
source = "extra.vip"
target = "b.vip"
[[row]]
source = "staff"
target = "c.staff"
""")
    assert rows.apply({"email": "", "state": None, "staff": False}) == {"c": {"staff": False}}
    assert rows.apply({"state": {"order_value": 0}, "extra": {"vip": "Yes"}}) == {"b": {"value": 0, "vip": "Yes"}}


def test_without_a_transform_amounts_are_numbers_and_times_are_iso() -> None:
    rows = table("""
[[row]]
source = "total"
target = "total"
[[row]]
source = "sold"
target = "sold"
[[row]]
source = "day"
target = "day"
[[row]]
source = "lines"
target = "lines"
""")
    made = rows.apply(
        {
            "total": Decimal("59.95"),
            "sold": datetime(2025, 3, 29, 3, 22, 5, tzinfo=UTC),
            "day": date(2026, 3, 31),
            "lines": [{"line_value": Decimal("60.00")}],
        },
    )
    assert made == {
        "total": 59.95,
        "sold": "2025-03-29T03:22:05+00:00",
        "day": "2026-03-31",
        "lines": [{"line_value": 60}],
    }


def test_a_transform_may_look_at_the_whole_record() -> None:
    rows = table('[[row]]\nsource = "sold"\ntarget = "time"\nvia = "local_time"\n')
    sold = {"sold": datetime(2025, 4, 5, 15, 30, tzinfo=UTC), "zone": "Australia/Melbourne"}
    assert rows.apply(sold) == {"time": "2025-04-06T02:30:00+11:00"}


def test_a_quoted_name_may_hold_a_dot() -> None:
    rows = table('[[row]]\nsource = "email"\ntarget = \'data."E. Mail"\'\n')
    assert rows.apply({"email": "kim@customer.example"}) == {"data": {"E. Mail": "kim@customer.example"}}


def test_own_rows_replace_all_shipped_rows_of_their_target() -> None:
    own = table(
        """
[[row]]
constant = "Mixed"
target   = "data.Colour"
[[row]]
source = "extra.size"
target = "data.Size"
[each]
source = "lines"
target = "data.Items"
[[each.row]]
source = "style_name"
target = "Product Name"
via    = "uppercase"
""",
        SHIPPED,
    )
    made = own.apply({"colour": "Navy", "extra": {"size": "M"}, "lines": [{"style_name": "Scarf", "qty": 1}]})
    assert made == {
        "data": {
            "type": "event",
            "Colour": "Mixed",
            "Size": "M",
            "Items": [{"Product Name": "SCARF", "Quantity": 1}],
        },
    }


def test_an_empty_constant_takes_a_shipped_target_away() -> None:
    own = table('[[row]]\nconstant = ""\ntarget = "data.type"\n', SHIPPED)
    assert own.apply({"email": "a@customer.example"}) == {"data": {"attributes": {"email": "a@customer.example"}}}


def test_a_table_that_does_not_extend_is_the_whole_table() -> None:
    own = table('extends = false\n[[row]]\nsource = "email"\ntarget = "mail"\n', SHIPPED)
    assert own.apply({"email": "a@customer.example", "colour": "Navy"}) == {"mail": "a@customer.example"}


def test_columns_and_dates_of_both_tables_count() -> None:
    shape = Shape("a customers file", {"PERIDX": "", "DOB": "", "LAST_UPDATED": ""})
    base = read_table('[columns]\n"Cust No" = "PERIDX"\n[dates]\nDOB = ["DD.MM.YYYY"]\n', shape, {})
    own = read_table('delimiter = ";"\n[columns]\n"Birth" = "DOB"\n[dates]\nDOB = ["D-MMM-YYYY"]\n', shape, {}, base)
    assert dict(own.columns) == {"Cust No": "PERIDX", "Birth": "DOB"}
    assert dict(own.dates) == {"DOB": ("D-MMM-YYYY",)}
    assert (own.delimiter, own.encoding, base.delimiter) == (";", "", "")


def test_the_version_changes_with_what_is_sent_and_not_with_notes() -> None:
    row = '[[row]]\nsource = "email"\ntarget = "mail"\n'
    plain, noted, changed = table(row), table(row + 'note = "who"\n'), table(row + 'via = "trim"\n')
    assert plain.version == noted.version == table("\n\n" + row).version
    assert plain.version != changed.version


def test_a_table_names_every_field_it_looks_at() -> None:
    assert SHIPPED.sources == ("email", "colour", "colour_code", "lines")


@pytest.mark.parametrize(
    ("rule", "value", "holds"),
    [
        ("equals = 1", True, False),
        ("equals = true", True, True),
        ("equals = 0.1", Decimal("0.10"), True),
        ('equals = "CLUB"', "club", False),
        ('one_of = ["A", "B"]', "B", True),
        ('one_of = ["A", "B"]', None, False),
        ("empty = true", None, True),
        ("empty = true", [], True),
        ("empty = false", False, True),
    ],
)
def test_a_rule_compares_exactly(rule: str, value: Any, holds: bool) -> None:
    rows = table(f'[[row]]\nconstant = "sent"\ntarget = "a"\nwhen = {{ field = "colour", {rule} }}\n')
    assert rows.apply({"colour": value}) == ({"a": "sent"} if holds else {})


FIELDS = st.sampled_from(["email", "staff", "colour", "colour_code", "total", "sold", "day"])
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.text(max_size=3),
    st.decimals(-99, 99, places=2),
    st.dates(),
    st.lists(st.text(max_size=1), max_size=2),
)


@given(st.dictionaries(FIELDS, VALUES), st.lists(FIELDS, unique=True))
def test_what_stands_in_a_field_is_sent_and_what_is_missing_is_left_out(
    record: dict[str, Any], fields: list[str]
) -> None:
    rows = table("".join(f'[[row]]\nsource = "{name}"\ntarget = "x.{name}"\n' for name in fields))
    body = rows.apply(record)
    assert body.get("x", {}) == {name: as_json(record[name]) for name in fields if not absent(record.get(name))}
    assert orjson.loads(orjson.dumps(body)) == body


def test_what_is_wrong_between_two_tables_is_said_with_the_line_of_the_own_one() -> None:
    with pytest.raises(TableErrors) as raised:
        table(
            '[[row]]\nsource = "email"\ntarget = "data.attributes"\n'
            '[[row]]\nsource = "email"\ntarget = "data.type.sub"\n'
            '[[row]]\nsource = "email"\ntarget = "data.Items"\n',
            SHIPPED,
        )
    assert [tuple(problem) for problem in raised.value.problems] == [
        (1, '"data.attributes" cannot be a value: "data.attributes.email" is a part of it'),
        (4, '"data.type.sub" cannot be set: "data.type" is a value already'),
        (7, '"data.Items" is a list already'),
    ]
