"""The crew whole, against a simulated platform and clock: whatever is answered, every record ends once, in order."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.engine.books import Books
from consumers.engine.breaker import Breaker
from consumers.engine.crew import Crew
from consumers.engine.dead_letters import Limit
from consumers.engine.limits import Limits
from consumers.engine.live import Live, Pools
from consumers.engine.outcome import Delivered, Misconfigured, Outcome, Rejected, RetryLater, Superseded
from consumers.engine.rim import Rim
from consumers.engine.sink import Account, Route, Sink, Work, newest, saw
from consumers.engine.slot import Slot
from consumers.engine.waits import waits
from consumers.engine.wire import Plan, Request, Response, ask, ask_all, nap, remember
from schemas.definitions import blank
from schemas.topics import Names
from tests.consumers.engine import post
from tests.consumers.engine.stage import CODEC, MORNING, Clock, Partition, partition, record, run, said, totals

ENVELOPE = {"connection": "au", "origin": "apparel21-file", "source_time": MORNING}
ORDER = {"tran_idx": "1", "tran_number": "D1"}
VALUES = {
    "customers": CODEC.encode("customers", {**blank("customers"), **ENVELOPE, "person_id": "1"}).payload,
    "orders": CODEC.encode("orders", {**blank("orders"), **ENVELOPE, **ORDER}).payload,
}
NEVER_MIND = 5000
Event = tuple[str, int]  # topic, customer; its number is its place in the list


def ready_made(work: Work) -> Request:
    return Request("POST", f"/{work.last.topic}/{work.last.object}", "letters", {"key": work.last.key})


def judged(work: Work, answer: Response) -> Outcome:
    if answer.ok:
        memory = work.last.known("profile") or {}
        return Delivered({"profile": saw(memory, work.last, "v1")} if work.last.topic == "customers" else {})
    if answer.status == 401:
        return Misconfigured("the key")
    return Rejected("refused", "no") if answer.status == 400 else RetryLater(timedelta(seconds=1), "busy")


def states(_: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    (work,) = works
    if work.last.order < newest(work.last.known("profile")):
        return [Superseded()]
    return [judged(work, (yield from ask(ready_made(work))))]


def reads(_: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """There is nothing to write: a look says so."""
    (work,) = works
    return [judged(work, (yield from ask(Request("GET", "/letters", "letters"))))]


def facts(_: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    answers = yield from ask_all([ready_made(work) for work in works])
    return [judged(work, answer) for work, answer in zip(works, answers, strict=True)]


SINK = replace(
    post.sink(),
    routes=(Route("customers", states, "state"), Route("orders", facts, "fact", batch=10, bulk_from=3)),
)


class House:
    """A worker without Kafka: it reads a list of events, and its settlements always hold."""

    def __init__(self, part: Partition, events: Sequence[Event], answers: Sequence[int], sink: Sink = SINK) -> None:
        self.part, self.events, self.clock = part, events, Clock()
        self.office = post.Office([*(Response(status) for status in answers), Response(201)], seconds=0.5)
        clock, pools = self.clock, Pools(self.clock, lambda: 1.0)
        accounts = {name: replace(post.account(name=name), now=clock.now) for name in ("au", "nz")}
        lives = {name: Live(sink, account, clock, Breaker(clock)) for name, account in accounts.items()}
        rim = Rim(self.office, pools, clock, self.allowed)
        books = Books("post", Names(), CODEC, Limit(1000, 1.0), "1", lambda _: "v1", clock.now)
        limits = Limits(in_flight=5, unsettled=8)
        self.crew = Crew(sink, lives, books, rim=rim, clock=clock, limits=limits, settled=self.settled)

    async def allowed(self) -> None:
        """At once, in this house."""

    async def settled(self) -> None:
        """At once, in this house."""

    def open(self, slot: Slot) -> None:
        """Read on where the former owner stood."""
        slot.positions |= {topic: position for topic, (position, _, _) in slot.left_by_former().items()}
        for number, (topic, who) in enumerate(self.events):
            if slot.positions[topic].take(number):
                thing = str(who) if topic == "customers" else str(number)
                key = f"{'nz' if who % 2 else 'au'}/p{who}@customer.example"
                headers = said(f"c{number}", f"{number:06d}", thing)
                self.crew.accept(record(slot, number, key, topic, value=VALUES[topic], headers=headers))

    async def turn(self) -> None:
        slot = self.part.slot
        self.crew.housekeep([slot])
        self.crew.dispatch()
        await self.clock.sleep(1.0)
        self.settle(slot)

    def settle(self, slot: Slot) -> None:
        slot.write_books("post")
        slot.write_positions("mark", clean=False)
        self.part.settle()
        self.crew.settled(self.crew.unsettled)

    async def hand_over(self) -> None:
        """To an heir that is this house again."""
        slot = self.part.slot
        assert await self.crew.release({slot}, 20.0), "an answer takes half a second"
        self.settle(slot)
        self.open(self.part.crash())

    @property
    def done(self) -> bool:
        slot = self.part.slot
        lanes = self.crew.lanes
        return not self.crew.jobs and not lanes.waiting + lanes.woken and not slot.shelf.size


async def live_through(house: House, handovers: Sequence[int]) -> int:
    """Turns until everything is done."""
    house.open(house.part.slot)
    for turn in range(NEVER_MIND):
        if turn in handovers:
            await house.hand_over()
        if house.done and turn > max(handovers, default=0):
            return turn
        await house.turn()
        assert house.crew.failure is None
    raise AssertionError("it never ends")


events = st.lists(st.tuples(st.sampled_from(["customers", "orders"]), st.integers(0, 4)), max_size=40)
statuses = st.lists(st.sampled_from([201, 201, 0, 500, 429, 400, 401]), max_size=40)


@settings(max_examples=150, deadline=None)
@given(events, statuses, st.lists(st.integers(1, 30), max_size=3, unique=True))
def test_every_record_ends_once_and_in_order_whatever_is_answered(
    events: list[Event], answers: list[int], handovers: list[int]
) -> None:
    with partition() as part:

        async def story() -> House:
            house = House(part, events, answers)
            await live_through(house, handovers)
            return house

        house = run(story())
        slot = part.slot
        ended = Counter[str]()
        for (_, _, topic, outcome), count in totals(dict(slot.state.scan("~total/"))).items():
            ended[topic] += count
            assert outcome in {"delivered", "superseded", "dead"}
        assert ended == Counter(topic for topic, _ in events)
        assert all(position.ahead == 0 for position in slot.positions.values())
        taken = _taken(house, answers)
        assert all(count == 1 for count in Counter(path for path in taken if path.startswith("/orders")).values())
        assert len(house.crew.lanes.kinds()) == 0


def _taken(house: House, answers: Sequence[int]) -> list[str]:
    """The paths that were answered with yes."""
    said = [*answers, *[201] * len(house.office.asked)]
    return [asked.path for asked, status in zip(house.office.asked, said, strict=False) if status == 201]


def test_a_stopped_connection_asks_every_half_minute_for_as_long_as_it_takes() -> None:
    with partition() as part:

        async def story() -> int:
            house = House(part, [("orders", 0)], [401] * 40)
            return await live_through(house, [])

        assert run(story()) > 39 * 30


def test_a_probe_without_an_answer_is_followed_by_another() -> None:
    with partition() as part:

        async def story() -> list[float]:
            house = House(part, [("orders", 0)], [401, 500, 500, 500, 500, 500])
            await live_through(house, [])
            return house.office.times

        times = run(story())
        assert len(times) == 7
        assert times[1] >= 30


def test_a_probe_that_had_nothing_to_write_is_followed_by_another_at_once() -> None:
    with partition() as part:

        async def story() -> int:
            sink = replace(SINK, routes=(Route("customers", reads, "state"), SINK.routes[1]))
            return await live_through(House(part, [("customers", 2 * n) for n in range(40)], [401], sink), [])

        assert run(story()) < 3 * 30, "forty looks do not wait half a minute each"


def test_a_low_route_that_was_refused_is_the_probe_although_others_wait() -> None:
    with partition() as part:

        async def story() -> int:
            sink = replace(SINK, routes=(SINK.routes[0], replace(SINK.routes[1], low=True)))
            house, slot = House(part, [("orders", 0)], [401], sink), part.slot
            del house.crew.lives["nz"]
            house.open(slot)
            while not house.crew.lives["au"].stopped:
                await house.turn()
            house.events = [*house.events, *(("customers", 2 * n) for n in range(1, 4))]
            house.open(slot)
            for turn in range(100):
                if house.done:
                    return turn
                await house.turn()
            raise AssertionError("they wait for each other")

        assert run(story()) < 60


def test_what_is_refused_for_long_waits_under_a_word_for_metrics_and_with_its_sentence_for_people() -> None:
    def closed(_: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
        yield from nap(0)
        return [RetryLater(timedelta(minutes=10), "the post office is closed (503)")] * len(works)

    with partition() as part:

        async def story() -> list[str]:
            house = House(part, [("orders", 0)], [], replace(SINK, routes=(Route("orders", closed, "fact"),)))
            house.open(part.slot)
            while not part.slot.shelf.size:
                await house.turn()
            return waits([part.slot], house.crew.lives.values())

        (line,) = run(story())
        assert part.slot.shelf.reasons == {("au", "refused"): 1}
        assert line.startswith("au: 1 on the shelf, the post office is closed (503), the first until ")


def by_parcel(_: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    (work,) = works
    return [judged(work, (yield from ask(Request("POST", "/parcels", "parcels"))))]


def test_a_low_route_goes_while_a_quota_holds_all_others_up() -> None:
    """Three letters a minute: in the rest of it there is time for parcels, and before that there is none."""
    with partition() as part:

        async def story() -> list[str]:
            routes = (SINK.routes[0], replace(SINK.routes[1], plan=by_parcel, batch=1, low=True))
            sink = replace(post.sink(windows=((60.0, 3),)), routes=routes)
            events = [("orders", 2 * n) for n in range(5)] + [("customers", 100 + 2 * n) for n in range(12)]
            house = House(part, events, [], sink)
            await live_through(house, [])
            return [request.endpoint for request in house.office.asked]

        asked = run(story())
    assert asked[:3] == ["letters"] * 3, "what is not low goes first"
    assert asked[3:8] == ["parcels"] * 5, "nobody else could go"
    assert asked[8:] == ["letters"] * 9


def in_two(_: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """Two letters; that the first was taken is noted before the second goes."""
    item = works[0].last
    if item.known("first") is None:
        yield from ask(Request("POST", "/first", "letters"))
        yield from remember("first", {})
    return [judged(works[0], (yield from ask(Request("POST", "/second", "letters"))))]


class Leaving(House):
    """Until the partition has changed hands no settlement comes but the last."""

    handed_over = False

    async def settled(self) -> None:
        if not self.handed_over:
            await asyncio.Event().wait()


def test_a_plan_that_waits_for_a_settlement_holds_up_no_partition_that_goes() -> None:
    """None comes before the partition has gone, and the last one tells an heir what this one noted."""
    with partition() as part:

        async def story() -> tuple[float, list[str]]:
            house = Leaving(part, [("orders", 0)], [], replace(SINK, routes=(Route("orders", in_two, "fact"),)))
            house.open(part.slot)
            await house.turn()
            begun = house.clock.monotonic()
            await house.hand_over()
            waited, house.handed_over = house.clock.monotonic() - begun, True
            while not house.done:
                await house.turn()
            return waited, [request.path for request in house.office.asked]

        waited, asked = run(story())
        assert (waited < 1, asked) == (True, ["/first", "/second"])
