"""An erased person leaves no trace in the producers' memory, and the books still balance."""

from __future__ import annotations

from producers.erasure import Erasure, forget
from producers.sheet import Sheet
from tests.producers.desks import CUSTOMER, LINE, Shop

PEOPLE = f"""{CUSTOMER}
7,kim@customer.example,No,2025-04-01T09:00:00,No
8,robin@customer.example,No,2025-04-01T09:00:00,No
"""
SALES = f"""{LINE}
1,D1,2025-04-01T10:00:00,7,kim@customer.example,TS1,1,49.95,
2,D2,2025-04-01T10:00:00,8,robin@customer.example,TS1,1,49.95,
3,D3,2025-04-01T10:00:00,9,,TS1,1,49.95,
"""


def test_what_leads_to_a_person_is_forgotten_and_nobody_else() -> None:
    shop = Shop()
    shop.file("customers_20250401T060000Z.csv", PEOPLE)
    shop.file("orders_20250401T063000Z.csv", SALES)
    assert any(b"kim@" in value for value in shop.box.values())
    sheet = Sheet()
    forget(shop.box, sheet, Erasure("au", ("7",), ("kim@customer.example",)))
    shop.book(sheet)
    assert not any("kim@" in key or b"kim@" in value for key, value in shop.box.items())
    assert not {"au/person/7", "au/order/1", "au/docket/D1"} & shop.box.keys()
    assert {"au/person/8", "au/order/2", "au/docket/D2", "au/email/robin@customer.example"} <= shop.box.keys()


def test_an_order_that_waits_for_the_person_is_accounted_for_as_erased() -> None:
    shop = Shop()
    shop.file("orders_20250401T063000Z.csv", SALES)
    before = shop.page("orders_20250401T063000Z.csv")
    assert before.none == {"waiting": 1}
    sheet = Sheet()
    forget(shop.box, sheet, Erasure("au", ("9",), ()))
    shop.book(sheet)
    after = shop.page("orders_20250401T063000Z.csv")
    assert (after.none, after.gap) == ({"erased": 1}, before.gap)
    assert not any("/9" in key for key in shop.box)


def test_an_order_to_erase_travels_as_it_was_given() -> None:
    order = Erasure("au", ("7",), ("kim@customer.example",))
    assert Erasure.load(order.dump()) == order
