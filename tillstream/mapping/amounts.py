"""Numbers as exports write them: `1,234.50`, `$59.95`, `(59.95)`, `-59.95` and `59.95-`, exact to the cent."""

import re
from decimal import ROUND_HALF_UP, Decimal

from tillstream.mapping.unreadable import Unreadable

CENT = Decimal("0.01")
LARGEST = Decimal("9999999999.99")  # what an amount of twelve digits holds

_PLAIN = re.compile(r"-?\d{1,10}\.\d\d", re.ASCII)
_NUMBER = r"(?:(?:\d{1,3}(?:,\d{3})+|\d{1,20})(?:\.\d{1,20})?|\.\d{1,20})"
_SIGNED = re.compile(rf"(?:(?P<before>[+-])?\$?|\$(?P<after>[+-]))(?P<number>{_NUMBER})(?P<end>[+-])?", re.ASCII)
_BRACKETS = re.compile(rf"\(\$?(?P<number>{_NUMBER})\)", re.ASCII)


def money(text: str) -> Decimal:
    """An amount rounded half-up to cents; raises `Unreadable("money")`.

    >>> [str(money(text)) for text in ("59.95", "$1,234.5", "(59.95)", "59.95-", "-$0.005")]
    ['59.95', '1234.50', '-59.95', '-59.95', '-0.01']
    """
    if _PLAIN.fullmatch(text):
        return Decimal(text) or Decimal("0.00")
    return _cents(_exact(text, "money"), "money")


def whole(text: str) -> int:
    """A number of pieces or points; raises `Unreadable("whole")`.

    >>> whole("-1"), whole("1,200"), whole("2.00")
    (-1, 1200, 2)
    """
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    exact = _exact(text, "whole")
    if "$" in text or exact != exact.to_integral_value() or abs(exact) > LARGEST:
        raise Unreadable("whole")
    return int(exact)


def percent(text: str) -> Decimal:
    """A rate in percent, never negative, rounded half-up to two places; raises `Unreadable("percent")`.

    >>> str(percent("10")), str(percent("12.5 %"))
    ('10.00', '12.50')
    """
    bare = text.removesuffix("%").rstrip()
    rate = _cents(_exact(bare, "percent"), "percent")
    if "$" in bare or rate < 0:
        raise Unreadable("percent")
    return rate


def _exact(text: str, rule: str) -> Decimal:
    """The number as written; a sign may stand in one place only."""
    if bracketed := _BRACKETS.fullmatch(text):
        return -Decimal(bracketed["number"].replace(",", ""))
    found = _SIGNED.fullmatch(text)
    signs = [sign for sign in found.group("before", "after", "end") if sign] if found else []
    if not found or len(signs) > 1:
        raise Unreadable(rule)
    value = Decimal(found["number"].replace(",", ""))
    return -value if signs == ["-"] else value


def _cents(exact: Decimal, rule: str) -> Decimal:
    if abs(exact) > LARGEST:
        raise Unreadable(rule)
    return exact.quantize(CENT, ROUND_HALF_UP) or Decimal("0.00")
