"""What the online shop's customers say about marketing, and when that may change what Apparel21 holds.

In doubt less: a no is written always; a yes over a no that stands in Apparel21 only where that no is older than the
yes, or was our own and nobody changed the person since. What the shop merely repeats says nothing new. Each channel's
last statement keeps its own clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from consumers.apparel21.people import zone_of
from consumers.apparel21.person import Code, Field, Privacy, Wish, card_value, reference, stamp
from consumers.apparel21.settings import ConsentPlace
from consumers.apparel21.templates import Form, filled, forms
from consumers.apparel21.xml import Element, read
from consumers.engine.outcome import Misconfigured, Refusal
from consumers.engine.sink import Account, Item
from consumers.engine.wire import Json, Plan
from consumers.marketing import CHANNELS, Channel, statements

STAMP = "%d/%m/%Y %I:%M:%S %p"
"""Of a person's update time stamp, 6/05/2024 4:32:15 PM. Source: Apparel21 Retail API guide, "Persons"."""
CLOCKS_DIFFER = timedelta(minutes=2)
"""How much later than our own writing Apparel21 may date it."""


class Said(NamedTuple):
    """A new statement: yes or no, and when it became true at the shop."""

    yes: bool
    at: datetime


News = Mapping[Channel, Said]


def hear(heard: Json, items: Sequence[Item]) -> tuple[dict[str, Json], dict[Channel, Said]]:
    """What was heard last of each channel ([yes, order]), and which statements are news. `items`: oldest first.

    A no that is said once more, later, is news, too: a till may have heard a yes between the two.
    """
    heard, news = dict(heard), dict[Channel, Said]()
    for item in items:
        for channel, yes in statements(item.record).items():
            before = heard.get(channel)
            if before is not None and item.order <= before[1]:
                continue
            if before is None or before[0] != yes or (not yes and _time(item.order) > _time(before[1])):
                news[channel] = Said(yes, item.record["source_time"])
            heard[channel] = [yes, item.order]
    return heard, news


def _time(order: str) -> str:
    return order.partition("|")[0]


def heeded(places: Sequence[ConsentPlace], heard: Mapping[str, Json], news: News) -> News:
    """The news without a yes that would lift what stands: a no of another channel that is kept in the same place."""
    noes = {_where(place) for place in places if heard.get(place.channel, [None])[0] is False}
    lifting = {place.channel for place in places if _where(place) in noes}
    return {channel: said for channel, said in news.items() if not said.yes or channel not in lifting}


def _where(place: ConsentPlace) -> tuple[object, ...]:
    return place.privacy, place.card, place.field, place.reference


def wishes(account: Account, said: News) -> Plan[list[Wish] | Refusal]:
    """Where the statements are kept, by the merchant's set-up."""
    made: list[Wish] = []
    for place in account.settings.consent:
        if place.channel not in said:
            continue
        wish = yield from _wish(account, place, yes=said[place.channel].yes)
        if not isinstance(wish, Wish):
            return wish
        made.append(wish)
    return made


def _wish(account: Account, place: ConsentPlace, *, yes: bool) -> Plan[Wish | Refusal]:
    if place.privacy:
        return Privacy(not yes)
    if place.reference:
        return Code(place.reference, int(place.yes if yes else place.no))
    known = yield from forms(account, place.card)
    if not isinstance(known, Mapping):
        return known
    wish: Wish | Misconfigured = filled(known, place.card, place.field, _word(known.get(place.field), place, yes=yes))
    return wish


def _word(form: Form | None, place: ConsentPlace, *, yes: bool) -> str:
    if form is not None and form.type == "Checkbox":
        return "true" if yes else "false"
    return str(place.yes if yes else place.no)


def with_cards(places: Sequence[ConsentPlace]) -> bool:
    """Must custom data be read to know how consent stands?"""
    return any(place.card for place in places)


def allowed(account: Account, person: Element, said: News, memory: Mapping[str, Json]) -> dict[Channel, Said]:
    """The statements that may be written over what Apparel21 holds now."""
    known = bool(memory.get("person"))
    changed = moment(stamp(person), zone_of(account))

    def may(channel: Channel, one: Said) -> bool:
        if not one.yes or not refusal(account.settings.consent, channel, person):
            return True
        if changed is None:
            return False
        ours = no_of_ours(memory, channel)
        return (known and one.at > changed) or (ours is not None and changed <= ours + CLOCKS_DIFFER)

    return {channel: one for channel, one in said.items() if may(channel, one)}


def no_of_ours(memory: Mapping[str, Json], channel: Channel) -> datetime | None:
    """When we wrote a no of this channel, if that is the last we wrote of it."""
    when = memory.get("when", {}).get(channel)
    return datetime.fromisoformat(when) if when and memory.get("wrote", {}).get(channel) is False else None


def unsaid(account: Account, said: News, made: Sequence[Wish]) -> Plan[list[Wish] | Refusal]:
    """What keeps a new person from being written to on channels they said nothing of: Apparel21's own default is that
    everybody agrees (its Retail API guide, "Persons": Privacy). A place that tells of another channel is left alone."""
    silent = {channel: Said(False, account.now()) for channel in CHANNELS if channel not in said}
    found = yield from wishes(account, silent)
    if not isinstance(found, list):
        return found
    return [wish for wish in found if not any(_same_place(wish, other) for other in made)]


def _same_place(wish: Wish, other: Wish) -> bool:
    match wish, other:
        case Privacy(), Privacy():
            return True
        case Code(), Code():
            return wish.type == other.type
        case Field(), Field():
            return (wish.card, wish.label) == (other.card, other.label)
        case _:
            return False


def refusal(places: Sequence[ConsentPlace], channel: Channel, person: Element) -> bool:
    """Does any place of the channel hold a no?"""
    return any(_says_no(place, person) for place in places if place.channel == channel)


def _says_no(place: ConsentPlace, person: Element) -> bool:
    if place.privacy:
        return read(person, "Privacy").lower() == "true"
    if place.reference:
        return reference(person, place.reference) == place.no
    return card_value(person, place.card, place.field).casefold() in ("false", str(place.no).casefold())


def moment(text: str, zone: tzinfo) -> datetime | None:
    """A person's update time stamp as a time; of an hour that comes twice the second: too late rather than too early.

    >>> str(moment("1/04/2025 4:05:11 PM", UTC))
    '2025-04-01 16:05:11+00:00'
    """
    try:
        found = datetime.strptime(text.strip(), STAMP)  # noqa: DTZ007  # the zone is given below
    except ValueError:
        return None
    return found.replace(tzinfo=zone, fold=1).astimezone(UTC)
