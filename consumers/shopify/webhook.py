"""What Shopify's webhooks say, as events: customers made, changed and merged, and their consent.

Source: shopify.dev, "Verify webhook deliveries", "Webhook delivery structure" and the topics' payloads; a customer's
payload has had neither consent nor tags since version 2025-01. Deliveries come twice, late and in any order: what they
say carries the shop's own time.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from consumers.engine.sink import Account
from consumers.engine.wire import Plan
from consumers.marketing import Channel
from consumers.shopify import requests
from consumers.shopify.consent import NOBODY_SAID, Standing
from consumers.shopify.errors import payload, trouble
from consumers.shopify.events import of_consent, of_customer
from consumers.shopify.found import Found, found
from consumers.shopify.speak import speak
from consumers.webhooks import Event, Read, Refused, address, moment, opened, text

SIGNATURE, TOPIC, DELIVERY = "x-shopify-hmac-sha256", "x-shopify-topic", "x-shopify-webhook-id"
CUSTOMERS = ("customers/create", "customers/update")
MERGED = "customers/merge"
CONSENTS: Mapping[str, tuple[Channel, str]] = {
    "customers_email_marketing_consent/update": ("email", "email_marketing_consent"),
    "customers_marketing_consent/update": ("sms", "sms_marketing_consent"),
}
TOPICS = (*CUSTOMERS, MERGED, *CONSENTS)

Body = Mapping[str, Any]


def signed(account: Account, headers: Mapping[str, str], body: bytes) -> bool:
    """Is the delivery signed with the client secret, or with the one before it? Without a secret none is believed.

    `headers` by lower-case name. Raises `SecretError` where a secret's file cannot be read.
    """
    settings = account.settings
    given = headers.get(SIGNATURE, "").encode()
    secrets = [one.read() for one in (settings.client_secret, settings.old_client_secret) if one is not None]
    compared = [hmac.compare_digest(signature(secret, body), given) for secret in secrets]
    return any(compared)


def signature(secret: str, body: bytes) -> bytes:
    """What Shopify writes in the header.

    >>> signature("shhh", b'{"id":1}')
    b'Lcc9Yf2U6zbkFFL44wuL0uEJMTo4Q8mC5iIG3KWCtLA='
    """
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())


def delivery(headers: Mapping[str, str]) -> str:
    """By which a repeated delivery is known; "" where it does not say."""
    return headers.get(DELIVERY, "")


def read(account: Account, headers: Mapping[str, str], body: bytes, now: datetime) -> Read:
    """The events in a delivery; none for a topic that concerns nobody here, or for who has said nothing."""
    topic = headers.get(TOPIC, "")
    if not topic:
        return Refused("no X-Shopify-Topic")
    if topic not in TOPICS:
        return ()
    said = opened(body)
    if isinstance(said, Refused):
        return said
    customer = _merged(said) if topic == MERGED else _customer(said, topic)
    if not customer.id.isdigit():
        return Refused("the body names no customer")
    source = (topic, body)
    if topic in CONSENTS:
        return of_consent(account, customer, now, source)
    return (of_customer(account, customer, now, source),)


def fresh(account: Account, event: Event) -> Plan[Event]:
    """The event as the customer stands now: an address where the delivery had none, and the person of the till.

    A statement of consent stays as it was said. Where the shop does not answer, or has nobody by this id any more, the
    event stays as it was delivered.
    """
    record = event.record
    consent = {name: record[name] for name in ("email_opt_in", "sms_opt_in", "source_time")}
    says = any(record[name] is not None for name in ("email_opt_in", "sms_opt_in"))
    if says and record["email"]:
        return event
    answer = yield from speak(account, requests.look_up("id", requests.GID + record["shopify_id"]))
    customer = found(payload(answer)) if trouble(answer) is None else None
    if customer is None:
        return event
    now = of_customer(account, customer, record["source_time"], ("", b""))
    kept = consent if says else {}
    return now._replace(record={**now.record, **kept, "sha256": record["sha256"]})


def _customer(said: Body, topic: str) -> Found:
    """The customer that a payload of REST names; consent topics name only the number and one way to reach them."""
    channel, part = CONSENTS.get(topic, ("email", ""))
    standing = {**NOBODY_SAID, **({channel: _standing(said.get(part))} if part else {})}
    number = said.get("customer_id") if said.get("customer_id") is not None else said.get("id")
    listed = said.get("addresses")
    home = said.get("default_address") or (listed[0] if isinstance(listed, list) and listed else None)
    return Found(
        gid=f"{requests.GID}{number}",
        id=str(number),
        email=address(said.get("email_address")) or address(said.get("email")),
        phone=text(said.get("phone")),
        first=text(said.get("first_name")),
        last=text(said.get("last_name")),
        note="",
        tags=(),
        person="",
        place=_place(home) if isinstance(home, dict) else {},
        updated=moment(said.get("updated_at")),
        standing=standing,
    )


def _merged(said: Body) -> Found:
    """Of two customers one is left; who that is now, only the shop can tell."""
    kept = said.get("admin_graphql_api_customer_kept_id")
    return _customer({"id": text(kept).rpartition("/")[2]}, MERGED)


def _standing(said: object) -> Standing:
    part = said if isinstance(said, dict) else {}
    return Standing(text(part.get("state")).upper() or "NOT_SUBSCRIBED", moment(part.get("consent_updated_at")))


def _place(said: Body) -> dict[str, str]:
    names = {"address1": "address1", "address2": "address2", "city": "city", "province_code": "provinceCode",
             "zip": "zip", "country_code": "countryCodeV2"}  # fmt: skip
    return {ours: text(said.get(theirs)) for theirs, ours in names.items() if text(said.get(theirs))}
