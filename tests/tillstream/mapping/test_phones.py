"""Which texts are mobile numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tillstream.mapping.phones import library, mobile, quick, slow
from tillstream.mapping.unreadable import Unreadable


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("0491 570 006", "AU", "+61491570006"),
        ("(04) 9157 0156", "AU", "+61491570156"),
        ("491570006", "AU", "+61491570006"),
        ("+61 (0)4 9157 0006", "AU", "+61491570006"),
        ("61491570006", "AU", "+61491570006"),
        ("0061 491 570 006", "AU", "+61491570006"),
        ("0011 61 491 570 006", "AU", "+61491570006"),
        ("0491.570.006", "AU", "+61491570006"),
        ("0491\u2011570\u2011006", "AU", "+61491570006"),
        ("0491 570 006", "NZ", "+61491570006"),
        ("021 123 4567", "NZ", "+64211234567"),
        ("+64 21 123 4567", "AU", "+64211234567"),
        ("0064 (0)21 123 4567", "AU", "+64211234567"),
        ("+44 7400 123456", "AU", "+447400123456"),
        ("0011 44 7400 123456", "AU", "+447400123456"),
        ("07400 123456", "GB", "+447400123456"),
        ("(201) 555-0123", "US", "+12015550123"),
    ],
)
def test_a_mobile_number_is_e164(text: str, region: str, number: str) -> None:
    assert mobile(text, region) == number


@pytest.mark.parametrize(
    ("text", "region", "rule"),
    [
        ("03 5550 0123", "AU", "not_mobile"),
        ("1300 123 456", "AU", "not_mobile"),
        ("1800 123 456", "AU", "not_mobile"),
        ("0491570006 / 0491570157", "AU", "two_numbers"),
        ("0491570006 or 0491570157", "AU", "two_numbers"),
        ("0491570006 0491570157", "AU", "two_numbers"),
        ("0491570006 (mum)", "AU", "phone"),
        ("12345", "AU", "phone"),
        ("0491 570 00", "AU", "phone"),
        ("n/a", "AU", "phone"),
        ("٠٤٩١٥٧٠٠٠٦", "AU", "phone"),
        ("+999 123", "AU", "phone"),
    ],
)
def test_what_cannot_take_an_sms_is_refused(text: str, region: str, rule: str) -> None:
    with pytest.raises(Unreadable) as raised:
        mobile(text, region)
    assert raised.value.rule == rule


def test_a_new_zealand_number_without_country_code_is_one_only_in_new_zealand() -> None:
    assert quick("0211234567", "AU") == ""
    assert slow("021 123 4567", "AU")[0] == ""
    assert mobile("021 123 4567", "NZ") == "+64211234567"


PREFIXES = st.sampled_from(
    ["", "0", "4", "04", "61", "614", "+61", "+614", "+6104", "2", "02", "+642", "+64021", "0064"]
)
DIGITS = st.builds("{}{}".format, PREFIXES, st.text("0123456789", min_size=6, max_size=10))


@given(DIGITS, st.sampled_from(["AU", "NZ"]))
def test_the_quick_way_agrees_with_the_library(bare: str, region: str) -> None:
    if number := quick(bare, region):
        dialled = "+" + bare[2:] if bare.startswith("00") else bare
        home = "AU" if number.startswith("+61") else region
        assert library(dialled, home) == (number, "")


@given(st.from_regex(r"0?4[0-9]{8}", fullmatch=True))
def test_the_library_knows_no_australian_mobile_that_the_quick_way_misses(bare: str) -> None:
    assert library(bare, "AU")[0] == quick(bare, "AU")
