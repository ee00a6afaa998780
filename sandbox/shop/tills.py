"""What was rung up: sales, returns, exchanges, laybys, gift cards, and the web orders that the export repeats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from random import Random

from sandbox.shop.people import email_of, person_id
from sandbox.shop.plan import ORDER, Plan, dice
from sandbox.shop.stock import GIFT_CARD, STORES, STYLES, WEB, Store, Style

_COLUMNS = """
TRAN_IDX TRAN_NUMBER ORDER_NUMBER TRAN_TYPE SALE_DATETIME STORE_ID STORE_CODE STORE_NUMBER STORE_NAME STAFF_CODE
STAFF_NAME PERIDX EMAIL CURRENCY ORDER_TOTAL ORDER_DISCOUNT ORDER_TAX LINE_SEQ STYLE_CODE STYLE_NAME COLOUR_CODE
COLOUR_NAME SIZE_CODE SKUIDX BARCODE PRODUCT_REF QTY UNIT_PRICE LINE_DISCOUNT LINE_VALUE TAX_PERCENT
DISCOUNT_REASON RETURN_REASON ORIG_TRAN_NUMBER
"""
ORDER_COLUMNS = tuple(_COLUMNS.split())
_KINDS = ("sale", "anonymous", "return", "exchange", "layby", "web", "gift")
_SHARES = (74, 10, 5, 3, 2, 4, 2)
_REASONS = ("Changed mind", "Wrong size", "Faulty")
_FIRST_ORDER = 900_000


@dataclass(frozen=True, slots=True)
class Line:
    """One line; `cents` is its value, negative for goods that came back."""

    style: Style
    colour: tuple[str, str]
    size: str
    sku: int
    pieces: int
    discount: int
    reason: str = ""
    original: str = ""

    @property
    def cents(self) -> int:
        """Its value with tax, after discount."""
        return self.pieces * self.style.cents - self.discount

    @property
    def tax(self) -> int:
        """The tenth of GST in it; a gift card has none."""
        return 0 if self.style is GIFT_CARD else round(self.cents / 11)


@dataclass(frozen=True, slots=True)
class Order:
    """One transaction; `buyer` is the number of a person."""

    number: int
    kind: str
    docket: str
    store: Store
    clerk: tuple[str, str]
    buyer: int | None
    moment: datetime
    lines: tuple[Line, ...]


def order(plan: Plan, number: int) -> Order:
    """The order with this number; a return takes a line of a sale some days before."""
    roll = dice(plan, ORDER, number)
    (kind,) = roll.choices(_KINDS, _SHARES)
    came_back = _sale_before(plan, roll, number) if kind in ("return", "exchange") else None
    if came_back is None:
        return _rung_up(plan, roll, number, "sale" if kind in ("return", "exchange") else kind)
    rung_up = _rung_up(plan, roll, number, kind)
    returned = _returned(roll, came_back)
    lines = (returned,) if kind == "return" else (returned, rung_up.lines[0])
    moment = max(rung_up.moment, came_back.moment + timedelta(minutes=20))
    return Order(number, kind, rung_up.docket, rung_up.store, rung_up.clerk, came_back.buyer, moment, lines)


def rows(plan: Plan, made: Order) -> Iterator[dict[str, str]]:
    """The rows of the orders file for one order, one for each line."""
    total, tax = sum(line.cents for line in made.lines), sum(line.tax for line in made.lines)
    web = made.store is WEB
    head = {
        "TRAN_IDX": str(_FIRST_ORDER + made.number),
        "TRAN_NUMBER": made.docket,
        "ORDER_NUMBER": made.docket if web else "",
        "TRAN_TYPE": "Layby" if made.kind == "layby" else "Sale",
        "SALE_DATETIME": made.moment.isoformat(),
        "STORE_ID": str(made.store.id),
        "STORE_CODE": made.store.code,
        "STORE_NUMBER": made.store.number,
        "STORE_NAME": made.store.name,
        "STAFF_CODE": made.clerk[0],
        "STAFF_NAME": made.clerk[1],
        "PERIDX": "" if made.buyer is None else str(person_id(made.buyer)),
        "EMAIL": "" if made.buyer is None else email_of(plan, made.buyer),
        "CURRENCY": "AUD",
        "ORDER_TOTAL": _money(total),
        "ORDER_DISCOUNT": _money(sum(line.discount for line in made.lines)),
        "ORDER_TAX": _money(tax),
    }
    for place, line in enumerate(made.lines, 1):
        yield {**head, "LINE_SEQ": str(place), **_line_cells(line)}


def _rung_up(plan: Plan, roll: Random, number: int, kind: str) -> Order:
    store = WEB if kind == "web" else roll.choice(STORES)
    clerk = roll.choice((*store.staff, ("", "")))
    docket = f"W{number:08d}" if kind == "web" else f"D{store.number}{number:08d}"
    # A square makes regulars: a quarter of the people buy half of the goods.
    buyer = None if kind == "anonymous" or plan.customers == 0 else int(roll.random() ** 2 * plan.customers)
    lines = (Line(GIFT_CARD, ("-", "-"), "-", GIFT_CARD.sku, 1, 0),) if kind == "gift" else _lines(roll)
    return Order(number, kind, docket, store, clerk, buyer, _sold_at(plan, roll, number), lines)


def _lines(roll: Random) -> tuple[Line, ...]:
    (count,) = roll.choices((1, 2, 3, 4, 5), (45, 30, 15, 7, 3))
    return tuple(_line(roll) for _ in range(count))


def _line(roll: Random) -> Line:
    style = roll.choice(STYLES)
    colour, size = roll.randrange(len(style.colours)), roll.randrange(len(style.sizes))
    pieces = 2 if roll.random() < 0.07 else 1
    discount = pieces * style.cents // 10 if roll.random() < 0.2 else 0
    sku = style.sku + colour * 8 + size
    return Line(style, style.colours[colour], style.sizes[size], sku, pieces, discount)


def _sale_before(plan: Plan, roll: Random, number: int) -> Order | None:
    """A sale to a known person among the orders before this one, if a few looks find one."""
    for _ in range(8):
        earlier = number - roll.randint(1, max(1, min(number, 500)))
        if earlier < 0:
            return None
        again = dice(plan, ORDER, earlier)
        (kind,) = again.choices(_KINDS, _SHARES)
        if kind == "sale":
            found = _rung_up(plan, again, earlier, kind)
            return found if found.buyer is not None else None
    return None


def _returned(roll: Random, sale: Order) -> Line:
    """One piece of a line, back at what was paid for it; the docket is not always at hand."""
    line = roll.choice(sale.lines)
    docket = sale.docket if roll.random() < 0.7 else ""
    paid_less = line.discount // line.pieces
    return Line(line.style, line.colour, line.size, line.sku, -1, -paid_less, roll.choice(_REASONS), docket)


def _sold_at(plan: Plan, roll: Random, number: int) -> datetime:
    """Later numbers are sold later; within a day, in opening hours."""
    day = plan.last_day - timedelta(days=plan.days - 1 - number * plan.days // max(plan.orders, 1))
    return datetime.combine(day, time(9)) + timedelta(seconds=roll.randint(0, int(8.5 * 3600)))


def _line_cells(line: Line) -> dict[str, str]:
    return {
        "STYLE_CODE": line.style.code,
        "STYLE_NAME": line.style.name,
        "COLOUR_CODE": line.colour[0],
        "COLOUR_NAME": line.colour[1],
        "SIZE_CODE": line.size,
        "SKUIDX": str(line.sku),
        "BARCODE": "" if line.style is GIFT_CARD else f"93{line.sku:011d}",
        "PRODUCT_REF": line.style.category,
        "QTY": str(line.pieces),
        "UNIT_PRICE": _money(line.style.cents),
        "LINE_DISCOUNT": _money(line.discount),
        "LINE_VALUE": _money(line.cents),
        "TAX_PERCENT": "0" if line.style is GIFT_CARD else "10",
        "DISCOUNT_REASON": "Autumn 10%" if line.discount > 0 else "",
        "RETURN_REASON": line.reason,
        "ORIG_TRAN_NUMBER": line.original,
    }


def _money(cents: int) -> str:
    """Cents as an export writes them.

    >>> _money(-5995)
    '-59.95'
    """
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"
