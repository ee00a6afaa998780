"""What is wrong with a table is said all at once, each thing with its line."""

import pytest

from tillstream.mapping.cells import CELLS
from tillstream.mapping.shapes import Shape, shape_of
from tillstream.mapping.table import TableErrors, read_table
from tillstream.mapping.transforms import TRANSFORMS

CUSTOMER = shape_of(
    {
        "type": "record",
        "name": "Customer",
        "fields": [
            {"name": "email", "type": "string"},
            {"name": "dob", "type": ["null", {"type": "int", "logicalType": "date"}]},
            {"name": "spent", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
            {"name": "extra", "type": {"type": "map", "values": "string"}},
            {
                "name": "orders",
                "type": {
                    "type": "array",
                    "items": {"type": "record", "name": "Order", "fields": [{"name": "value", "type": "long"}]},
                },
            },
        ],
    },
)
FILE = Shape("a customers file", {"EMAIL": "", "DOB": "", "PERIDX": ""})


def problems(text: str, source: Shape = CUSTOMER, target: Shape | None = None) -> list[tuple[int, str]]:
    with pytest.raises(TableErrors) as raised:
        read_table(text, source, CELLS if target else TRANSFORMS, None, target)
    return [(problem.line, problem.message) for problem in raised.value.problems]


def test_every_problem_is_said_at_once_with_its_line() -> None:
    text = """extend = true
[[row]]
source = "emial"
target = "data.email"
via    = "lowercse"

[[row]]
source = "email"
target = "data.mail"
notes = "red"

[[row]]
target = "data.nothing"
"""
    assert problems(text) == [
        (1, 'nothing here is called "extend", did you mean "extends"?'),
        (3, 'Customer has no field "emial", did you mean "email"?'),
        (5, 'there is no transform "lowercse", did you mean "lowercase"?'),
        (10, 'nothing here is called "notes", did you mean "note"?'),
        (12, 'a row needs either a "source" or a "constant"'),
    ]


def test_a_text_that_is_not_toml_is_said_with_its_line() -> None:
    assert problems('[[row]]\nsource = "email\n')[0][0] == 2


def test_a_transform_must_suit_its_field() -> None:
    assert problems('[[row]]\nsource = "dob"\ntarget = "a"\nvia = "lowercase"\n') == [
        (4, '"lowercase" takes a text, but "dob" is a date'),
    ]
    assert problems('[[row]]\nsource = "email"\ntarget = "a"\nvia = "number"\n') == [
        (4, '"number" takes an amount or a number, but "email" is a text'),
    ]
    read_table('[[row]]\nsource = "orders"\ntarget = "a"\nvia = "item_names"\n', CUSTOMER, TRANSFORMS)


def test_nothing_may_stand_below_a_row_that_always_applies() -> None:
    text = '[[row]]\nsource = "email"\ntarget = "a"\n[[row]]\nconstant = 1\ntarget = "a"\n'
    assert problems(text) == [(4, 'never reached: "a" is always set by the row on line 1')]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ('{ field = "email" }', 'a rule needs exactly one of "empty", "equals" and "one_of"'),
        (
            '{ field = "email", empty = true, equals = "x" }',
            'a rule needs exactly one of "empty", "equals" and "one_of"',
        ),
        ("{ empty = true }", 'a rule needs a "field"'),
        ('{ field = "mail", empty = true }', 'Customer has no field "mail", did you mean "email"?'),
        ('{ field = "email", empty = "no" }', '"empty" must be true or false'),
        ('{ field = "email", one_of = "x" }', '"one_of" must be a list'),
        ('"email"', '"when" must be a table'),
        ('{ field = "email", equals = true }', '"email" is a text and never equals Yes'),
        ('{ field = "spent", one_of = ["5", 5] }', '"spent" is an amount and never equals "5"'),
    ],
)
def test_a_bad_rule_is_said(rule: str, said: str) -> None:
    assert (4, said) in problems(f'[[row]]\nsource = "email"\ntarget = "a"\nwhen = {rule}\n')


def test_a_yes_or_no_is_compared_with_the_words_that_our_pages_show() -> None:
    staff = Shape("Customer", {"staff": ""}, kinds={"staff": "yes_no"})
    text = '[[row]]\nconstant = 1\ntarget = "a"\nwhen = { field = "staff", equals = "Yes" }\n'
    table = read_table(text, staff, TRANSFORMS)
    assert (table.apply({"staff": True}), table.apply({"staff": False})) == ({"a": 1}, {})
    assert problems(text.replace("Yes", "Y"), staff) == [(4, '"staff" is a yes or no and never equals "Y"')]


@pytest.mark.parametrize("target", ["a..b", ".a", "a.", "a. b", 'a."b'])
def test_a_target_must_be_a_path(target: str) -> None:
    (line, said), *rest = problems(f"[[row]]\nsource = \"email\"\ntarget = '{target}'\n")
    assert (line, rest) == (3, [])
    assert "is no path" in said


def test_a_list_needs_a_list_and_its_rows_know_its_fields() -> None:
    assert problems('[each]\nsource = "order"\ntarget = "a"\n[[each.row]]\nsource = "x"\ntarget = "y"\n') == [
        (2, 'Customer has no list "order"; it has: orders'),
    ]
    assert problems('[each]\nsource = "orders"\ntarget = "a"\n[[each.row]]\nsource = "valu"\ntarget = "y"\n') == [
        (5, 'Order has no field "valu", did you mean "value"?'),
    ]
    assert problems('[each]\nsource = "orders"\ntarget = "a"\n') == [(1, "a list needs at least one [[each.row]]")]


def test_two_lists_cannot_have_one_target() -> None:
    one = '[[each]]\nsource = "orders"\ntarget = "a"\n[[each.row]]\nsource = "value"\ntarget = "v"\n'
    assert problems(one + one) == [(7, '"a" is a list already')]


def test_a_list_has_no_fields_of_its_own_and_a_record_is_no_list() -> None:
    assert problems('[[row]]\nsource = "orders.value"\ntarget = "a"\n') == [
        (2, 'Customer has no field "orders.value", did you mean "orders"?'),
    ]
    assert problems('[[row]]\nsource = "extra.vip"\ntarget = "a"\nvia = "number"\n') == [
        (4, '"number" takes an amount or a number, but "extra.vip" is a text'),
    ]


def test_several_lists_are_allowed() -> None:
    one = '[[each]]\nsource = "orders"\ntarget = "{}"\n[[each.row]]\nsource = "value"\ntarget = "v"\n'
    made = read_table(one.format("a") + one.format("b"), CUSTOMER, TRANSFORMS)
    assert made.apply({"orders": [{"value": 1}]}) == {"a": [{"v": 1}], "b": [{"v": 1}]}


def test_a_column_of_the_merchants_own_may_only_go_where_there_is_room_for_it() -> None:
    own = '[columns]\n"Vip by SMS" = "VIP_SMS"\n[[row]]\nsource = "VIP_SMS"\ntarget = "extra.vip_sms"\nvia = "yes_no"\n'
    assert read_table(own, FILE, CELLS, None, CUSTOMER).sources == ("VIP_SMS",)
    assert problems('[[row]]\nsource = "VIP_SMS"\ntarget = "email"\n', FILE, CUSTOMER) == [
        (2, 'a customers file has no field "VIP_SMS"'),
    ]
    assert problems('[[row]]\nsource = "EMAIL"\ntarget = "e_mail"\n', FILE, CUSTOMER) == [
        (3, 'Customer has no field "e_mail", did you mean "email"?'),
    ]


def test_what_concerns_files_is_checked_too() -> None:
    text = """delimiter = "x"
encoding = "utf-9"
[columns]
"Cust No" = "PERIDXX"
"Other" = 5
[dates]
DOB = ["MM/DD/YYYY", "DD/MM/YY", "YYYY"]
EMIAL = "DD/MM/YYYY"
"""
    assert problems(text, FILE, CUSTOMER) == [
        (1, "the delimiter must be a comma, a semicolon, a tab or a pipe"),
        (2, 'there is no encoding "utf-9", did you mean "utf-8"?'),
        (4, 'a customers file has no field "PERIDXX", did you mean "PERIDX"?'),
        (5, 'the column "Other" must be given one of our names, as a text'),
        (7, '"DD/MM/YY" has "YY", which is no part of a format (YYYY MMM MM M DD D HH H hh h mm ss AM/PM)'),
        (7, '"MM/DD/YYYY" is month-first, which is never read: 4/05 would be guessed'),
        (7, '"YYYY" needs a four-digit year, a month and a day, once each'),
        (8, '"EMIAL" must be a list of formats such as "D/MM/YYYY h:mm:ss AM/PM"'),
        (8, 'a customers file has no field "EMIAL", did you mean "EMAIL"?'),
    ]
