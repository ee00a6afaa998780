"""Customers as the API shows them: as GraphQL objects, and as the bodies of webhooks."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from operator import itemgetter

import orjson
from graphql import GraphQLError

from sandbox.shopify.world import Consent, Customer, Metafield, Subscription, iso
from sandbox.web.answer import Json


def customer(one: Customer) -> Json:
    """A customer; fields with arguments are functions of them, as the executor wants them."""
    first, last = one.details.get("firstName"), one.details.get("lastName")
    addresses = [address(number, told) for number, told in enumerate(one.addresses)]
    return {
        "__typename": "Customer",
        "id": one.gid,
        "legacyResourceId": str(one.id),
        "createdAt": iso(one.created),
        "updatedAt": iso(one.updated),
        "firstName": first,
        "lastName": last,
        "displayName": " ".join(name for name in (first, last) if name) or one.email or one.phone or "",
        "locale": one.details.get("locale") or "en",
        "note": one.details.get("note"),
        "tags": sorted(one.tags, key=str.lower),
        "state": "DISABLED",
        "verifiedEmail": True,
        "email": one.email,
        "phone": one.phone,
        "defaultEmailAddress": _email(one),
        "defaultPhoneNumber": _phone(one),
        "emailMarketingConsent": _said(one.email_consent) if one.email else None,
        "smsMarketingConsent": _said(one.sms_consent) if one.phone else None,
        "defaultAddress": addresses[0] if addresses else None,
        "addresses": lambda _, first=None: addresses[:first],
        "addressesV2": lambda _, first=None: {"nodes": addresses[:first]},
        "metafield": lambda _, key, namespace=None: _metafield(one, namespace, key),
        "metafields": lambda _, first=None, namespace=None: {"nodes": _metafields(one, namespace)[:first]},
    }


def _email(one: Customer) -> Json | None:
    if one.email is None:
        return None
    return {"emailAddress": one.email, "validFormat": True, **_channel(one.email_consent)}


def _phone(one: Customer) -> Json | None:
    if one.phone is None:
        return None
    said = one.sms_consent
    sms = {"state": said.state, "optInLevel": said.level, "updatedAt": _at(said)}
    return {"phoneNumber": one.phone, **_channel(said), "smsMarketingConsent": sms}


def _channel(said: Consent) -> Json:
    return {"marketingState": said.state, "marketingOptInLevel": said.level, "marketingUpdatedAt": _at(said)}


def _said(said: Consent) -> Json:
    return {"marketingState": said.state, "marketingOptInLevel": said.level, "consentUpdatedAt": _at(said)}


def _at(said: Consent) -> str | None:
    return None if said.updated is None else iso(said.updated)


def address(number: int, told: Json) -> Json:
    """One address of a customer."""
    shown = {name: value for name, value in told.items() if name not in ("id", "countryCode")}
    identity = told.get("id") or f"gid://shopify/MailingAddress/{number + 1}"
    return {**shown, "id": identity, "countryCodeV2": told.get("countryCode")}


def metafield(one: Metafield) -> Json:
    """One metafield."""
    return {
        "id": f"gid://shopify/Metafield/{one.id}",
        "namespace": one.namespace,
        "key": one.key,
        "type": one.type,
        "value": one.value,
        "compareDigest": one.digest,
        "updatedAt": iso(one.updated),
    }


def _metafield(one: Customer, namespace: str | None, key: str) -> Json | None:
    found = one.metafields.get((namespace or "", key))
    return metafield(found) if found else None


def _metafields(one: Customer, namespace: str | None) -> list[Json]:
    return [metafield(each) for each in one.metafields.values() if namespace in (None, each.namespace)]


def subscription(one: Subscription) -> Json:
    """One webhook subscription."""
    return {"id": one.gid, "topic": one.enum, "uri": one.uri, "format": "JSON", "createdAt": iso(one.created)}


MOST = 250
"""Items of a page."""
Key = tuple[float | str, int]
"""What a connection is sorted by, and the id."""


def page(
    items: Sequence[tuple[Key, Json]], first: int | None = None, after: str | None = None, *, reverse: bool = False
) -> Json:
    """One page of a connection; a cursor is the key of an item, so that it holds while others come and go."""
    if first is None or not 0 <= first <= MOST:
        raise GraphQLError("you must provide one of first or last" if first is None else f"first cannot exceed {MOST}")
    ordered = sorted(items, key=itemgetter(0), reverse=reverse)
    if after is not None:
        told = _key(after)
        ordered = [item for item in ordered if (item[0] < told if reverse else item[0] > told)]
    shown = ordered[:first]
    edges = [{"cursor": _cursor(key), "node": node} for key, node in shown]
    info = {
        "hasNextPage": len(shown) < len(ordered),
        "hasPreviousPage": after is not None,
        "startCursor": edges[0]["cursor"] if edges else None,
        "endCursor": edges[-1]["cursor"] if edges else None,
    }
    return {"nodes": [node for _, node in shown], "edges": edges, "pageInfo": info}


def _cursor(key: Key) -> str:
    return base64.b64encode(orjson.dumps(key)).decode()


def _key(cursor: str) -> Key:
    try:
        value, number = orjson.loads(base64.b64decode(cursor))
    except ValueError as error:
        raise GraphQLError("Invalid cursor") from error
    return value, number


def webhook(one: Customer) -> Json:
    """A customer in a webhook: without tags, consent and totals, which have had topics of their own since 2025-01."""
    return {
        "id": one.id,
        "admin_graphql_api_id": one.gid,
        "created_at": iso(one.created),
        "updated_at": iso(one.updated),
        "first_name": one.details.get("firstName"),
        "last_name": one.details.get("lastName"),
        "state": "disabled",
        "note": one.details.get("note"),
        "verified_email": True,
        "multipass_identifier": None,
        "tax_exempt": False,
        "currency": "AUD",
        "email": one.email,
        "phone": one.phone,
        "addresses": [],
        "tax_exemptions": [],
    }


def email_consent(one: Customer) -> Json:
    """The body of `customers_email_marketing_consent/update`."""
    return {"customer_id": one.id, "email_address": one.email, "email_marketing_consent": _small(one.email_consent)}


def sms_consent(one: Customer) -> Json:
    """The body of `customers_marketing_consent/update`."""
    told = {**_small(one.sms_consent), "consent_collected_from": "OTHER"}
    return {"id": one.id, "phone": one.phone, "sms_marketing_consent": told}


def _small(said: Consent) -> Json:
    level = said.level.lower() if said.level else None
    return {"state": said.state.lower(), "opt_in_level": level, "consent_updated_at": _at(said)}
