"""A small honest world for consent: tills on an Apparel21, a website, a Klaviyo with its unsubscribe link.

Between them are only tillstream's own plans, stepped by hand. Files and webhooks may come late, again and in any order.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

import orjson

from consumers.apparel21.customers import customers as to_apparel21
from consumers.engine.outcome import Deferred, Delivered, Outcome, Rejected, RetryLater
from consumers.engine.sink import Account, body_hash, seen
from consumers.engine.wire import Request, Response
from consumers.klaviyo.moves import arrivals
from consumers.klaviyo.plans import consents, profiles
from consumers.klaviyo.sink import SINK as KLAVIYO
from producers.people import UNSEEN, Person, place
from sandbox.apparel21 import persons
from sandbox.apparel21.door import Apparel21
from sandbox.apparel21.shop import Label
from sandbox.apparel21.world import Person as Customer
from sandbox.apparel21.world import Settings as Apparel21Settings
from sandbox.apparel21.world import World as Apparel21World
from sandbox.klaviyo.door import Klaviyo
from sandbox.klaviyo.people import Consent
from sandbox.klaviyo.world import Settings as KlaviyoSettings
from sandbox.klaviyo.world import World as KlaviyoWorld
from sandbox.web.answer import Knock
from sandbox.web.clockwork import Clockwork
from schemas import headers
from schemas.definitions import blank
from tests.consumers import desk
from tests.consumers.apparel21 import counter
from tests.consumers.desk import Desk, Thing

START = datetime(2026, 3, 2, 1, tzinfo=UTC)
MOBILES = ("+61491570006", "+61491570110", "")
WRITES = ("POST", "PUT", "PATCH", "DELETE")


class Voice(NamedTuple):
    """What a yes or no is about, in the words of this world: a channel, and a list ("" for the channel as a whole)."""

    channel: str
    list: str = ""


@dataclass(frozen=True)
class Brand:
    """A connection: `fields` says where Apparel21 keeps what ("" = the privacy flag) and `columns` is what the export
    calls it; `online`: what its website asks for."""

    name: str
    fields: Mapping[Voice, str]
    klaviyo: Mapping[str, Any]
    places: Sequence[Mapping[str, Any]]

    @property
    def online(self) -> Mapping[str, Voice]:
        """What the website's yes to a channel is kept as."""
        return {voice.channel: voice for voice in reversed(list(self.fields))}


@dataclass(frozen=True)
class Row:
    """A line of an export, and what it means."""

    person: str
    email: str
    record: Mapping[str, Any]
    said: Mapping[Voice, bool]
    changed: datetime


@dataclass
class Told:
    """What tillstream was told of a person, and where the newest row says they are."""

    email: str = ""
    newest: str = ""
    last: dict[Voice, tuple[datetime, bool]] = field(default_factory=dict)
    since: dict[Voice, datetime] = field(default_factory=dict)
    links: dict[str, datetime] = field(default_factory=dict)

    def hear(self, voice: Voice, at: datetime, yes: bool) -> None:
        """A yes that is only repeated is as old as it was."""
        known = self.last.get(voice)
        if known is None or (at, not yes) > (known[0], not known[1]):
            self.last[voice] = (at, yes)
            if known is None or known[1] != yes:
                self.since[voice] = at


class Branch:
    """One connection's side of the world: its Apparel21, its exports, its desks, and what they were told."""

    def __init__(self, town: Town, brand: Brand) -> None:
        self.town, self.brand = town, brand
        self.apparel21 = Apparel21(Apparel21World(Apparel21Settings()))
        self.apparel21.world.shop.cards["Consent"] = {name: Label("Checkbox") for name in brand.fields.values() if name}
        klaviyo = desk.account(**{"list": "", **brand.klaviyo})
        self.klaviyo = Desk(replace(klaviyo, now=lambda: town.now), town.at_klaviyo(klaviyo))
        own = counter.account(consent=list(brand.places))
        self.registry = Desk(replace(own, now=lambda: town.now), self._at_apparel21(own))
        self.people: dict[str, Person] = {}
        self.exports: list[list[Row]] = []
        self.hooks: list[Thing] = []
        self.queue: list[Thing] = []
        self.shelf: dict[str, datetime] = {}
        self.told: dict[str, Told] = {}
        self.heard_online: dict[tuple[str, Voice], tuple[datetime, bool]] = {}
        self.spoken: dict[tuple[int, Voice], tuple[datetime, bool]] = {}
        self.count = 0

    # -- people ----------------------------------------------------------------------------------------------------

    def arrive(self, email: str, *, web: bool = True) -> None:
        """Somebody signs up at a till; who is not of the `web` store's brand may have somebody else's address."""
        world = self.apparel21.world
        texts = {
            "Firstname": "Kim",
            "Surname": "Lee",
            "Privacy": "false",
            "Addresses/Billing/City": "Kew",
            "Contacts/Email": email,
            "Contacts/Phones/Home": MOBILES[len(world.persons) % 3],
        }
        person = Customer(
            world.serial(), f"LEEKI{world.serial()}", world.settings.brand if web else "outlet", web, texts, 0.0
        )
        world.persons[person.id] = person
        world.touch(person)

    def person(self, number: int) -> Customer:
        """Somebody of those who are there."""
        there = list(self.apparel21.world.persons.values())
        return there[number % len(there)]

    def at_till(self, number: int, voice: Voice, yes: bool) -> None:
        """A till hears a yes or no. On the privacy flag, no means yes."""
        person, name = self.person(number), self.brand.fields[voice]
        flag = {} if name else {"Privacy": str(not yes).lower()}
        cards = {"Consent": {name: str(yes).lower()}} if name else {}
        persons.till(self.apparel21.world, person, flag, cards)
        self.spoken[person.id, voice] = (self.stamp(person), yes)

    def edit(self, number: int) -> None:
        """A till changes something that has nothing to do with consent."""
        city = f"Kew {self.town.now:%H%M}"
        persons.till(self.apparel21.world, self.person(number), {"Addresses/Billing/City": city}, {})

    def move(self, number: int, email: str) -> None:
        """Somebody has another address; of those whom the website sees only one may have it."""
        person = self.person(number)
        if not person.web or not any(one.web and one.email == email for one in self.apparel21.world.persons.values()):
            persons.till(self.apparel21.world, person, {"Contacts/Email": email}, {})

    def stamp(self, person: Customer) -> datetime:
        """When Apparel21 says that the person was changed."""
        return datetime.fromtimestamp(person.updated, UTC)

    def holds(self, person: Customer, voice: Voice) -> bool | None:
        """What Apparel21 holds; None: nothing."""
        name = self.brand.fields[voice]
        if not name:
            return person.texts.get("Privacy") != "true"
        value = person.cards.get("Consent", {}).get(name)
        return None if not value else value[0] == "true"

    # -- files -----------------------------------------------------------------------------------------------------

    def export(self) -> None:
        """Everybody, as they stand now."""
        self.exports.append([self._row(person) for person in self.apparel21.world.persons.values()])

    def _row(self, person: Customer) -> Row:
        held = {voice: self.holds(person, voice) for voice in self.brand.fields}
        private = person.texts.get("Privacy") == "true"
        said = {voice: yes for voice, yes in held.items() if yes is not None}
        if private:
            said = dict.fromkeys((*held, *(Voice("sms", voice.list) for voice in held)), False)
        cells = {name: value[0] for name, value in person.cards.get("Consent", {}).items()}
        changed = self.stamp(person)
        record = {
            **blank("customers"),
            "person_id": str(person.id),
            "email": person.email,
            "firstname": "Kim",
            "mobile": person.texts["Contacts/Phones/Home"],
            "city": person.texts.get("Addresses/Billing/City", ""),
            "privacy": private,
            "last_updated": changed,
            "connection": self.brand.name,
            "origin": "apparel21-file",
            "source_time": changed,
            "file_time": self.town.now,
            "extra": {_column(name): value for name, value in cells.items()},
        }
        return Row(str(person.id), person.email, record, said, changed)

    def deliver(self, number: int, *, again: bool) -> None:
        """A file arrives: any of those that did not yet; `again`: it will come once more."""
        if self.exports:
            place_ = number % len(self.exports)
            rows = self.exports[place_] if again else self.exports.pop(place_)
            for line, row in enumerate(rows, start=2):
                self._publish(row, line)

    def _publish(self, row: Row, line: int) -> None:
        """As the producers do: under the address that the person's lane has."""
        record = {**row.record, "line": line}
        order = headers.order(record["source_time"], record["file_time"], line)
        where = place(self.people.get(row.person, UNSEEN), row.email, order, staff=False)
        self.people[row.person] = where.person
        record["previous_email"] = where.previous
        content = {name: str(value) for name, value in row.record.items() if name not in ("source_time", "file_time")}
        key = f"{self.brand.name}/{where.address}"
        made = Thing(key, "customers", record, body_hash(content), order, row.person)
        self.queue.append(replace(made, first_load=self.count == 0))
        told = self.told.setdefault(row.person, Told())
        if order >= told.newest:
            if told.email not in ("", row.email):
                left = {channel: at for (email, channel), at in self.town.links.items() if email == told.email}
                told.links |= {channel: max(at, told.links.get(channel, at)) for channel, at in left.items()}
            told.email, told.newest = row.email, order
        for voice, yes in row.said.items():
            told.hear(voice, row.changed, yes)

    # -- to Klaviyo ------------------------------------------------------------------------------------------------

    def consume(self, *, together: bool) -> None:
        """Everything that arrived is delivered, one record after the other or as much as fits into one plan."""
        while self.queue:
            some = self._next(together=together)
            works = [work for work in some if work]
            for work, outcome in zip(works, self._profiles(works), strict=True):
                self._settle(work[-1].key, outcome)
        self.count += 1
        self._wake()

    def _next(self, *, together: bool) -> list[list[Thing]]:
        """What may go into one plan: of each lane the records from the front that are of one kind."""
        if not together or self.queue[0].record.get("memory"):
            return [[self.queue.pop(0)]]
        lanes: dict[str, list[Thing]] = {}
        while self.queue and not self.queue[0].record.get("memory"):
            thing = self.queue.pop(0)
            lanes.setdefault(thing.key, []).append(thing)
        return list(lanes.values())

    def _profiles(self, works: Sequence[Sequence[Thing]]) -> list[Outcome]:
        if works[0][0].record.get("memory"):
            return self.klaviyo.send(arrivals, works[0])
        news = [work for work in works if not all(self._known(thing) for thing in work)]
        outcomes = iter(self.klaviyo.send(profiles, *news)) if news else iter(())
        return [next(outcomes) if work in news else Delivered() for work in works]

    def _known(self, thing: Thing) -> bool:
        """The engine's quick path: what says nothing new is noted only."""
        entry = seen(self.klaviyo.profile(thing.key), thing)
        if entry is None or entry[0] != thing.content:
            return False
        memory = self.klaviyo.profile(thing.key)
        memory["seen"][thing.object] = [thing.content, max(thing.order, entry[1])]
        self.klaviyo.memory[f"{thing.key}#profile"] = orjson.dumps(memory)
        return True

    def _settle(self, key: str, outcome: Outcome) -> None:
        assert not isinstance(outcome, Rejected), outcome
        assert not isinstance(outcome, RetryLater), outcome
        if isinstance(outcome, Deferred) and outcome.until is not None:
            self.shelf[key] = outcome.until
        if isinstance(outcome, Delivered):
            for emit in outcome.emits:
                self.queue.append(Thing(emit.key, "customers", orjson.loads(orjson.dumps(emit.value))))
            for later in outcome.later:
                if later.part == "consent":
                    self.shelf[key] = self.town.now + later.after

    def _wake(self) -> None:
        """Consent that waited for the gap."""
        for key in [key for key, until in self.shelf.items() if until <= self.town.now]:
            del self.shelf[key]
            [outcome] = self.klaviyo.send(consents, Thing(key, "customers", {}))
            self._settle(key, outcome)

    # -- the website -----------------------------------------------------------------------------------------------

    def online(self, email: str, channel: str, yes: bool) -> None:
        """Somebody ticks or unticks the box on the website; its webhook is under way."""
        told = {"email": email, "firstname": "Kim", "surname": "Lee", "shopify_id": email, "origin": "shopify"}
        said = {f"{channel}_opt_in": yes} if channel in self.brand.online else {}
        self.hooks.append(counter.event("customers", source_time=self.town.now, **told, **said))

    def hook(self, number: int, *, again: bool) -> None:
        """A webhook arrives: any of those under way; `again`: it will come once more."""
        if not self.hooks:
            return
        number %= len(self.hooks)
        thing = self.hooks[number] if again else self.hooks.pop(number)
        [outcome] = self.registry.send(to_apparel21, thing)
        assert not isinstance(outcome, RetryLater | Rejected), outcome
        for channel, voice in self.brand.online.items():
            yes, at = thing.record[f"{channel}_opt_in"], thing.record["source_time"]
            known = self.heard_online.get((thing.record["email"], voice))
            if yes is not None and (known is None or (at, not yes) > (known[0], not known[1])):
                self.heard_online[thing.record["email"], voice] = (at, yes)

    def _at_apparel21(self, account: Account) -> Any:
        password = b64encode(b"tillstream:sandbox")

        def answer(request: Request) -> Response:
            told = {name.lower().encode(): text.encode() for name, text in request.headers}
            dress = {**told, b"authorization": b"Basic " + password, b"content-type": b"text/xml", b"host": b"ap21"}
            self.town.count(request)
            world = self.apparel21.world
            world.skew = self.town.now.timestamp() - time.time()
            query = urlencode(request.query).encode()
            said = self.apparel21.answer(Knock(request.method, request.path, query, dress, request.body or b""))
            heads = {name.decode(): text.decode() for name, text in said.headers}
            return Response(said.status, said.body, heads)

        return answer


class Town:
    """The whole: its time, one Klaviyo account, and a branch for each connection."""

    def __init__(self, brands: Sequence[Brand]) -> None:
        self.now = START
        self.writes: list[str] = []
        self.links: dict[tuple[str, str], datetime] = {}
        self.account = Klaviyo(KlaviyoWorld(KlaviyoSettings(limits=False)))
        for named in {voice.list for brand in brands for voice in brand.fields if voice.list}:
            self.account.world.add_list(named, named, double=False)
        self.branches = [Branch(self, brand) for brand in brands]
        self.tick(0)

    def tick(self, minutes: float) -> None:
        """Time passes, everywhere alike."""
        self.now += timedelta(minutes=minutes)
        worlds: list[Clockwork] = [self.account.world, *(branch.apparel21.world for branch in self.branches)]
        for world in worlds:
            world.skew = self.now.timestamp() - time.time()

    def count(self, request: Request) -> None:
        """Note what is written; reading and asking change nothing."""
        if request.method in WRITES:
            self.writes.append(f"{request.method} {request.path}")

    def at_klaviyo(self, account: Account) -> Any:
        """Klaviyo's answers."""
        dress = {name.lower().encode(): text.encode() for name, text in KLAVIYO.headers(account.settings).items()}

        def answer(request: Request) -> Response:
            self.count(request)
            self.account.world.skew = self.now.timestamp() - time.time()
            body = b"" if request.body is None else orjson.dumps(request.body)
            query = urlencode(request.query).encode()
            said = self.account.answer(Knock(request.method, request.path, query, dress, body))
            return Response(said.status, said.body, {name.decode(): text.decode() for name, text in said.headers})

        return answer

    def link(self, email: str, channel: str) -> None:
        """Somebody unsubscribes at Klaviyo: by the link of a mail, by STOP."""
        profile = self.account.world.people.find("email", email)
        if profile is not None:
            at = self.now.timestamp()
            profile.consents[channel] = Consent("UNSUBSCRIBED", at, at, "PREFERENCE_PAGE")
            if channel == "email":
                profile.suppressions["UNSUBSCRIBE"] = at
            self.links[email, channel] = self.now

    # -- the law ---------------------------------------------------------------------------------------------------

    def wrongs(self) -> Iterator[str]:
        """Who is subscribed against the latest that was said, anywhere."""
        for profile in self.account.world.people:
            email = profile.attributes.get("email", "")
            for branch in self.branches:
                for voice in branch.brand.fields:
                    if _subscribed(profile, voice) and (why := self._refused(branch, email, voice)):
                        yield f"{email} gets {voice.channel} {voice.list or 'mail'} at Klaviyo: {why}"
        for branch in self.branches:
            yield from _wrong_at_apparel21(branch)

    def _refused(self, branch: Branch, email: str, voice: Voice) -> str:
        here = [told for told in branch.told.values() if told.email == email and voice in told.last]
        if any(not told.last[voice][1] for told in here):
            return "a till said no"
        said = [self.links.get((email, voice.channel)), *(told.links.get(voice.channel) for told in here)]
        link = max((at for at in said if at is not None), default=None)
        if link is not None and not any(told.since[voice] > link for told in here):
            return "unsubscribed at Klaviyo since"
        return ""


def _wrong_at_apparel21(branch: Branch) -> Iterator[str]:
    for person in branch.apparel21.world.persons.values():
        for voice in branch.brand.fields:
            told = [branch.spoken.get((person.id, voice)), branch.heard_online.get((person.email, voice))]
            last = max(((at, not yes) for at, yes in filter(None, told)), default=None)
            if last is not None and last[1] and branch.holds(person, voice) and person.web:
                yield f"{person.email} is at yes in Apparel21 for {voice}, after a no"


def _subscribed(profile: Any, voice: Voice) -> bool:
    state = profile.consent(voice.channel).state == "SUBSCRIBED"
    stopped = bool(profile.suppressions) if voice.channel == "email" else False
    return state and not stopped and (not voice.list or voice.list in profile.lists)


def _column(name: str) -> str:
    return name.lower().replace(" ", "_")
