"""Polls on real Kafka: what changed at the tills becomes events, each once, whatever happens meanwhile."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from confluent_kafka import ConsumerGroupState, KafkaException

from consumers.polls import Look
from operations import polls
from operations.watching import Watch
from producers.erasure import Erasure, polls_prefix
from producers.ledger import Entry
from producers.looks import Round
from producers.office import Office
from producers.polls import Rounds, Tools
from producers.scribe import Event, Provenance, Scribe, moment
from sandbox.apparel21.server import Apparel21Server
from sandbox.kafka.broker import Broker
from sandbox.shopify.server import ShopifyServer
from sandbox.yotpo.server import YotpoServer
from schemas.codec import codec
from schemas.definitions import blank
from schemas.topics import Names
from tests import accounts
from tests.ground import Ground
from tests.role import Role
from tests.waiting import Leap, until
from tillstream.kafka import layout
from tillstream.kafka.client import admin
from tillstream.kafka.publisher import Message, Publisher
from tillstream.kafka.topics import ensure

PRIYA = "priya.oconnor@customer.example"
CODEC = codec(None)


class Looks(Ground):
    """A ground whose platforms are looked at."""

    def once(self, *names: str, role: str = "ingest.polls") -> int:
        """Every poll of these platforms now, in this process; the exit code."""
        return polls.work(self.settings, names or ("apparel21",), Watch(), role=role, once=True)

    def page(self, poll: str) -> Entry:
        """The newest page of a poll's books."""
        return max((page for page in self.pages() if page.folder == poll), key=lambda page: page.started)


Open = Callable[..., Looks]


@pytest.fixture
def till(kafka: Broker, prefix: str, tmp_path: Path, apparel21: Apparel21Server) -> Open:
    """A connection with an account at Apparel21, and others."""
    return lambda settings="", others="": Looks(
        kafka.bootstrap, prefix, tmp_path, accounts.apparel21(apparel21, settings) + others
    )


def command(road: Ground, *words: str) -> str:
    """What a command prints; it must end well."""
    done = road.command(*words)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_sign_up_becomes_an_event_once(till: Open, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7, texts={"Contacts/Phones/Home": "0491 570 006", "DateOfBirth": "1990-02-14"})
    road = till()
    assert road.once() == 0
    ((key, priya),) = road.events("customers")
    assert (key, priya["origin"], priya["person_id"]) == (f"au/{PRIYA}", "apparel21-poll", "7")
    assert (priya["mobile"], str(priya["dob"]), priya["privacy"]) == ("+61491570006", "1990-02-14", False)
    assert road.once() == 0
    assert len(road.events("customers")) == 1
    page = road.page("apparel21-poll")
    assert (page.rows, page.accepted, page.records, page.gap) == (1, 1, 1, 0)


def test_what_a_till_changes_is_told_and_what_we_wrote_ourselves_is_not(till: Open, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7)
    road = till()
    road.once()
    apparel21.till(7, texts={"Firstname": "Pri"})
    road.once()
    apparel21.till(7, cards={"Loyalty": {"Tier": "Gold"}})  # as our sink does: a new time stamp, and nothing else
    road.once()
    assert [record["firstname"] for _, record in road.events("customers")] == ["Priya", "Pri"]
    page = road.page("apparel21-poll")
    assert (page.rows, page.records, page.none) == (3, 2, {"unchanged": 1})


def test_a_changed_address_is_told_under_the_old_one_first(till: Open, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7)
    road = till()
    road.once()
    apparel21.till(7, texts={"Contacts/Email": "priya@new.customer.example"})
    road.once()
    apparel21.till(7, texts={"Firstname": "Pri"})
    road.once()
    told = [(key, record["email"], record["previous_email"]) for key, record in road.events("customers")]
    assert sorted(told, key=lambda one: str(one[2])) == [
        (f"au/{PRIYA}", PRIYA, None),
        (f"au/{PRIYA}", "priya@new.customer.example", PRIYA),
        ("au/priya@new.customer.example", "priya@new.customer.example", PRIYA),
    ]


@pytest.mark.parametrize("pages", [True, False])
def test_a_crowd_is_read_in_pages_or_in_one(till: Open, apparel21: Apparel21Server, pages: bool) -> None:
    apparel21.settings(pages_persons=pages)
    for number in range(1, 251):
        apparel21.seed(f"kim{number}@customer.example", id=number)
    road = till()
    assert road.once() == 0
    assert sorted(int(record["person_id"]) for _, record in road.events("customers")) == list(range(1, 251))
    assert road.page("apparel21-poll").rows == 250
    assert apparel21.counts()["endpoints"]["GET /Persons"]["200"] == (3 if pages else 1)


def test_who_the_web_store_cannot_see_comes_once_marked(till: Open, apparel21: Apparel21Server) -> None:
    apparel21.seed("other@customer.example", id=6, brand="other")
    apparel21.seed(PRIYA, id=7, web=False)
    road = till()
    road.once()
    assert road.events("customers") == []
    apparel21.mark(7, web=True)
    apparel21.till(7, texts={})
    road.once()
    assert [record["person_id"] for _, record in road.events("customers")] == ["7"]


@pytest.mark.parametrize(
    "fault", [{"status": 503}, {"status": 429, "headers": {"Retry-After": "1"}}, {"kind": "reset"}, {"kind": "cut"}]
)
def test_a_look_that_fails_is_made_again(till: Open, apparel21: Apparel21Server, fault: dict[str, object]) -> None:
    apparel21.seed(PRIYA, id=7)
    apparel21.fault(endpoint="GET /Persons", times=2, **fault)
    road = till()
    assert road.once() == 0
    assert len(road.events("customers")) == 1


def test_a_platform_that_is_down_keeps_the_position_and_is_told(till: Open, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7)
    apparel21.fault(endpoint="GET /Persons", status=503)
    road = till()
    assert road.once() == 1
    (told,) = orjson.loads(command(road, "status", "--json"))["polls"]
    assert (told["poll"], told["looked"], told["why"]) == ("apparel21-poll", None, "the platform does not answer")
    apparel21.no_faults()
    assert road.once() == 0
    (told,) = orjson.loads(command(road, "status", "--json"))["polls"]
    assert (told["read"], told["records"], told["why"]) == (1, 1, "")


def test_a_wrong_password_is_said_loudly_and_once_mended_the_poll_goes_on(
    till: Open, apparel21: Apparel21Server, tmp_path: Path
) -> None:
    apparel21.seed(PRIYA, id=7)
    secret = tmp_path / "password"
    secret.write_text("wrong")
    road = till(f'password_file = "{secret}"\npoll = "1s"')
    with road.start("produce", "apparel21") as poller:
        until(lambda: poller.said("does not know this user name and password"), what="the poll says that it stands")
        stopped = 'tillstream_stopped{connection="au",group="apparel21-poll",reason="credentials"} 1.0'
        assert stopped in poller.page("metrics").text
        assert poller.page("readyz").status_code == 200
        secret.write_text("sandbox")
        until(lambda: road.events("customers"), what="the sign-up")
        assert not poller.said("Basic ")
        assert poller.stop() == 0


def test_killed_anywhere_every_person_is_told_once(till: Open, apparel21: Apparel21Server) -> None:
    for number in range(1, 401):
        apparel21.seed(f"kim{number}@customer.example", id=number)
    apparel21.settings(latency=0.05)
    road = till('poll = "1s"')
    for seconds in (0.05, 0.3, 0.6):
        with road.start("produce", "apparel21") as poller:
            until(lambda poller=poller: poller.said("poll taken"), what="it is at it")
            time.sleep(seconds)
            poller.kill()
    assert road.once() == 0
    told = sorted(int(record["person_id"]) for _, record in road.events("customers"))
    assert told == list(range(1, 401))
    page = road.page("apparel21-poll")
    assert (page.rows, page.records, page.gap) == (400, 400, 0)


def looks(apparel21: Apparel21Server) -> int:
    """How often changed persons were asked for."""
    return sum(apparel21.counts()["endpoints"].get("GET /Persons", {}).values())


def polls_now(role: Role) -> bool:
    """Is a poll this process' own, by its own words?"""
    words = [line for line in role.lines if "poll taken" in line or "poll given up" in line]
    return bool(words) and "poll taken" in words[-1]


def shared(road: Looks, one: Role, two: Role) -> tuple[Role, Role]:
    """Who polls and who waits, once both are in the group and nothing changes hands any more."""
    client, group = admin(road.kafka), road.names.group("ingest.polls")

    def at_rest() -> bool:
        try:
            found = client.describe_consumer_groups([group], request_timeout=5)[group].result()
        except KafkaException:  # there is no such group yet, or nobody who knows of it
            return False
        return (len(found.members), found.state) == (2, ConsumerGroupState.STABLE)

    until(at_rest, what="both are in the group")
    until(lambda: polls_now(one) != polls_now(two), what="one polls")
    return (one, two) if polls_now(one) else (two, one)


def test_of_two_processes_one_polls_and_the_other_takes_over(till: Open, apparel21: Apparel21Server) -> None:
    road = till('poll = "1s"')
    with road.start("produce", "apparel21", state="one") as one, road.start("produce", "apparel21", state="two") as two:
        holder, heir = shared(road, one, two)
        until(lambda: heir.said("another producer works there"), what=lambda: heir.told)
        holder.kill()
        apparel21.seed(PRIYA, id=7)
        until(lambda: road.events("customers"), what="the other polls")
        until(lambda: heir.said("poll taken"), what=lambda: heir.told)
    assert len(road.events("customers")) == 1


def test_a_stop_ends_a_look_that_nobody_answers(till: Open, apparel21: Apparel21Server) -> None:
    apparel21.fault(endpoint="GET /Persons", kind="hang")
    with till().start("produce", "apparel21") as poller:
        until(lambda: apparel21.counts()["endpoints"].get("GET /Persons"), what="the look has begun")
        assert poller.stop() == 0


def test_the_books_of_a_poll_balance_in_every_group(till: Open, apparel21: Apparel21Server, yotpo: YotpoServer) -> None:
    for number in range(1, 31):
        apparel21.seed(f"kim{number}@customer.example" if number % 3 else "", id=number)
    road = till(others=accounts.yotpo(yotpo))
    road.once()
    with road.start("consume", "yotpo", "--once") as worker:
        assert worker.end() == 0, worker.lines
    audit = orjson.loads(command(road, "audit", "--json"))
    assert audit["balanced"], audit
    (page,) = audit["files"]
    assert (page["folder"], page["rows"], page["accepted"], page["records"]) == ("apparel21-poll", 30, 30, 30)
    told = audit["groups"]["yotpo"]["au"]["customers"]
    assert (told["delivered"], told["skipped"], told["waiting"]) == (20, {"no_email": 10}, 0)


def test_polls_of_nobody_are_a_wrong_usage(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    assert Ground(kafka.bootstrap, prefix, tmp_path, "[connection.au]").command("produce", "apparel21").exit_code == 2
    assert polls.find().keys() >= {"apparel21", "clearer", "yotpo"}


def test_a_sign_up_at_a_till_is_in_the_shop_and_at_yotpo_within_ninety_seconds(
    till: Open, apparel21: Apparel21Server, yotpo: YotpoServer
) -> None:
    """With the poll as it is by default, at the worst moment: right after a look. Yotpo has them by the shop's id."""
    with ShopifyServer() as shop:
        road = till(others=accounts.yotpo(yotpo) + accounts.shopify(shop))
        with road.start("produce", "apparel21"), road.start("consume", "shopify"), road.start("consume", "yotpo"):
            until(lambda: apparel21.counts()["endpoints"].get("GET /Persons"), what="a look was made")
            time.sleep(1)
            apparel21.seed(PRIYA, id=7)
            begun = time.monotonic()
            until(lambda: shop.customers(PRIYA), what="the sign-up is in the shop")
            in_shop = time.monotonic() - begun
            until(lambda: yotpo.customers(PRIYA), what="the sign-up is at Yotpo")
            seconds = time.monotonic() - begun
        print(f"a sign-up was in the shop after {in_shop:.0f} s, at Yotpo after {seconds:.0f} s")
        assert seconds < 90
        assert yotpo.customer(PRIYA)["third_party_id"] == str(shop.customer(PRIYA)["id"])


def gold(road: Ground, minute: int, **tier: object) -> None:
    """A tier event of this minute, as a webhook brings it."""
    now = datetime(2026, 6, 14, 2, minute, tzinfo=UTC)
    told = {"kind": "earned", "origin": "yotpo", "email": PRIYA, "connection": "au", "source_time": now, **tier}
    written = Scribe(CODEC, road.names, Provenance("au", "yotpo")).write(
        "tiers", PRIYA, "44121", {**blank("tiers"), **told}, moment(now)
    )
    assert isinstance(written, Event)
    publisher = Publisher(road.kafka, f"{road.names.prefix}test")
    publisher.commit([written.message])


def test_two_tier_changes_and_a_till_edit_at_once_leave_the_newer_tier_and_the_edit(
    till: Open, apparel21: Apparel21Server
) -> None:
    """With the poll and the worker at work: the person's own changes come back and change nothing."""
    apparel21.seed(PRIYA, id=7)
    road = till('poll = "1s"')
    with road.start("produce", "apparel21") as poller, road.start("consume", "apparel21"):
        until(lambda: poller.said("looked"), what="the person was polled")
        apparel21.till(7, reads=2, texts={"Addresses/Billing/City": "Ballarat"})
        gold(road, 5, kind="lost", tier_name="Silver")
        gold(road, 9, tier_name="Gold", tier_expiry=date(2028, 12, 31))
        until(lambda: apparel21.person(7)["cards"].get("Loyalty", {}).get("Tier") == ["Gold"], what="the newer tier")
        until(lambda: len(road.events("customers")) == 2, what="the till's edit")
        before = looks(apparel21)
        until(lambda: looks(apparel21) >= before + 3, what="what came of it is seen, and nothing comes of that")
    person = apparel21.person(7)
    assert person["texts"]["Addresses/Billing/City"] == "Ballarat"
    assert person["cards"]["Loyalty"] == {"Tier": ["Gold"], "Tier expiry": "2028-12-31"}
    assert [record["city"] for _, record in road.events("customers")] == ["Melbourne", "Ballarat"]


def test_one_process_polls_and_carries_on_what_it_finds(
    till: Open, apparel21: Apparel21Server, yotpo: YotpoServer
) -> None:
    road = till('poll = "1s"', others=accounts.yotpo(yotpo))
    with road.start("run") as process:
        until(lambda: apparel21.counts()["endpoints"].get("GET /Persons"), what="a look was made")
        apparel21.seed(PRIYA, id=7)
        until(lambda: yotpo.customers(PRIYA), what="the sign-up is at Yotpo")
        assert process.said("produce apparel21")
        assert process.said("comparisons")
        assert process.stop() == 0


def test_two_connections_are_polled_apart(
    kafka: Broker, prefix: str, tmp_path: Path, apparel21: Apparel21Server
) -> None:
    """The same server, the same persons: each brand's events stand under its own name, with its own clock."""
    apparel21.seed(PRIYA, id=7)
    other = '[connection.nz]\ntimezone = "Pacific/Auckland"\n' + accounts.apparel21(apparel21, connection="nz")
    one = accounts.apparel21(apparel21, 'timezone = "Australia/Melbourne"')
    road = Looks(kafka.bootstrap, prefix, tmp_path, one + other)
    assert road.once() == 0
    told = {key: record["zone"] for key, record in road.events("customers")}
    assert told == {f"au/{PRIYA}": "Australia/Melbourne", f"nz/{PRIYA}": "Pacific/Auckland"}
    assert road.once() == 0
    assert len(road.events("customers")) == 2


@pytest.mark.parametrize("name", ["7", PRIYA, "priya@new.customer.example"])
def test_whom_only_polls_saw_is_found_by_id_and_by_any_address(
    till: Open, apparel21: Apparel21Server, name: str
) -> None:
    apparel21.seed(PRIYA, id=7)
    apparel21.seed("robin@customer.example", id=8)
    road = till()
    road.once()
    apparel21.till(7, texts={"Contacts/Email": "priya@new.customer.example"})
    road.once()
    [found] = orjson.loads(command(road, "erase", name, "--dry-run", "--json"))["customers"]
    assert found["persons"] == ["7"]
    assert found["keys"] == ["au/person:7", f"au/{PRIYA}", "au/priya@new.customer.example"]


def test_who_is_erased_is_forgotten_by_the_poll_until_they_change(till: Open, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7)
    road = till()
    road.once()
    assert "polls: ordered" in command(road, "erase", PRIYA, "--yes")
    road.once()
    kept = road.newest(road.names.ingest)
    assert [key for (_, key), value in kept.items() if PRIYA.encode() in key + (value or b"")] == []
    orders = road.newest(road.names.replays)
    assert [value for (_, key), value in orders.items() if key.startswith(b"erase-polled/")] == [None]
    assert len(road.events("customers")) == 1
    apparel21.till(7, texts={"Firstname": "Pri"})
    road.once()
    assert len(road.events("customers")) == 2


def test_who_is_erased_is_forgotten_by_the_poll_also_where_a_comparison_looks_first(
    till: Open, apparel21: Apparel21Server, yotpo: YotpoServer
) -> None:
    apparel21.seed(PRIYA, id=7)
    road = till(others=accounts.yotpo(yotpo))
    road.once()
    command(road, "erase", PRIYA, "--yes")
    road.once("yotpo", role=polls.COMPARING)
    road.once()
    assert not any(PRIYA.encode() in key + (value or b"") for (_, key), value in road.newest(road.names.ingest).items())


class Late(Office):
    """Its places are given to it at its second turn only."""

    turns = 0

    def turn(self, seconds: float, connections: Collection[str]) -> None:
        """The first one brings nothing."""
        self.turns += 1
        if self.turns > 1:
            super().turn(seconds, connections)


def test_who_is_erased_is_forgotten_by_whoever_takes_the_place_before_they_look(till: Open) -> None:
    road, names = till(), Names(till().names.prefix)
    found = ensure(road.kafka, layout.shared(road.settings))
    office = Late(road.kafka, names, found, road.config.parent / "own", f"{names.prefix}own", polls.ASKING)
    order = Erasure("au", (), (PRIYA,))
    key = polls_prefix("au", "apparel21-poll") + b"1"
    message = Message(names.replays, key, order.dump(), (), office.place("au").number)
    Publisher(road.kafka, f"{names.prefix}operator").commit([message])
    one = Round(road.settings.connections["au"], "apparel21-poll", "customers", None, lambda _, __: Silent())
    with contextlib.closing(Rounds(office, [one], Tools(CODEC, names, 1_000_000, Leap()), at_once=True)) as rounds:

        def at_rest() -> bool:
            rounds.turn(0.1)
            return not rounds.elsewhere and rounds.over

        until(at_rest)
    assert road.newest(names.replays)[office.place("au").number, key] is None


def test_who_hung_while_another_took_over_publishes_nothing_more(till: Open, apparel21: Apparel21Server) -> None:
    """The look was answered, and its events ready, when the process froze: the heir's position counts."""
    road = till('poll = "1s"')
    with road.start("produce", "apparel21", state="one") as one, road.start("produce", "apparel21", state="two") as two:
        holder, _ = shared(road, one, two)
        apparel21.settings(latency=12.0)
        before = looks(apparel21)
        apparel21.seed(PRIYA, id=7)
        until(lambda: looks(apparel21) > before, what="a look is under way")
        answered = time.monotonic() + 12
        holder.freeze()
        apparel21.settings(latency=0.0)
        until(lambda: road.events("customers"), what="the other polls")
        until(lambda: time.monotonic() > answered)
        told = len(holder.lines)
        holder.thaw()
        until(
            lambda: any("poll given up" in line for line in holder.lines[told:]), what="it knows that it was replaced"
        )
        assert holder.process.poll() is None
        assert len(road.events("customers")) == 1
        page = road.page("apparel21-poll")
        assert (page.rows, page.records) == (1, 1)


class Silent:
    """An errand that finds nothing, at once."""

    trouble = ""

    def result(self) -> Look:
        return Look()

    def drop(self) -> None:
        """There is nothing to give up."""


def test_a_nightly_round_goes_once_a_night_and_after_a_night_that_was_missed(till: Open) -> None:
    road, clock = till(), Leap()
    asked: list[datetime] = []
    zone = road.settings.connections["au"].timezone
    at = (clock.now().astimezone(zone) + timedelta(hours=2)).time().replace(second=0, microsecond=0)

    def ask(_: object, __: object) -> Silent:
        asked.append(clock.now())
        return Silent()

    def turns() -> None:
        """A process of its own: it works until nothing is due, looks a few times more, and ends."""
        names = Names(road.names.prefix)
        found = ensure(road.kafka, layout.shared(road.settings))
        office = Office(road.kafka, names, found, road.config.parent / "own", f"{names.prefix}own", "ingest.webhooks")
        one = Round(road.settings.connections["au"], "toy-comparison", "tiers", at, ask)
        with contextlib.closing(Rounds(office, [one], Tools(CODEC, names, 1_000_000, clock))) as rounds:

            def at_rest() -> bool:
                rounds.turn(0.1)
                return not rounds.elsewhere and rounds.over

            until(at_rest)
            for _ in range(5):
                rounds.turn(0.1)

    turns()
    assert asked == []  # the first night is to come
    clock.leap(2.5 * 3600)
    turns()
    turns()
    assert len(asked) == 1
    clock.leap(49 * 3600)  # two nights without a process
    turns()
    assert len(asked) == 2
