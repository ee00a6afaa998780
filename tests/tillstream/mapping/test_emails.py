"""Which texts are e-mail addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tillstream.mapping.emails import email, is_plain, validated
from tillstream.mapping.unreadable import Unreadable


def outcome(text: str) -> str | None:
    try:
        return validated(text)
    except Unreadable:
        return None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ZOE.DANGELO@CUSTOMER.EXAMPLE ", "zoe.dangelo@customer.example"),
        ("o'connor@customer.example", "o'connor@customer.example"),
        ("kim+till@mail.customer.example", "kim+till@mail.customer.example"),
        ("kim@zoë.example", "kim@zoë.example"),
        ("x@customer.example", "x@customer.example"),
    ],
)
def test_an_address_is_trimmed_and_lowercased(text: str, address: str) -> None:
    assert email(text) == address


@pytest.mark.parametrize(
    "text",
    ["", " ", "n/a", "NA", "None", "NULL", "-", "x", "none@customer.example", "NoEmail@nowhere", "no-email@a.example",
     "noreply@customer.example", "unknown@"],
)  # fmt: skip
def test_placeholders_are_no_address(text: str) -> None:
    assert email(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "kim",
        "kim@customer",
        "kim@@customer.example",
        "kim@a@customer.example",
        "kim@customer..example",
        ".kim@customer.example",
        "kim.@customer.example",
        "kim@-customer.example",
        "kim customer@customer.example",
        "kim@customer.example,lee@customer.example",
        "Kim <kim@customer.example>",
        "kim@localhost",
        "kim@shop.test",
        "kim@[127.0.0.1]",
        "a" * 90 + "@customer.example",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(Unreadable, match="email"):
        email(text)


def test_a_merchant_may_have_other_placeholders() -> None:
    assert email("refused@customer.example", frozenset({"refused@"})) is None
    assert email("none@customer.example", frozenset({"refused@"})) == "none@customer.example"


WORDS = st.text("abz09-_+.", min_size=1, max_size=8)
TYPED = st.builds(
    "{}@{}.{}".format, WORDS, WORDS, st.sampled_from(["example", "test", "com", "co.nz", "x", "c0m", "local"])
)


@given(st.one_of(TYPED, st.from_regex(r"[a-z0-9_+-]+(\.[a-z0-9]+)*@([a-z0-9-]+\.){1,2}[a-z]{2,5}", fullmatch=True)))
def test_the_quick_way_agrees_with_the_library(text: str) -> None:
    if is_plain(text):
        assert outcome(text) == text


def test_the_quick_way_decides_the_usual_addresses() -> None:
    usual = ("priya.oconnor@customer.example", "kim_2@mail.wattle-club.example", "kim+till@customer.example")
    assert all(map(is_plain, usual))
