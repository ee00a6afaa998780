"""A lane is strictly in order and never runs twice at once; lanes run side by side."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from consumers.engine.item import OFFSET, REPLAY, SHARE, Record
from consumers.engine.lanes import MOST_FOLDED, Kind, Lanes
from tests.consumers.engine.stage import KIM, record

CUSTOMERS = Kind("au", "customers", "", "")
ORDERS = Kind("au", "orders", "", "")
ROBIN = "au/robin@customer.example"


AGAIN = Kind("au", "customers", "", "", "r1", 0.2)


def replayed(offset: int, key: str = KIM, topic: str = "customers") -> Record:
    """A record that a replay brought again."""
    return record(
        0, offset, key, topic, source="replay", headers={REPLAY: b"r1", SHARE: b"0.2", OFFSET: b"%d" % offset}
    )


def folding(kind: Kind) -> bool:
    """States fold, facts do not."""
    return kind.topic == "customers"


def lanes(*records: Record) -> Lanes:
    made = Lanes(folding)
    for waiting in records:
        made.add(waiting)
    return made


def offsets(works: list[tuple[Record, ...]]) -> list[list[int]]:
    return [[taken.offset for taken in work] for work in works]


def test_the_states_of_one_customer_are_folded_and_two_customers_go_side_by_side() -> None:
    waiting = lanes(record(0, 1), record(0, 2), record(0, 3, ROBIN))
    assert offsets(waiting.take(CUSTOMERS, 10)) == [[1, 2], [3]]
    assert waiting.waiting == 0


def test_facts_go_one_by_one() -> None:
    waiting = lanes(record(0, 1, topic="orders"), record(0, 2, topic="orders"))
    assert offsets(waiting.take(ORDERS, 10)) == [[1]]
    assert waiting.take(ORDERS, 10) == []
    waiting.done(KIM)
    assert offsets(waiting.take(ORDERS, 10)) == [[2]]


def test_no_topic_fills_the_memory_while_another_has_more_to_give() -> None:
    waiting = lanes(*(record(0, n, topic="orders") for n in range(5)), record(0, 5, ROBIN))
    assert waiting.crowding({"customers", "orders"}, 3) == {"orders"}
    assert waiting.crowding({"orders"}, 3) == set(), "nothing else is there to be read"
    waiting.take(ORDERS, 1)
    assert waiting.crowding({"customers", "orders"}, 4) == set(), "what runs does not wait"


def test_only_neighbours_are_folded() -> None:
    waiting = lanes(record(0, 1), record(0, 2, topic="orders"), record(0, 3))
    assert offsets(waiting.take(CUSTOMERS, 10)) == [[1]]
    waiting.done(KIM)
    assert waiting.kinds() == [ORDERS]


def test_what_must_go_alone_is_not_folded() -> None:
    first, second, third = record(0, 1), record(0, 2), record(0, 3)
    second.alone = True
    waiting = lanes(first, second, third)
    assert offsets(waiting.take(CUSTOMERS, 10)) == [[1]]
    waiting.done(KIM)
    assert offsets(waiting.take(CUSTOMERS, 10)) == [[2]]


def test_a_work_has_a_largest_size() -> None:
    waiting = lanes(*(record(0, offset) for offset in range(MOST_FOLDED + 1)))
    assert [len(work) for work in waiting.take(CUSTOMERS, 10)] == [MOST_FOLDED]


def test_no_more_lanes_start_than_asked_for() -> None:
    waiting = lanes(*(record(0, offset, f"au/{offset}") for offset in range(5)))
    assert waiting.ready(CUSTOMERS) == 5
    assert offsets(waiting.take(CUSTOMERS, 2)) == [[0], [1]]
    assert waiting.ready(CUSTOMERS) == 3


def test_a_lane_that_rests_starts_again_from_the_same_record_when_its_time_has_come() -> None:
    waiting = lanes(record(0, 1, topic="orders"), record(0, 2, topic="orders"))
    (work,) = waiting.take(ORDERS, 1)
    waiting.back(work, until=30.0)
    assert (waiting.kinds(), waiting.next_wake()) == ([], 30.0)
    waiting.wake(29.0)
    assert waiting.kinds() == []
    waiting.wake(30.0)
    assert offsets(waiting.take(ORDERS, 1)) == [[1]]


def test_what_comes_from_the_shelf_goes_before_what_arrived_in_its_own_order() -> None:
    waiting = lanes(record(0, 5, topic="orders"))
    for number in (1, 2):
        shelved = record(0, number, topic="orders")
        shelved.shelf = f"~on/x/{number}"
        waiting.add_first(shelved)
    order = []
    while waiting.kinds():
        order += offsets(waiting.take(ORDERS, 1))
        waiting.done(KIM)
    assert order == [[1], [2], [5]]


def test_what_comes_from_the_shelf_waits_behind_what_runs() -> None:
    waiting = lanes(record(0, 1, topic="orders"), record(0, 2, topic="orders"))
    (running,) = waiting.take(ORDERS, 1)
    shelved = record(0, 9, topic="orders")
    shelved.shelf = "~on/x/1"
    waiting.add_first(shelved)
    assert waiting.take(ORDERS, 1) == []
    waiting.done(running[0].key)
    assert offsets(waiting.take(ORDERS, 1)) == [[9]]


def test_records_that_are_no_longer_ours_are_forgotten() -> None:
    waiting = lanes(record(0, 1, source="gone"), record(0, 2, ROBIN), record(0, 3, source="gone"))
    waiting.drop(lambda dropped: dropped.source == "gone")
    assert waiting.waiting == 1
    assert KIM not in waiting
    assert offsets(waiting.take(CUSTOMERS, 10)) == [[2]]


def test_a_partition_that_returns_finds_no_trace_of_its_former_records() -> None:
    """F34."""
    waiting = lanes(record(0, 1, source="former"), record(0, 2, topic="orders", source="former"))
    waiting.take(CUSTOMERS, 1)
    waiting.drop(lambda dropped: dropped.source == "former")
    waiting.done(KIM)
    assert KIM not in waiting
    waiting.add(record(0, 1))
    assert offsets(waiting.take(CUSTOMERS, 1)) == [[1]]


def test_a_live_record_goes_before_those_of_its_lane_that_come_again() -> None:
    waiting = lanes(replayed(1), replayed(2), record(0, 3), record(0, 4, topic="orders"))
    assert (waiting.waiting, waiting.again) == (2, 2)
    assert offsets(waiting.take(CUSTOMERS, 10)) == [[3]]
    waiting.done(KIM)
    assert offsets(waiting.take(ORDERS, 10)) == [[4]]
    waiting.done(KIM)
    assert offsets(waiting.take(AGAIN, 10)) == [[1, 2]]


def test_all_ready_lanes_of_a_connection_can_be_taken_for_the_shelf() -> None:
    waiting = lanes(record(0, 1), record(0, 2, ROBIN, "orders"), record(0, 3, "nz/kim@customer.example"))
    assert offsets(list(waiting.heads("au", 100))) == [[1], [2]]
    assert waiting.kinds() == [Kind("nz", "customers", "", "")]


class Traffic(RuleBasedStateMachine):
    """Records come, run, rest, come back, wake from the shelf and are dropped, in any order whatever."""

    def __init__(self) -> None:
        super().__init__()
        self.lanes = Lanes(folding)
        self.count, self.now = 0, 0.0
        self.running: dict[str, tuple[Record, ...]] = {}
        self.resting: dict[str, float] = {}
        self.queues: dict[str, list[Record]] = {}

    def _new(self, key: str, topic: str, source: str) -> Record:
        self.count += 1
        return record(0, self.count, f"au/{key}", topic, source=source)

    @rule(key=st.sampled_from("abc"), topic=st.sampled_from(["customers", "orders"]))
    def come_again(self, key: str, topic: str) -> None:
        self.count += 1
        again = replayed(self.count, f"au/{key}", topic)
        self.lanes.add(again)
        self.queues.setdefault(again.key, []).append(again)

    @rule(key=st.sampled_from("abc"), topic=st.sampled_from(["customers", "orders"]), source=st.sampled_from("st"))
    def arrive(self, key: str, topic: str, source: str) -> None:
        arrived = self._new(key, topic, source)
        self.lanes.add(arrived)
        queue = self.queues.setdefault(arrived.key, [])
        queue.insert(max((n for n, waiting in enumerate(queue, 1) if not waiting.run), default=0), arrived)

    @rule(key=st.sampled_from("abc"))
    def wake_from_the_shelf(self, key: str) -> None:
        woken = self._new(key, "orders", "s")
        woken.shelf = f"~on/x/{self.count}"
        self.lanes.add_first(woken)
        queue = self.queues.setdefault(woken.key, [])
        queue.insert(max((n for n, waiting in enumerate(queue, 1) if waiting.shelf), default=0), woken)

    @rule(topic=st.sampled_from(["customers", "orders"]), most=st.integers(1, 3), again=st.booleans())
    def take(self, topic: str, most: int, again: bool) -> None:
        works = self.lanes.take(Kind("au", topic, "", "", *(("r1", 0.2) if again else ())), most)
        assert len(works) <= most
        for work in works:
            key = work[0].key
            assert key not in self.running, "two of one lane never run at once"
            assert self.resting.get(key, 0.0) <= self.now, "a resting lane does not run"
            assert list(work) == self.queues[key][: len(work)], "strictly in order"
            assert len(work) == 1 or {taken.topic for taken in work} == {"customers"}
            assert len({taken.run for taken in work}) == 1, "what comes again is never folded with what is new"
            del self.queues[key][: len(work)]
            self.running[key] = work

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.running)))
        del self.running[key]
        self.lanes.done(key)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), rest=st.sampled_from([0.0, 5.0]))
    def come_back(self, data: st.DataObject, rest: float) -> None:
        key = data.draw(st.sampled_from(sorted(self.running)))
        work = self.running.pop(key)
        self.queues[key][:0] = work
        if rest:
            self.resting[key] = self.now + rest
        self.lanes.back(work, self.now + rest if rest else 0.0)

    @rule(seconds=st.sampled_from([1.0, 5.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.lanes.wake(self.now)

    @rule(source=st.sampled_from(["s", "t"]))
    def lose(self, source: str) -> None:
        self.lanes.drop(lambda dropped: dropped.source == source)
        for key, queue in self.queues.items():
            queue[:] = [kept for kept in queue if kept.source != source]
            if not queue:
                self.resting.pop(key, None)

    @invariant()
    def nothing_is_lost(self) -> None:
        assert self.lanes.waiting + self.lanes.woken + self.lanes.again == sum(map(len, self.queues.values()))
        fresh = [waits for queue in self.queues.values() for waits in queue if not waits.run and not waits.shelf]
        assert self.lanes.waiting == len(fresh)
        assert self.lanes.again == sum(1 for queue in self.queues.values() for waits in queue if waits.run)
        live = [waits.topic for queue in self.queues.values() for waits in queue if not waits.run]
        often = {topic for topic in live if live.count(topic) > 2}
        assert self.lanes.crowding({"rewards"}, 2) == often
        idle = {key for key, queue in self.queues.items() if queue and key not in self.running}
        ready = {key for key in idle if self.resting.get(key, 0.0) <= self.now}
        assert sum(self.lanes.ready(kind) for kind in self.lanes.kinds()) >= len(ready)

    def teardown(self) -> None:
        """In the end everything comes out."""
        self.lanes.wake(self.now + 100)
        for key in list(self.running):
            self.lanes.done(key)
        while self.lanes.kinds():
            for work in self.lanes.take(self.lanes.kinds()[0], 1):
                assert list(work) == self.queues[work[0].key][: len(work)]
                del self.queues[work[0].key][: len(work)]
                self.lanes.done(work[0].key)
        assert not any(self.queues.values())
        assert not any(f"au/{key}" in self.lanes for key in "abc"), "an empty lane leaves no trace"


TestTraffic = Traffic.TestCase


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=60))
def test_each_record_comes_out_once_and_in_the_order_of_its_key(arrivals: list[tuple[str, bool]]) -> None:
    records = [record(0, n, f"au/{key}", "orders" if fact else "customers") for n, (key, fact) in enumerate(arrivals)]
    waiting, out = lanes(*records), dict[str, list[int]]()
    while waiting.kinds():
        for work in waiting.take(waiting.kinds()[-1], 2):
            out.setdefault(work[0].key, []).extend(taken.offset for taken in work)
            waiting.done(work[0].key)
    for key in "abcd":
        assert out.get(f"au/{key}", []) == [r.offset for r in records if r.key == f"au/{key}"]
