"""Bring events to Klaviyo, once each: one by one where there are few, else many in a request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from consumers.engine.bulk import chunks, isolate
from consumers.engine.outcome import Outcome, Rejected
from consumers.engine.sink import Item
from consumers.engine.wire import Json, Plan, Response, ask_all
from consumers.klaviyo import requests
from consumers.klaviyo.errors import blame, judge

FEW = 3
TWO = 2
"""A parcel of more events than a transaction makes goes one by one, so that no request holds too many."""


@dataclass(slots=True, eq=False)
class Parcel:
    """The events of one record on their way: whose they are, the bodies by name, and what came of it."""

    item: Item
    email: str = ""
    bodies: dict[str, Json] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    outcome: Outcome | None = None
    status: int = 0
    call: str = ""


def send(parcels: Sequence[Parcel], *, many: bool) -> Plan[None]:
    """Send every event; each parcel notes which were `sent`, or has its outcome."""
    together = [parcel for parcel in parcels if many and 0 < len(parcel.bodies) <= TWO]
    alone = [parcel for parcel in parcels if not (many and len(parcel.bodies) <= TWO)]
    refused = yield from _in_bulk(together)
    yield from _singly([*alone, *refused])


def _singly(parcels: Sequence[Parcel]) -> Plan[None]:
    pairs = [(parcel, kind) for parcel in parcels for kind in parcel.bodies]
    responses = yield from ask_all([requests.create_event(parcel.bodies[kind]) for parcel, kind in pairs])
    for (parcel, kind), response in zip(pairs, responses, strict=True):
        _note(parcel, [kind], response, "POST /api/events")


def _note(parcel: Parcel, kinds: Sequence[str], response: Response, call: str) -> None:
    if response.ok:
        parcel.sent += kinds
        parcel.status, parcel.call = response.status, call
    else:
        refusal = judge(response)
        parcel.outcome = refusal if parcel.outcome is None or not isinstance(refusal, Rejected) else parcel.outcome


def _in_bulk(parcels: Sequence[Parcel]) -> Plan[list[Parcel]]:
    """Returns those that have to go alone: refused in company, or with an id that is in the request already."""
    twins = _twins(parcels)
    once = [parcel for parcel in parcels if parcel not in twins]
    batches = list(chunks(once, requests.MOST_EVENTS, _weight, requests.MOST_EVENT_BYTES))
    verdicts = yield from isolate(
        batches,
        lambda some: requests.create_events([group(parcel) for parcel in some]),
        lambda answer: blame(answer) or None,
    )
    alone = list(twins)
    for parcel, verdict in zip(once, verdicts, strict=True):
        if verdict.response.status in (400, 409, 413, 422) and isinstance(judge(verdict.response), Rejected):
            alone.append(parcel)
        else:
            _note(parcel, list(parcel.bodies), verdict.response, "POST /api/event-bulk-create-jobs")
    return alone


def _weight(parcel: Parcel) -> int:
    """In bytes, but never less than its part of the number of events that fill a request."""
    least = len(parcel.bodies) * requests.MOST_EVENT_BYTES // requests.MOST_EVENTS
    return max(requests.size(group(parcel)), least)


def _twins(parcels: Sequence[Parcel]) -> list[Parcel]:
    """A repeated id refuses a whole request (OpenAPI document of 2026-07-15, "Bulk Create Events")."""
    seen: set[tuple[str, str]] = set()
    found = []
    for parcel in parcels:
        name = (parcel.email, parcel.item.object)
        if name in seen:
            found.append(parcel)
        seen.add(name)
    return found


def group(parcel: Parcel) -> Json:
    """A parcel's events as a group of the bulk request: the profile once, the rest as it is."""
    events = [dict(made["data"]["attributes"]) for made in parcel.bodies.values()]
    profiles = [event.pop("profile") for event in events]
    data = [{"type": "event", "attributes": event} for event in events]
    return {"type": "event-bulk-create", "attributes": {"profile": profiles[0], "events": {"data": data}}}
