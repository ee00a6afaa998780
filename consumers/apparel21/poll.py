"""Look for persons who changed in Apparel21, and make a `customers` event of each whose content did.

Tills, and our own writes of tiers and consent, give a person a new time stamp; what comes back with nothing new in it
ends here. Source: Apparel21 Retail API guide, "Persons" (`updatedAfter`). It knows no paging of persons; some servers
page all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from consumers import policies
from consumers.apparel21 import consent
from consumers.apparel21.changed import Known as Before
from consumers.apparel21.changed import load_known, values
from consumers.apparel21.people import api, persons, read, total, zone_of
from consumers.apparel21.person import identity, stamp
from consumers.apparel21.requests import PAGE
from consumers.apparel21.xml import Element
from consumers.engine.outcome import Refusal
from consumers.engine.sink import Account, body_hash
from consumers.engine.wire import Json, Plan, ask
from consumers.polls import Known, Look, Poll, Told
from consumers.webhooks import Event, tail
from schemas.definitions import blank

FIRST_LOOK = timedelta(days=7)
OVERLAP = timedelta(minutes=5)
"""For so long after the newest change was seen, an older one may still appear: a till's transaction took its time."""
SECOND, A_DAY = timedelta(seconds=1), timedelta(days=1)
"""A stamp from further in the future than a day would hide everything that changes until then."""
ROWS_AGAIN = 20
"""A page begins so many rows before the last one's end: who changes meanwhile moves the others up. Where none of those
rows comes again, too many have changed, and the sweep begins anew."""
HOUR_TWICE = timedelta(hours=3)


class Place(NamedTuple):
    """How far a sweep came. Times are Apparel21's own clock, without a zone, in ISO 8601.

    `newest` is the newest time stamp seen and `noticed` when we saw it first (UTC); `since`, `row`, `first` (the id at
    the top of the last page) and `again` (those at its end) belong to the sweep that is under way, `top` is the newest
    in it.
    """

    newest: str
    noticed: str
    since: str = ""
    row: int = 1
    first: str = ""
    top: str = ""
    again: str = ""


def look(account: Account, position: Json, now: datetime, known: Known) -> Plan[Look | Refusal]:
    """One page of the persons changed since the position; some of them were seen before and are passed over."""
    zone = zone_of(account)
    place = Place(**position) if position else first_place(now, zone)
    since = place.since or after(place, now, zone)
    answer = yield from ask(api(account).changed(since, place.row))
    listed = persons(answer)
    if not isinstance(listed, list):
        return listed
    told, top, latest = list[Told](), place.top, iso(now.astimezone(zone) + A_DAY)
    for person in listed:
        top = max(top, min(local(stamp(person)), latest))
        before = load_known(known(f"person/{identity(person)}"))
        if before.stamp == stamp(person) and _as_before(account, person, before):
            continue
        one = yield from _read(account, person, before, now)
        if not isinstance(one, Told):
            return one
        told.append(one)
    return moved(place, Page(listed, total(answer)), tuple(told), Sweep(since, top, now))


# -- one person -----------------------------------------------------------------------------------------------------


def _as_before(account: Account, person: Element, before: Before) -> bool:
    """Whose time stamp is the same may have changed again in the second in which we looked. Custom data is not in the
    list; and of whom an operator had erased nothing but the stamp is known."""
    if consent.with_cards(account.settings.consent) or not before.content:
        return True
    return before.content == body_hash(values(account, person))


def _read(account: Account, listed: Element, before: Before, now: datetime) -> Plan[Told | Refusal]:
    """An event, or why not. Custom data is not in the list: where consent is kept there, the person is read."""
    person = listed
    if consent.with_cards(account.settings.consent):
        fresh = yield from read(account, identity(listed), cards=True)
        if fresh is None:
            return Told(none="not_visible")
        if not isinstance(fresh, Element):
            return fresh
        person = fresh
    return told(account, person, before, now)


def told(account: Account, person: Element, before: Before, now: datetime) -> Told:
    """What a person became: an event where the content differs from what was published last."""
    at = consent.moment(stamp(person), zone_of(account)) or now
    if before.at:  # an hour that comes twice would make the later change the older one
        at = max(at, datetime.fromisoformat(before.at) + SECOND)
    number, content = identity(person), values(account, person)
    after_it = before.met(stamp(person), at, content)
    remember = {f"person/{number}": after_it.dump()}
    if after_it.content == before.content:
        return Told(none="unchanged", remember=remember)
    record = {
        **blank("customers"),
        **content,
        "last_updated": at,
        "previous_email": before.email if before.moves_to(content["email"]) else before.left or None,
        "zone": str(zone_of(account)),
        "connection": account.connection.name,
        "origin": policies.POLL,
        "source_time": at,
    }
    key = tail(before.lane(content["email"]), number, "")
    return Told((Event("customers", key, number, record),), remember=remember)


# -- sweeps ---------------------------------------------------------------------------------------------------------


class Page(NamedTuple):
    """The persons of an answer, and how many the whole list has (0: not said)."""

    persons: Sequence[Element]
    total: int


class Sweep(NamedTuple):
    """What the sweep asked for, the newest stamp in it so far, and what time it is."""

    since: str
    top: str
    now: datetime


def first_place(now: datetime, zone: ZoneInfo) -> Place:
    """Where the very first look begins."""
    return Place(iso(now.astimezone(zone) - FIRST_LOOK + OVERLAP), now.isoformat())


def after(place: Place, now: datetime, zone: ZoneInfo) -> str:
    """What `updatedAfter` is: a little before the newest change seen, the less the longer ago that was.

    Whether the bound itself belongs to it is nowhere said. After clocks went back an hour comes twice, and is read
    twice, whenever the next look is.
    """
    newest = datetime.fromisoformat(place.newest)
    noticed = min(now, datetime.fromisoformat(place.noticed))
    before = (noticed - HOUR_TWICE).astimezone(zone).utcoffset() or timedelta()
    twice = max(timedelta(), before - (now.astimezone(zone).utcoffset() or timedelta()))
    return iso(min(newest - SECOND, newest - OVERLAP + (now - noticed)) - twice)


def moved(place: Place, page: Page, read_now: tuple[Told, ...], sweep: Sweep) -> Look:
    """The look, with the next page's place; after the last page that of the next sweep."""
    ids = [identity(person) for person in page.persons]
    got, first = len(ids), ids[0] if ids else ""
    whole = got > PAGE or (place.row > 1 and first == place.first)  # the server knows no pages
    missed = not whole and got > 0 and place.again and set(ids).isdisjoint(place.again.split())
    last = place.row + got > page.total if page.total else got < PAGE
    if not missed and (whole or last or not got):
        newest = max(place.newest, sweep.top)
        noticed = place.noticed if newest == place.newest else sweep.now.isoformat()
        return Look(read_now, Place(newest, noticed)._asdict())
    begun = Place(place.newest, place.noticed, sweep.since, top=sweep.top)
    if missed:
        return Look(read_now, begun._asdict(), more=True)
    row = place.row + got - min(ROWS_AGAIN, got // 2)
    further = begun._replace(row=row, first=first, again=" ".join(ids[row - place.row :]))
    return Look(read_now, further._asdict(), more=True)


def local(text: str) -> str:
    """A time stamp as ISO 8601 by Apparel21's clock, so that it sorts; "" for what is none.

    >>> local("1/04/2025 4:05:11 PM"), local("soon")
    ('2025-04-01T16:05:11', '')
    """
    try:
        return iso(datetime.strptime(text.strip(), consent.STAMP))  # noqa: DTZ007  # by the server's own clock
    except ValueError:
        return ""


def iso(time: datetime) -> str:
    """As `updatedAfter` takes it.

    >>> iso(datetime(2025, 4, 1, 16, 5, 11))
    '2025-04-01T16:05:11'
    """
    return time.replace(tzinfo=None).isoformat(timespec="seconds")


POLL = Poll(policies.POLL, "customers", lambda settings: settings.poll, look)
