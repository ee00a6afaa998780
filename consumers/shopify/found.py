"""A customer as the shop tells of one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from consumers.engine.wire import Json, under
from consumers.marketing import Channel
from consumers.shopify.consent import Standing
from consumers.webhooks import address, moment, text


class Found(NamedTuple):
    """A customer of the shop. `gid` is the global id, `id` the number that others know the customer by; `person` the
    AP21 person in its metafield; `phone` "" for none."""

    gid: str
    id: str
    email: str
    phone: str
    first: str
    last: str
    note: str
    tags: tuple[str, ...]
    person: str
    place: Mapping[str, str]
    updated: datetime | None
    standing: Mapping[Channel, Standing]


def found(node: Json) -> Found | None:
    """The customer in an answer; None for nobody."""
    if not isinstance(node, dict) or not node.get("id"):
        return None
    mail, phone, mark = (under(node, name) for name in ("defaultEmailAddress", "defaultPhoneNumber", "metafield"))
    gid = str(node["id"])
    sms = {"marketingState": under(phone, "smsMarketingConsent").get("state"), **_said(phone)}
    return Found(
        gid=gid,
        id=str(node.get("legacyResourceId") or gid.rpartition("/")[2]),
        email=address(mail.get("emailAddress")),
        phone=text(phone.get("phoneNumber")),
        first=text(node.get("firstName")),
        last=text(node.get("lastName")),
        note=text(node.get("note")),
        tags=tuple(tag for tag in node.get("tags") or () if isinstance(tag, str)),
        person=text(mark.get("value")),
        place=_place(under(node, "defaultAddress")),
        updated=moment(node.get("updatedAt")),
        standing={"email": _standing(mail), "sms": _standing(sms)},
    )


def _said(phone: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in phone.items() if value is not None}


def _place(said: Mapping[str, Json]) -> dict[str, str]:
    """Something stands there, if only an id."""
    return {name: text(value) for name, value in said.items() if text(value)}


def _standing(said: Mapping[str, Json]) -> Standing:
    return Standing(text(said.get("marketingState")) or "NOT_SUBSCRIBED", moment(said.get("marketingUpdatedAt")))
