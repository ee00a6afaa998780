"""Random histories of persons who move between few addresses, while workers are killed in the middle of plans.

Files come late and in any order, numbers are contested, two brands share an account. What must be true is said here
once more, from what was told: who may be subscribed, who must be, and what an address's orders add up to.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from consumers.engine.outcome import Deferred, Delivered, Outcome, Rejected, RetryLater
from consumers.engine.sink import Account, PlanMaker, body_hash, seen
from consumers.engine.wire import Request, Response
from consumers.klaviyo.moves import arrivals
from consumers.klaviyo.orders import orders, sums
from consumers.klaviyo.plans import consents, profiles
from consumers.klaviyo.settings import KlaviyoSettings
from consumers.klaviyo.sink import SINK
from producers.people import UNSEEN, Person, address_for, place
from sandbox.klaviyo.door import Klaviyo
from sandbox.klaviyo.people import Consent
from sandbox.klaviyo.world import Settings, World
from sandbox.web.answer import Knock
from schemas import headers
from schemas.definitions import blank
from tests.consumers.desk import Desk, Thing, sale, tables
from tillstream.settings import Connection, Secret

START = datetime(2026, 3, 2, 1, tzinfo=UTC)
ADDRESSES = tuple(f"{letter}@customer.example" for letter in "abcd")
NUMBERS = ("+61491570006", "+61491570110", "+61491570156", "")
HISTORIES, STEPS = 60, 22


CHANNELS = ("email", "sms")


def by_columns(*lists: str) -> dict[str, Any]:
    """Consent by a column for each list and channel."""
    said = [
        {"column": f"{one or 'our'} {channel}", "channel": channel, "list": one}
        for one in lists
        for channel in CHANNELS
    ]
    return {"consent": said}


SET_UPS: dict[str, dict[str, dict[str, Any]]] = {
    "one flag": {"au": {"list": "L"}},
    "two channels": {"au": {"list": "L", **by_columns("")}},
    "two brands": {"au": by_columns("W", "B")},
    "two connections": {"w": by_columns("W"), "b": by_columns("B")},
}


class Killed(Exception):
    """The worker ends here."""


@dataclass
class Customer:
    """A person as the till has them."""

    id: str
    email: str
    mobile: str
    changed: datetime
    said: dict[str, str]
    privacy: bool | None

    def now(self, at: datetime, **changes: Any) -> Customer:
        """The person after a change at the till."""
        return replace(self, changed=at, said=dict(self.said), **changes)


@dataclass
class Told:
    """What tillstream was told of a person: addresses, the last one's number, the last word on each voice."""

    newest: str = ""
    emails: list[str] = field(default_factory=list)
    mobile: str = ""
    last: dict[tuple[str, str], tuple[datetime, bool]] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)

    @property
    def email(self) -> str:
        return self.emails[-1]


class Shop:
    """A connection: its customers, its exports, its lanes, what is remembered and what it was told."""

    def __init__(self, street: Street, name: str, settings: dict[str, Any], shared: bool) -> None:
        self.street, self.name = street, name
        connection = Connection()
        connection._name = name
        own = KlaviyoSettings(private_key=Secret.of("pk_sandbox"), **settings)
        account = Account(connection, own, tables(), "v1", lambda: street.now, lambda: shared)
        self.desk = Desk(account, street.answer)
        self.settings = own
        self.people: list[Customer] = []
        self.exports: list[tuple[datetime, list[Customer]]] = []
        self.queue: list[Thing] = []
        self.later: dict[tuple[str, str], datetime] = {}
        self.places: dict[str, Person] = {}
        self.told: dict[str, Told] = {}
        self.sales: list[tuple[str, str, int]] = []

    @property
    def voices(self) -> list[tuple[str, str]]:
        """Channel and brand's list of all that can be said yes or no to."""
        brands = self.settings.of_brands
        return [(key.partition("/")[0], one if one in brands else "") for key, one in self.settings.voices.items()]

    def statements(self, customer: Customer) -> dict[tuple[str, str], bool]:
        """What a row says."""
        if customer.privacy:
            return dict.fromkeys(self.voices, False)
        if not self.settings.consent:
            return {("email", ""): True}
        found = {(one.channel, one.list): customer.said.get(one.column) for one in self.settings.consent}
        return {voice: word == "Yes" for voice, word in found.items() if word}

    def export(self) -> None:
        """A file of everybody."""
        self.exports.append((self.street.now, [replace(one, said=dict(one.said)) for one in self.people]))

    def deliver(self, number: int) -> None:
        """One of the files arrives."""
        if self.exports:
            written, rows = self.exports.pop(number % len(self.exports))
            for line, customer in enumerate(rows, start=2):
                self._publish(customer, written, line)

    def _publish(self, customer: Customer, written: datetime, line: int) -> None:
        record = {**blank("customers"), "person_id": customer.id, "email": customer.email, "mobile": customer.mobile}
        record |= {"privacy": customer.privacy, "connection": self.name, "origin": "apparel21-file"}
        record["extra"] = {name.lower().replace(" ", "_"): word for name, word in customer.said.items()}
        content = body_hash({**record, "changed": customer.changed.isoformat()})
        order = headers.order(customer.changed, written, line)
        where = place(self.places.get(customer.id, UNSEEN), customer.email, order, staff=False)
        self.places[customer.id] = where.person
        record |= {"previous_email": where.previous, "source_time": customer.changed, "last_updated": customer.changed}
        self.queue.append(Thing(f"{self.name}/{where.address}", "customers", record, content, order, customer.id))
        self._note(customer, order)

    def _note(self, customer: Customer, order: str) -> None:
        told = self.told.setdefault(customer.id, Told())
        if order >= told.newest:
            told.newest, told.mobile = order, customer.mobile or told.mobile
            if not told.emails or told.email != customer.email:
                told.emails.append(customer.email)
        for voice, yes in self.statements(customer).items():
            known = told.last.get(voice)
            if known is None or (customer.changed, not yes) > (known[0], not known[1]):
                told.last[voice] = (customer.changed, yes)
            if not yes:
                told.refused.add(voice[0])

    def sell(self, customer: Customer, cents: int) -> None:
        """A sale, or a return, goes where the producers know the buyer."""
        email = address_for(self.places.get(customer.id, UNSEEN), "")
        if not email:
            return
        name, first = f"T{len(self.sales)}", sale("913748").record["lines"][0]
        line = {**first, "line_value": Decimal(cents) / 100, "qty": 1 if cents > 0 else -1}
        kind = "sale" if cents > 0 else "refund"
        about = {"person_id": customer.id, "email": email, "tran_idx": name, "lines": [line], "kind": kind}
        record = {**sale("913748").record, **about, "connection": self.name, "sale_datetime": self.street.now}
        self.queue.append(Thing(f"{self.name}/{email}", "orders", record, name, "", name))
        self.sales.append((customer.id, name, cents))

    def consume(self, *, together: bool) -> None:
        """All that waits, plan by plan; what a killed worker had not settled is done again."""
        turns = 0
        while self.queue:
            turns += 1
            assert turns < 200, "it never ends"
            plan, works = self._next(together=together)
            before = dict(self.desk.memory)
            try:
                outcomes = self._run(plan, works)
            except Killed:
                self.desk.memory = before
                continue
            for thing in [thing for work in works for thing in work]:
                self.queue.remove(thing)
            for key, outcome in outcomes:
                self._settle(key, outcome)
        self.street.killed_after = None
        self._wake()

    def _next(self, *, together: bool) -> tuple[PlanMaker, list[list[Thing]]]:
        first = self.queue[0]
        plan = _plan(first)
        if plan is not profiles or not together:
            return plan, [[first]]
        lanes: dict[str, list[Thing]] = {}
        for thing in self.queue:
            if _plan(thing) is not profiles:
                break
            lanes.setdefault(thing.key, []).append(thing)
        return plan, list(lanes.values())

    def _run(self, plan: PlanMaker, works: Sequence[list[Thing]]) -> list[tuple[str, Outcome]]:
        news = [work for work in works if plan is not profiles or not all(self._known(thing) for thing in work)]
        outcomes = self.desk.send(plan, *news) if news else []
        return [(work[0].key, outcome) for work, outcome in zip(news, outcomes, strict=True)]

    def _known(self, thing: Thing) -> bool:
        """The engine's quick path."""
        memory = self.desk.profile(thing.key)
        entry = seen(memory, thing)
        if entry is None or entry[0] != thing.content:
            return False
        memory["seen"][thing.object] = [thing.content, max(thing.order, entry[1])]
        self.desk.memory[f"{thing.key}#profile"] = orjson.dumps(memory)
        return True

    def _settle(self, key: str, outcome: Outcome) -> None:
        assert not isinstance(outcome, Rejected | RetryLater), outcome
        if isinstance(outcome, Deferred):
            self.later[key, "consent"] = outcome.until or self.street.now
        if isinstance(outcome, Delivered):
            for emit in outcome.emits:
                self.queue.append(Thing(emit.key, emit.topic, orjson.loads(orjson.dumps(emit.value))))
            self.later |= {(key, one.part): self.street.now + one.after for one in outcome.later}

    def _wake(self) -> None:
        for key, part in [name for name, until in self.later.items() if until <= self.street.now]:
            del self.later[key, part]
            [outcome] = self.desk.send(consents if part == "consent" else sums, Thing(key, "customers", {}))
            self._settle(key, outcome)


def _plan(thing: Thing) -> PlanMaker:
    if thing.topic == "orders":
        return orders
    return profiles if "person_id" in thing.record else arrivals


class Street:
    """The shops of one Klaviyo account, and their time."""

    def __init__(self, set_up: str, chance: random.Random) -> None:
        self.now, self.chance = START, chance
        self.killed_after: int | None = None
        self.account = Klaviyo(World(Settings(limits=False)))
        for name in ("L", "W", "B"):
            self.account.world.add_list(name, name, double=False)
        own = KlaviyoSettings(private_key=Secret.of("pk_sandbox"))
        self.dress = {name.lower().encode(): text.encode() for name, text in SINK.headers(own).items()}
        told = SET_UPS[set_up]
        self.shops = [Shop(self, name, settings, len(told) > 1) for name, settings in told.items()]
        self.links: set[str] = set()

    def answer(self, request: Request) -> Response:
        """Klaviyo's answer, unless the worker is killed before or after the call."""
        killed = self.killed_after == 0
        self.killed_after = None if killed or self.killed_after is None else self.killed_after - 1
        if killed and self.chance.random() < 1 / 2:
            raise Killed
        self.account.world.skew = self.now.timestamp() - time.time()
        body = b"" if request.body is None else orjson.dumps(request.body)
        query = urlencode(request.query).encode()
        said = self.account.answer(Knock(request.method, request.path, query, self.dress, body))
        if killed:
            raise Killed
        return Response(said.status, said.body, {name.decode(): text.decode() for name, text in said.headers})

    def live(self) -> None:
        """One event of a history; nine minutes go by."""
        self.now += timedelta(minutes=9)
        shop = self.chance.choice(self.shops)
        place_ = self.chance.randrange(len(shop.people))
        customer = shop.people[place_]
        match self.chance.choice(("say", "say", "move", "number", "export", "export", "sell", "link", "wait", *WORK)):
            case "say":
                word, columns = self.chance.choice(("Yes", "Yes", "No")), [one.column for one in shop.settings.consent]
                customer = customer.now(self.now, **({} if columns else {"privacy": word == "No"}))
                customer.said |= {self.chance.choice(columns): word} if columns else {}
                shop.people[place_] = customer
            case "move":
                shop.people[place_] = customer.now(self.now, email=self.chance.choice(ADDRESSES))
            case "number":
                shop.people[place_] = customer.now(self.now, mobile=self.chance.choice(NUMBERS))
            case "export":
                shop.export()
            case "sell":
                shop.sell(customer, self.chance.choice((1000, 2500, -500)))
            case "link":
                self.unsubscribe(self.chance.choice(ADDRESSES))
            case "wait":
                self.now += timedelta(minutes=self.chance.choice((31, 3000)))
            case "deliver":
                shop.deliver(self.chance.randrange(4))
            case _:
                self.killed_after = self.chance.choice((None, 0, 1, 2, 3, 4))
                shop.consume(together=self.chance.random() < 1 / 2)

    def unsubscribe(self, email: str) -> None:
        """Somebody follows the link in a mail."""
        profile = self.account.world.people.find("email", email)
        if profile is not None:
            at = self.now.timestamp()
            profile.consents["email"] = Consent("UNSUBSCRIBED", at, at, "PREFERENCE_PAGE")
            profile.suppressions["UNSUBSCRIBE"] = at
            self.links.add(email)

    def nightly(self) -> None:
        """Everything that is under way arrives, and then a full export."""
        self.now += timedelta(hours=1)
        for shop in self.shops:
            shop.export()
            while shop.exports:
                shop.deliver(0)
            shop.consume(together=True)

    # -- the law ---------------------------------------------------------------------------------------------------

    def mailed(self, email: str, voice: tuple[str, str]) -> bool:
        """Does this address get the mail (or its number the texts) of this voice?"""
        profile = self.account.world.people.find("email", email)
        if profile is None or profile.consent(voice[0]).state != "SUBSCRIBED":
            return False
        return not (voice[0] == "email" and profile.suppressions) and (not voice[1] or voice[1] in profile.lists)

    def wrongs(self) -> Iterator[str]:
        """Who is subscribed and must not be."""
        for shop in self.shops:
            for email in ADDRESSES:
                for voice in shop.voices:
                    here = [told for told in shop.told.values() if told.email == email]
                    left = any(email in told.emails for told in shop.told.values()) and not here
                    number = self._number(email)
                    if not self.mailed(email, voice):
                        continue
                    if any(
                        not told.last.get(voice, ("", True))[1] and self._theirs(told, voice, number) for told in here
                    ):
                        yield f"{shop.name} {email} {voice}: a till said no"
                    if left and voice[0] == "email":
                        yield f"{shop.name} {email} {voice}: nobody is there any more"

    def _number(self, email: str) -> str:
        profile = self.account.world.people.find("email", email)
        return str(profile.attributes.get("phone_number", "")) if profile else ""

    def _theirs(self, told: Told, voice: tuple[str, str], number: str) -> bool:
        """A text goes to a number: is it this person's, and nobody else's?"""
        holders = [one for shop in self.shops for one in shop.told.values() if one.mobile == number]
        return voice[0] == "email" or (told.mobile == number and len(holders) == 1)

    def lacks(self) -> Iterator[str]:
        """Who must be subscribed and is not: everybody at the address says yes, and nobody ever refused anything."""
        clean = set(ADDRESSES) - self._touched()
        for shop in self.shops:
            for email in clean:
                here = [told for told in shop.told.values() if told.email == email]
                for voice in shop.voices:
                    words = [told.last[voice][1] for told in here if voice in told.last]
                    if voice[0] == "email" and words and all(words) and not self.mailed(email, voice):
                        yield f"{shop.name} {email} {voice}: everybody says yes"

    def _touched(self) -> set[str]:
        """Addresses that a refusal may have reached, by whoever moved there, and those that somebody has left."""
        people = [told for shop in self.shops for told in shop.told.values()]
        found = set(self.links).union(*(told.emails for told in people if told.refused))
        for _ in people:
            found = found.union(*(told.emails for told in people if found & set(told.emails)))
        return found.union(*(told.emails[:-1] for told in people))

    def miscounts(self) -> Iterator[str]:
        """Each transaction is one event; what an address's persons bought is what its profile says, 0 where nobody is
        left. Two connections of one account write the same field: the later one counts."""
        sent = [event.unique for event in self.account.world.events.values()]
        for shop in self.shops:
            wrong = [name for _, name, _ in shop.sales if sent.count(f"ap21-{shop.name}-{name}") != 1]
            yield from (f"{name} is not one event" for name in wrong)
            for email in ADDRESSES if len(self.shops) == 1 else ():
                bought = sum(cents for person, _, cents in shop.sales if shop.told[person].email == email)
                profile = self.account.world.people.find("email", email)
                said = profile.properties.get("Total In-Store Order Value", 0) if profile else 0
                if round(said * 100) != bought:
                    yield f"{email} bought for {bought} cents, and has {said}"


WORK = ("deliver", "deliver", "deliver", "consume", "consume", "consume")


def opened(set_up: str, chance: random.Random) -> Street:
    """One to three customers a shop, most of them at one address."""
    street = Street(set_up, chance)
    for shop in street.shops:
        columns = [one.column for one in shop.settings.consent]
        for number in range(chance.randint(1, 3)):
            said = {name: chance.choice(("Yes", "No")) for name in columns if chance.random() < 1 / 2}
            privacy = None if columns else chance.random() < 1 / 2
            email = chance.choice((ADDRESSES[0], ADDRESSES[0], ADDRESSES[1]))
            who = Customer(f"{shop.name}{number}", email, chance.choice(NUMBERS), START, said, privacy)
            shop.people.append(who)
    return street


@pytest.mark.parametrize("set_up", SET_UPS)
def test_whatever_happens_the_end_is_what_was_told(set_up: str) -> None:
    for seed in range(HISTORIES):
        street = opened(set_up, random.Random(seed))
        for _ in range(STEPS):
            street.live()
            if not any(shop.queue for shop in street.shops):
                assert list(street.wrongs()) == [], f"seed {seed}"
        for _ in range(4):
            street.nightly()
        assert [*street.wrongs(), *street.lacks(), *street.miscounts()] == [], f"seed {seed}"
