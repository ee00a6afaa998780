"""A changed address while orders of both addresses wait: each counts once, and no consent is won by it."""

from __future__ import annotations

from pathlib import Path

from sandbox.kafka.broker import Broker
from sandbox.klaviyo.server import KlaviyoServer
from tests.bars.shop_floor import Floor, customer, customers, orders, sale, shop, state_of

REFUSED, LEFT, SHARING, STAYING = 1, 2, 3, 4
NEW = {person: f"new{person}@customer.example" for person in (REFUSED, LEFT, SHARING)}
LATER = {"LAST_UPDATED": "2025-04-02T09:00:00"}


def old(person: int) -> str:
    return f"p{person}@customer.example"


def before(floor: Floor, klaviyo: KlaviyoServer) -> None:
    """One said no, one said yes and left at Klaviyo later, two share an address and say yes."""
    floor.drop("customers_20250402T060000Z.csv", customers([
        customer(REFUSED, PRIVACY="Yes"),
        customer(LEFT, PRIVACY="No"),
        customer(SHARING, PRIVACY="No", EMAIL=old(STAYING)),
        customer(STAYING, PRIVACY="No"),
    ]))  # fmt: skip
    floor.carry()
    klaviyo.seed(
        attributes={"email": old(LEFT)}, consents={"email": {"state": "UNSUBSCRIBED", "at": "2026-01-01T00:00:00Z"}}
    )


def move_among_orders(floor: Floor) -> None:
    """Orders under the old address, the move, orders under the new one: all wait for one worker."""
    places = {REFUSED: old(REFUSED), LEFT: old(LEFT), SHARING: old(STAYING)}
    floor.drop("orders_20250402T070000Z.csv", orders(sale(100 + n, n, EMAIL=mail) for n, mail in places.items()))
    floor.produce()
    floor.drop("customers_20250403T060000Z.csv", customers([
        customer(REFUSED, PRIVACY="Yes", EMAIL=NEW[REFUSED], **LATER),
        customer(LEFT, PRIVACY="No", EMAIL=NEW[LEFT], **LATER),
        customer(SHARING, PRIVACY="No", EMAIL=NEW[SHARING], **LATER),
    ]))  # fmt: skip
    floor.produce()
    both = {person: NEW[person] for person in (REFUSED, SHARING)}
    floor.drop("orders_20250403T070000Z.csv", orders(sale(200 + n, n, EMAIL=mail) for n, mail in both.items()))
    floor.produce()
    floor.consume()
    floor.drop("orders_20250404T070000Z.csv", orders([sale(200 + LEFT, LEFT, EMAIL=NEW[LEFT])]))
    floor.carry()


def test_f68_orders_of_both_addresses_count_once_and_no_consent_is_won(
    kafka: Broker, prefix: str, tmp_path: Path, klaviyo: KlaviyoServer
) -> None:
    floor = shop(tmp_path, kafka, prefix, klaviyo)
    before(floor, klaviyo)
    move_among_orders(floor)
    found = {profile["email"] for profile in klaviyo.profiles()}
    # A sale that comes to the new address before the move makes a profile there; the old one then stays, refused.
    assert found - {old(REFUSED)} == {*NEW.values(), old(STAYING)}
    assert state_of(klaviyo, old(REFUSED)).get("email", "UNSUBSCRIBED") == "UNSUBSCRIBED"
    assert state_of(klaviyo, NEW[REFUSED])["email"] == "UNSUBSCRIBED"
    assert state_of(klaviyo, NEW[LEFT])["email"] == "UNSUBSCRIBED"
    assert state_of(klaviyo, old(STAYING))["email"] == "SUBSCRIBED"
    for person in (REFUSED, LEFT):
        said = klaviyo.profile(NEW[person])["properties"]
        assert (said["In-Store Order Count"], said["Total In-Store Order Value"]) == (2, 99.9)
    sold = {event["unique"] for event in klaviyo.events(who=NEW[LEFT])}
    assert sold == {f"ap21-au-{100 + LEFT}", f"ap21-au-{200 + LEFT}"}
    assert len(klaviyo.events()) == 6
    books = floor.books()
    assert books["orders"]["delivered"] == 6
    # the two rows of the shared address were folded into one request
    assert (books["customers"]["delivered"], books["customers"]["superseded"]) == (6, 1)
