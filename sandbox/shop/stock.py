"""The stores, the staff and what hangs on the rails."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Store:
    """One store, or the web shop."""

    id: int
    code: str
    number: str
    name: str
    suburb: str
    state: str
    postcode: str
    staff: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Style:
    """One style in its colours and sizes; `cents` is its full price with tax."""

    code: str
    name: str
    category: str
    colours: tuple[tuple[str, str], ...]
    sizes: tuple[str, ...]
    cents: int
    sku: int


STORES = (
    Store(
        4983, "DONCASTER", "113", "Doncaster", "Doncaster", "VIC", "3108", (("KS01", "Kim Staff"), ("JR02", "Jo Reid"))
    ),
    Store(5129, "RUNDLE", "114", "Rundle St", "Adelaide", "SA", "5000", (("ZP01", "Zoë Park"), ("TM02", "Tui Moana"))),
    Store(5130, "FITZROY", "115", "Fitzroy", "Fitzroy", "VIC", "3065", (("AB01", "Ana Bell"),)),
    Store(5144, "NEWTOWN", "121", "Newtown", "Newtown", "NSW", "2042", (("LD01", "Lee D’Arcy"), ("MO02", "Max Orr"))),
    Store(5151, "PADDINGTN", "122", "Paddington", "Paddington", "QLD", "4064", (("SN01", "Sun Ng"),)),
    Store(5160, "FREMANTLE", "131", "Fremantle", "Fremantle", "WA", "6160", (("HB01", "Hanna Börg"),)),
    Store(5171, "DARWIN", "141", "Darwin", "Darwin", "NT", "0800", (("RW01", "Ray Webb"),)),
)
WEB = Store(4141, "WEB", "901", "Web Store", "", "", "")

_LETTERS, _NUMBERS, _NONE = ("S", "M", "L", "XL"), ("8", "10", "12", "14", "16"), ("-",)
_DARK, _LIGHT = (("NAVY", "Navy"), ("BLK", "Black")), (("SAGE", "Sage"), ("WHT", "White"), ("ROSE", "Rosé"))

STYLES = (
    Style("DR2041", "Dress, linen wrap", "Dresses", _LIGHT, _NUMBERS, 14995, 28900),
    Style("DR2050", "Midi dress 'Amélie'", "Dresses", (*_DARK, *_LIGHT), _NUMBERS, 17995, 29000),
    Style("TS0100", "Basic tee", "Tops", (*_DARK, *_LIGHT), _LETTERS, 3995, 30000),
    Style("TS0101", "Organic tee", "Tops", _LIGHT, _LETTERS, 4995, 30100),
    Style("SH0310", 'Shirt "Harbour"', "Tops", _LIGHT, _LETTERS, 8995, 30200),
    Style("CO9001", "Wool coat", "Coats", (("CAM", "Camel"), *_DARK), _NUMBERS, 29900, 31200),
    Style("TR0500", "Wide leg pant", "Pants", _DARK, _NUMBERS, 8995, 33000),
    Style("JN0501", "Straight jean", "Pants", _DARK, _NUMBERS, 12995, 33100),
    Style("SC0007", "Men's silk scarf", "Accessories", _DARK, _NONE, 5995, 28980),
    Style("BE0020", "Leather belt", "Accessories", _DARK, _LETTERS, 4995, 28990),
)
GIFT_CARD = Style("GIFTCARD", "Gift card $50", "Gift cards", (("-", "-"),), _NONE, 5000, 6321)
