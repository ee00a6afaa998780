"""What a platform's webhook becomes: events for our topics, or the reason why it cannot be read.

A platform's `webhook.py` holds functions of these names; `headers` by lower-case name, and only `read` must be there:

    read(account, headers, body, now) -> Read               the events in a delivery that arrived now
    signed(account, headers, body) -> bool                  is it the platform's own? Without it the path is the proof
    delivery(headers) -> str                                by which the platform names a delivery, "" where it does not
    fresh(account, event) -> Plan[Event]                    the event as it stands there now; as it is where nobody says
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from consumers.engine.sink import Account
from consumers.engine.wire import Json
from schemas.definitions import blank


class Event(NamedTuple):
    """A record for one of our topics: the key without its connection, the object inside the key, and the record."""

    topic: str
    tail: str
    object: str
    record: dict[str, Any]


class Refused(NamedTuple):
    """Why a body is not what the platform says it sends; no personal data."""

    why: str


Source = tuple[str, bytes]
"""What said it: a delivery's topic and body, by whose hash the same one is known again."""

Read = tuple[Event, ...] | Refused
"""No event at all: it tells of something that concerns nobody here."""

MOMENT = 0.5
"""Seconds after which somebody is read again who still stands as before what a webhook told: one of the two is late."""


def tail(email: str, person_id: str, account_id: str) -> str:
    """The key under which somebody's records meet, without the connection.

    >>> tail("kim@customer.example", "7", "cus_9"), tail("", "7", "cus_9"), tail("", "", "cus_9")
    ('kim@customer.example', 'person:7', 'account:cus_9')
    """
    return email or (f"person:{person_id}" if person_id else f"account:{account_id}")


def opened(body: bytes) -> dict[str, Json] | Refused:
    """What a delivery says, as a JSON object."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Refused("the body is not JSON")
    return said if isinstance(said, dict) else Refused("the body is no object")


def text(said: object) -> str:
    """A text or a number as text, without spaces around it; "" for anything else.

    >>> text(" Gold "), text(771), text(None), text(True), text(["x"])
    ('Gold', '771', '', '', '')
    """
    return str(said).strip() if isinstance(said, str | int | float) and not isinstance(said, bool) else ""


def address(said: object) -> str:
    """An e-mail address as our keys have it, "" for what is none.

    >>> address(" Kim@Customer.example "), address(None)
    ('kim@customer.example', '')
    """
    text = said.strip().lower() if isinstance(said, str) else ""
    return text if "@" in text.strip("@") else ""


def moment(said: object) -> datetime | None:
    """A time of this century in ISO 8601, without an offset read as UTC; None for anything else.

    >>> moment("2026-06-14T02:20:05.000Z")
    datetime.datetime(2026, 6, 14, 2, 20, 5, tzinfo=datetime.timezone.utc)
    """
    try:
        read = datetime.fromisoformat(said) if isinstance(said, str) else None
    except ValueError:
        return None
    if read is None or not 2000 <= read.year < 2100:
        return None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)


def record(account: Account, event: str, values: Mapping[str, Any], source: Source) -> dict[str, Any]:
    """A record for the topic `event` from what a delivery or a comparison said."""
    topic, body = source
    sha256 = hashlib.sha256(topic.encode() + body).hexdigest()
    where = {"connection": account.connection.name, "zone": str(account.connection.timezone), "sha256": sha256}
    return {**blank(event), **where, **values}
