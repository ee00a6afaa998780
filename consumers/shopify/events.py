"""What the shop says of a customer, as events: how the customer is called and reached, and what was said of marketing.

A statement of consent is an event of its own, since it has a clock of its own: the time of the statement, not of the
last change of the customer.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from consumers.engine.sink import Account
from consumers.marketing import CHANNELS, Channel
from consumers.shopify.consent import Standing
from consumers.shopify.found import Found
from consumers.webhooks import Event, Source, record, tail

SAID = {"SUBSCRIBED": True, "UNSUBSCRIBED": False}
"""States that are a statement: who never answered, or has yet to confirm, has said nothing."""


def of_customer(account: Account, customer: Found, now: datetime, source: Source) -> Event:
    """A customer as the shop has them; `now` where the shop does not say when that became true."""
    place = customer.place
    values = {
        "firstname": customer.first,
        "surname": customer.last,
        "mobile": customer.phone,
        "adrs1": place.get("address1", ""),
        "adrs2": place.get("address2", ""),
        "city": place.get("city", ""),
        "state": place.get("provinceCode", ""),
        "postcode": place.get("zip", ""),
        "country": place.get("countryCodeV2", ""),
    }
    return _event(account, customer, {**values, "source_time": customer.updated or now}, source)


def of_consent(account: Account, customer: Found, now: datetime, source: Source) -> tuple[Event, ...]:
    """What the customer said of each channel; `now` where the shop does not say when."""
    found = (statement(channel, customer.standing[channel], now) for channel in CHANNELS)
    return tuple(_event(account, customer, values, source) for values in found if values)


def statement(channel: Channel, standing: Standing, now: datetime) -> dict[str, Any]:
    """The fields of a record that say it; empty where nothing was said."""
    if standing.state not in SAID:
        return {}
    return {f"{channel}_opt_in": SAID[standing.state], "source_time": standing.since or now}


def _event(account: Account, customer: Found, values: dict[str, Any], source: Source) -> Event:
    person = customer.person if customer.person.isascii() and customer.person.isdigit() else ""
    who = {"origin": "shopify", "email": customer.email, "person_id": person, "shopify_id": customer.id}
    made = record(account, "customers", {**values, **who}, source)
    return Event("customers", tail(customer.email, person, customer.id), customer.id, made)
