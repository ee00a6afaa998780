"""Mobile numbers as people type them at a till, as E.164: those of AU and NZ quickly, the rest by libphonenumber."""

import re
from functools import lru_cache
from typing import Any

from phonenumbers import (
    NumberParseException,
    PhoneMetadata,
    PhoneNumberFormat,
    PhoneNumberType,
    format_number,
    is_valid_number,
    number_type,
    parse,
)

from tillstream.mapping.unreadable import Unreadable

_MOBILE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
_NOISE = str.maketrans("", "", " \t\u00a0\u2009\u202f()[]-.\u2010\u2011\u2012\u2013\u2014")
_SEVERAL = re.compile(r"[/,;&|\n]|\b(?:or|and)\b", re.IGNORECASE)


def _national(region: str) -> str:
    """The library's own pattern of a region's mobile numbers, so that the quick way cannot disagree with it."""
    metadata: Any = PhoneMetadata.metadata_for_region(region)
    return str(metadata.mobile.national_number_pattern)


_AU = re.compile(rf"(?:\+?61|0061|001161)?0?({_national('AU')})", re.ASCII)
_NZ = re.compile(rf"(?:(?:\+64|0064)0?|0)({_national('NZ')})", re.ASCII)


def mobile(text: str, region: str) -> str:
    """The number as E.164; raises `Unreadable` (`phone`, `not_mobile` or `two_numbers`).

    `region` is the ISO code of the country whose own numbers are written without a country code.

    >>> mobile("(04) 9157 0156", "AU"), mobile("+61 (0)491 570 157", "NZ"), mobile("021 123 4567", "NZ")
    ('+61491570156', '+61491570157', '+64211234567')
    """
    bare = text.translate(_NOISE)
    number = quick(bare, region)
    if number:
        return number
    number, rule = slow(text.strip(), region)
    if rule:
        raise Unreadable(rule)
    return number


def quick(bare: str, region: str) -> str:
    """An Australian or New Zealand mobile number without blanks and marks, as E.164; empty for anything else."""
    if region not in ("AU", "NZ"):
        return ""
    if found := _AU.fullmatch(bare):
        return "+61" + found[1]
    if (found := _NZ.fullmatch(bare)) and (region == "NZ" or "64" in bare[:4]):
        return "+64" + found[1]
    return ""


@lru_cache(maxsize=20_000)
def slow(text: str, region: str) -> tuple[str, str]:
    """What libphonenumber says: the number, or the rule that it breaks."""
    if sum(sum(map(str.isdigit, part)) >= 6 for part in _SEVERAL.split(text)) > 1:
        return "", "two_numbers"
    bare = _dialled(text.translate(_NOISE), region)
    if not re.fullmatch(r"\+?\d+", bare, re.ASCII):
        return "", "phone"
    return library(bare, region) if len(bare) <= 16 else ("", "two_numbers")


def library(bare: str, region: str) -> tuple[str, str]:
    """libphonenumber's own answer to digits with or without a plus sign."""
    try:
        number = parse(bare, region)
    except NumberParseException:
        return "", "phone"
    if not is_valid_number(number):
        return "", "phone"
    if number_type(number) not in _MOBILE:
        return "", "not_mobile"
    return format_number(number, PhoneNumberFormat.E164), ""


def _dialled(bare: str, region: str) -> str:
    """A number with the code one dials to leave the country (00, in Australia 0011) as one with a plus sign."""
    if region == "AU" and bare.startswith("0011"):
        return "+" + bare[4:]
    return "+" + bare[2:] if bare.startswith("00") else bare
