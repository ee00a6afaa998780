"""The round trip of consent on the real road: four set-ups, and in each a person for every order of what may happen.

Every person lives through one order of four events: a yes and a no at a till, the unsubscribe link at Klaviyo, a no or
a yes on the website. After each event everything is carried to its end: website -> Apparel21 -> file -> Klaviyo.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from confluent_kafka import Producer

from sandbox.apparel21.server import Apparel21Server
from sandbox.kafka.broker import Broker
from sandbox.klaviyo.server import KlaviyoServer
from schemas import headers
from schemas.codec import codec
from schemas.topics import Names
from tests.bars.shop_floor import WRITES, Floor, folder_source, table, well
from tests.consumers.apparel21.counter import event

Json = Any
MELBOURNE = ZoneInfo("Australia/Melbourne")
ORDERS = [*permutations(("yes", "no", "link", "web no")), *permutations(("yes", "no", "link", "web yes"))]
REFUSALS = ("no", "link", "web no")
FLAG = '[{ channel = "email", privacy = true }]'
CARDS = (
    '[{ channel = "email", card = "Consent", field = "EMAIL_OPT_IN" },'
    ' { channel = "sms", card = "Consent", field = "SMS_OPT_IN" }]'
)
BRANDS = ", ".join(
    f'{{ column = "{brand}_{channel.upper()}", channel = "{channel}", list = "{brand}", '
    'yes = ["true"], no = ["false"] }'
    for brand in ("WATTLE", "BANKSIA")
    for channel in ("email", "sms")
)


class SetUp(NamedTuple):
    """A connection: its Klaviyo consent and account, where Apparel21 keeps consent, and what the events are about."""

    klaviyo: str
    account: str
    places: str
    field: str = ""
    list: str = ""
    begins: bool = True
    """Does everybody's first row say yes?"""


def _own(name: str) -> str:
    return f'consent = [{{ column = "PRIVACY", yes = ["No"], no = ["Yes"], channel = "email", list = "{name}" }}]'


SET_UPS = {
    "one": SetUp("", "one", FLAG),
    "two": SetUp("", "two", CARDS, "EMAIL_OPT_IN"),
    "three": SetUp(
        f"consent = [{BRANDS}]", "three", '[{ channel = "email", card = "Consent", field = "WATTLE_EMAIL" }]',
        "WATTLE_EMAIL", "WATTLE", begins=False,
    ),
    "wattle": SetUp(_own("WATTLE"), "four", FLAG, "", "WATTLE"),
    "banksia": SetUp(_own("BANKSIA"), "four", FLAG, "", "BANKSIA"),
}  # fmt: skip
LIVED = [name for name in SET_UPS if name != "banksia"]
"""Where the events happen; the other brand of set-up 4 stays at its yes, at the same addresses and account."""


def mail(person: int) -> str:
    return f"p{person}@customer.example"


@dataclass
class Round:
    """What was written while one event of everybody was carried round, and how everybody stood after it."""

    writes: list[str]
    subscribed: dict[str, set[str]]
    called: dict[str, set[str]] = field(default_factory=dict)


class World:
    """One installation with five connections, an Apparel21 for each, and four Klaviyo accounts."""

    def __init__(self, folder: Any, kafka: Broker, stack: ExitStack) -> None:
        self.klaviyos = {one.account: stack.enter_context(KlaviyoServer(limits=False)) for one in SET_UPS.values()}
        self.registries = {name: stack.enter_context(Apparel21Server()) for name in SET_UPS}
        for server in self.klaviyos.values():
            for roll in ("WATTLE", "BANKSIA"):
                server.add_list(roll)
        prefix = f"m{uuid.uuid4().hex[:10]}."
        self.topic = Names(prefix).topic("customers")
        self.floor = Floor(folder, kafka, prefix, {name: self._lines(folder, name) for name in SET_UPS})
        self.producer = Producer({"bootstrap.servers": kafka.bootstrap, "partitioner": "murmur2_random"})
        self.files = 0
        for name, registry in self.registries.items():
            labels = {"EMAIL_OPT_IN", "SMS_OPT_IN", "WATTLE_EMAIL", "BANKSIA_EMAIL"}
            registry.add_card("Consent", **{label: {"type": "Checkbox"} for label in labels})
            held = {"BANKSIA_EMAIL": "true"} if name == "three" else {}
            for person in range(len(ORDERS)):
                registry.seed(mail(person), id=9000 + person, cards={"Consent": held} if held else {})

    def _lines(self, folder: Any, name: str) -> str:
        one = SET_UPS[name]
        return (
            f'{folder_source(folder)}[connection.{name}.klaviyo]\nurl = "{self.klaviyos[one.account].url}"\n'
            f'private_key = "pk_right"\nsubscribe_gap = "0s"\n{one.klaviyo}\n'
            f'[connection.{name}.apparel21]\nurl = "{self.registries[name].api}"\nusername = "tillstream"\n'
            f'password = "sandbox"\ngap = "2ms"\nconsent = {one.places}\n'
        )

    def happen(self, name: str, person: int, what: str) -> None:
        """One event of one person."""
        one, registry = SET_UPS[name], self.registries[name]
        match what:
            case "yes" | "no":
                yes = what == "yes"
                if one.field:
                    registry.till(9000 + person, cards={"Consent": {one.field: str(yes).lower()}})
                else:
                    registry.till(9000 + person, texts={"Privacy": str(not yes).lower()})
            case "link":
                gone = {"state": "UNSUBSCRIBED", "at": datetime.now(UTC).isoformat()}
                self.klaviyos[one.account].seed(attributes={"email": mail(person)}, consents={"email": gone})
            case _:
                self._website(name, person, yes=what == "web yes")

    def _website(self, name: str, person: int, *, yes: bool) -> None:
        """What a webhook of the shop becomes, three times."""
        told = {"email": mail(person), "firstname": "Kim", "surname": "Lee", "shopify_id": f"{person}"}
        thing = event("customers", **told, origin="shopify", source_time=datetime.now(UTC), email_opt_in=yes)
        encoded = codec(None).encode("customers", {**thing.record, "connection": name})
        marks = {headers.CONTENT: encoded.content, headers.ORDER: thing.order, headers.OBJECT: thing.object}
        raw: list[tuple[str, str | bytes | None]] = [(mark, value.encode()) for mark, value in marks.items()]
        for _ in range(3):
            self.producer.produce(self.topic, encoded.payload, f"{name}/{mail(person)}".encode(), headers=raw)

    def carry(self) -> Round:
        """Everything to its end; the export is taken after the website's word is in Apparel21."""
        before = {name: len(server.requests()) for name, server in self.klaviyos.items()}
        marks = {name: len(server.requests()) for name, server in self.registries.items()}
        assert self.producer.flush(30) == 0
        well(self.floor.till("consume", "apparel21", "--once", "--port", "0"))
        self.files += 1
        stamp = f"{datetime.now(UTC) + timedelta(seconds=self.files):%Y%m%dT%H%M%SZ}"
        for name in SET_UPS:
            self.floor.drop(f"customers_{stamp}.csv", self._export(name), connection=name)
        self.floor.carry()
        writes = [*self._since(self.klaviyos, before), *self._since(self.registries, marks)]
        called = {name: self._called(name, before[SET_UPS[name].account]) for name in LIVED}
        return Round(writes, {name: self._subscribed(name) for name in LIVED}, called)

    def _since(self, servers: Mapping[str, Any], marks: Mapping[str, int]) -> Iterator[str]:
        for name, server in servers.items():
            for line in server.requests()[marks[name] :]:
                if line["method"] in WRITES:
                    yield f"{line['method']} {line['path']}"

    def _export(self, name: str) -> str:
        columns = ("PERIDX", "EMAIL", "FIRSTNAME", "PRIVACY", "LAST_UPDATED")
        labels = (
            ("EMAIL_OPT_IN", "SMS_OPT_IN")
            if name == "two"
            else ("WATTLE_EMAIL", "BANKSIA_EMAIL", "WATTLE_SMS", "BANKSIA_SMS")
        )
        return table((*columns, *labels), [_row(person, labels) for person in self.registries[name].persons()])

    def _subscribed(self, name: str) -> set[str]:
        """Whoever Klaviyo would mail for this connection's brand."""
        one = SET_UPS[name]
        return {
            profile["attributes"]["email"]
            for profile in self.klaviyos[one.account].profiles()
            if profile["consents"].get("email", {}).get("state") == "SUBSCRIBED"
            and not profile["suppressions"]
            and (not one.list or one.list in profile["lists"])
        }

    def _called(self, name: str, since: int) -> set[str]:
        """Whoever a subscribe call was made for, for this connection's brand."""
        one = SET_UPS[name]
        found: set[str] = set()
        for line in self.klaviyos[one.account].requests()[since:]:
            if "subscription-bulk-create" in line["path"]:
                data = json.loads(line["body"])["data"]
                roll = data.get("relationships", {}).get("list", {}).get("data", {}).get("id", "")
                people = data["attributes"]["profiles"]["data"] if roll == one.list else []
                found |= {who["attributes"]["email"] for who in people}
        return found


def _row(person: Json, labels: tuple[str, ...]) -> dict[str, object]:
    private = person["texts"].get("Privacy", "").lower() == "true"
    changed = datetime.fromtimestamp(person["updated"], MELBOURNE)
    held = person["cards"].get("Consent", {})
    return {
        "PERIDX": person["id"],
        "EMAIL": person["texts"]["Contacts/Email"],
        "FIRSTNAME": "Kim",
        "PRIVACY": "Yes" if private else "No",
        "LAST_UPDATED": f"{changed:%Y-%m-%dT%H:%M:%S}",
        **{label: held[label] for label in labels if label in held},
    }


@pytest.fixture(scope="module")
def rounds(kafka: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Round]]:
    """The first load, a round for each event, and one in which nothing happens."""
    with ExitStack() as stack:
        world = World(tmp_path_factory.mktemp("world"), kafka, stack)
        made = [world.carry()]
        for turn in range(4):
            for person, order in enumerate(ORDERS):
                for name in LIVED:
                    world.happen(name, person, order[turn])
            time.sleep(1.1)
            made.append(world.carry())
        made.append(world.carry())
        assert world.floor.audit()["balanced"]
        yield made


def refused(name: str, told: tuple[str, ...]) -> bool:
    """Was the latest word a no?"""
    last = next((what for what in reversed(told)), "yes" if SET_UPS[name].begins else "")
    return last in REFUSALS


@pytest.mark.parametrize("name", LIVED)
def test_nobody_is_subscribed_whose_latest_word_was_no(rounds: list[Round], name: str) -> None:
    wrong = [
        (order[:turn], "called" if mail(person) in rounds[turn].called[name] else "subscribed")
        for person, order in enumerate(ORDERS)
        for turn in range(1, 5)
        if refused(name, order[:turn]) and mail(person) in rounds[turn].called[name] | rounds[turn].subscribed[name]
    ]
    assert wrong == []


@pytest.mark.parametrize("name", LIVED)
def test_a_yes_after_a_no_at_the_till_goes_through(rounds: list[Round], name: str) -> None:
    back = {mail(person) for person, order in enumerate(ORDERS) if order[:2] == ("no", "yes")}
    assert back
    assert back <= rounds[2].called[name]


@pytest.mark.parametrize("name", LIVED)
def test_an_opt_out_at_klaviyo_is_not_undone_by_an_export_that_repeats_its_yes(rounds: list[Round], name: str) -> None:
    order = ("yes", "link")
    stayed = {mail(person) for person, one in enumerate(ORDERS) if one[:2] == order}
    assert stayed
    assert not stayed & (rounds[2].called[name] | rounds[2].subscribed[name])


def test_the_first_load_subscribes_everybody_who_says_yes(rounds: list[Round]) -> None:
    everybody = {mail(person) for person in range(len(ORDERS))}
    assert {name: rounds[0].called[name] for name in LIVED} == {
        name: everybody if SET_UPS[name].begins else set() for name in LIVED
    }


def test_the_traffic_comes_to_rest(rounds: list[Round]) -> None:
    assert rounds[5].writes == []
