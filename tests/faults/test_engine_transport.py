"""What Kafka may do to a worker: be away, give bad bytes, lose records. Nothing is lost, nothing jumped over."""

from __future__ import annotations

import itertools
import random
import time
from pathlib import Path

import pytest

from sandbox.kafka.broker import Broker
from tests.flow.road import Road, letters, parcels
from tests.second_platform.loft import Loft
from tests.waiting import until
from tillstream.kafka.client import transactional
from tillstream.kafka.partitioner import partition_of
from tillstream.kafka.publisher import Fenced, Message, Publisher
from tillstream.kafka.topics import WrongTopics


def test_f18_a_worker_waits_for_kafka_at_its_start_and_says_so(own_kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft() as loft:
        road = Road(own_kafka, prefix, tmp_path, loft)
        road.orders(parcels(20, 100))
        own_kafka.kill()
        with road.inside() as worker:
            time.sleep(1)
            assert worker.running
            assert worker.stop() == 0, "it can be stopped while it waits"
        with road.inside() as worker:
            until(lambda: "Kafka" in (worker.watch.ready or ""), what="it says what it waits for")
            assert worker.running
            own_kafka.resume()
            until(lambda: len(loft.taken) == 100)
            until(lambda: worker.watch.ready is None)
            assert worker.stop() == 0


@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_f18_f37_kafka_goes_away_in_mid_batch_and_the_settlement_is_repeated_but_no_call(
    own_kafka: Broker, prefix: str, tmp_path: Path, how: str
) -> None:
    with Loft(latency=0.02) as loft:
        road = Road(own_kafka, prefix, tmp_path, loft)
        road.orders(parcels(200, 3000))
        with road.inside() as worker:
            until(lambda: len(loft.taken) > 500)
            getattr(own_kafka, how)()
            until(lambda: worker.watch.ready is not None, what="readiness says that Kafka is away")
            time.sleep(5 if how == "kill" else 11)  # longer than a transaction may last, where one can be open
            assert len(loft.taken) <= 3000
            assert worker.watch.worker is not None
            assert worker.watch.worker.alive is None
            own_kafka.resume() if how == "kill" else own_kafka.thaw()
            until(lambda: len(loft.taken) >= 3000)
            until(lambda: worker.watch.ready is None)
            assert worker.stop() == 0
        assert road.totals() == {"orders/delivered": 3000}
        assert (loft.repeats(), loft.disorder()) == (0, 0)


def test_f24_bytes_that_nobody_can_read_are_dead_letters_and_the_next_record_goes(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        road.orders([("kim", "1")])
        good = road.read(road.names.topic("orders"))[0]
        bad = [b"", b"\x00", b"plain text", good.value()[:-3], bytes(random.Random(4).randbytes(40))]
        strange = [{}, {"tillstream.own": b"1"}, {"tillstream.first-failed": b"\xff", "tillstream.attempts": b"?"}]
        for value, headers in itertools.product(bad, strange):
            road.raw("orders", b"au/kim@customer.example", value, headers)
        road.raw("orders", b"au/kim@customer.example", good.value(), {"tillstream.topic": b"\xff", "odd": b"\xff\xfe"})
        road.orders([("kim", "2")])
        assert road.consume() == 0
        assert [letter.body["id"] for letter in loft.taken][-1] == "2"
        dead = road.dead()
        assert [letter["reason"] for letter in dead] == ["poison"] * len(bad) * len(strange)
        assert all(b"plain text".hex()[:20] in letter["message"] for letter in dead[6:9])
        assert [m.value() for m in road.read(road.names.dead_letters("pigeon"))] == [v for v in bad for _ in strange]


def test_f25_a_former_self_that_still_lives_is_fenced(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    road = Road(kafka, prefix, tmp_path, {})
    topic = road.names.receipts
    former = Publisher(road.kafka, f"{prefix}zombie")
    former.commit([Message(topic, b"a", b"1")])
    Publisher(road.kafka, f"{prefix}zombie").commit([Message(topic, b"a", b"2")])
    with pytest.raises(Fenced):
        former.commit([Message(topic, b"a", b"3")])
    assert [m.value() for m in road.read(topic)] == [b"1", b"2"]


def test_f25_a_worker_whose_id_was_taken_stops_and_says_so(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft(latency=0.01) as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        road.orders(parcels(50, 50))
        with road.inside() as worker:
            until(lambda: len(loft.taken) == 50)
            name = f"{prefix}tillstream.pigeon.{(tmp_path / 'state' / 'id').read_text()}.0"
            Publisher(road.kafka, name)
            road.orders(parcels(50, 50, start=50))
            until(lambda: not worker.running)
            assert worker.error.startswith("Fenced")
        assert road.consume() == 0
        assert road.totals() == {"orders/delivered": 100}


def test_f26_gaps_and_markers_leave_no_lag(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        road.orders(parcels(20, 50))
        topic = road.names.topic("orders")
        good = road.read(topic)[0]
        producer = transactional(road.kafka, f"{prefix}markers")
        producer.init_transactions(30)
        for number in range(6):
            producer.begin_transaction()
            producer.produce(topic, good.value(), good.key(), headers=good.headers())
            producer.flush(10)
            producer.commit_transaction(30) if number % 2 else producer.abort_transaction(30)
        assert road.consume() == 0
        assert set(road.lag().values()) == {0}
        assert road.totals() == {"orders/delivered": 50, "orders/unchanged": 3}


def test_f39_the_last_offsets_of_an_idle_topic_are_committed(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        with road.inside() as worker:
            road.customers(letters(30, 30))
            until(lambda: len(loft.taken) == 30)
            until(lambda: road.lag()[road.names.topic("customers")] == 0)
            assert worker.stop() == 0
        assert set(road.lag().values()) == {0}


def test_f27_records_removed_before_they_were_read_are_a_loud_stop(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft, partitions=1)
        road.orders(parcels(5, 10))
        assert road.consume() == 0
        road.orders(parcels(5, 40, start=10))
        topic = road.names.topic("orders")
        road.remove(topic, 30)
        with road.worker("--once") as worker:
            assert worker.end() == 1
        told = worker.told
        assert f"offsets 10 to 29 of {topic}, partition 0" in told
        assert "Raise the topic's retention.ms" in told, "what changes a topic that is there"
        assert "Traceback" not in told
        assert len(loft.taken) == 10


def test_f27_records_removed_while_a_worker_waits_are_a_loud_stop(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft(latency=0.2) as loft:
        road = Road(kafka, prefix, tmp_path, loft, partitions=1, engine="read_ahead = 50")
        road.orders(parcels(1, 30_000))
        with road.inside() as worker:
            until(lambda: len(loft.taken) > 3)
            topic = road.names.topic("orders")
            road.remove(topic, 29_990)
            loft.latency = 0.0
            until(lambda: not worker.running)
            assert worker.error.startswith("RetentionLoss")
            assert f"to 29989 of {topic}, partition 0" in worker.error


def test_f28_a_record_without_key_is_a_dead_letter_and_one_without_value_says_nothing(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft() as loft:
        road = Road(kafka, prefix, tmp_path, loft)
        road.raw("orders", None, b"x", {}, partition=1)
        road.raw("orders", b"au/kim@customer.example", None, {})
        stray = (partition_of(b"au/kim@customer.example", 4) + 1) % 4
        road.raw("orders", b"au/kim@customer.example", b"x", {}, partition=stray)
        road.raw("orders", b"\xff\xff", b"x", {})
        assert road.consume() == 0
        assert loft.taken == []
        assert sorted(letter["reason"] for letter in road.dead()) == ["no_key", "no_key", "wrong_partition"]
        buried = {letter.key() for letter in road.read(road.names.dead_letters("pigeon"))}
        assert buried == {None, b"au/kim@customer.example", b"\xff\xff"}, "the key is the original bytes"
        assert road.totals() == {"orders/dead": 3, "orders/skipped:tombstone": 1}
        assert set(road.lag().values()) == {0}


def test_f29_another_number_of_partitions_is_refused_at_start(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    road = Road(kafka, prefix, tmp_path, {"au": {"url": "http://127.0.0.1:1", "key": "k"}})
    text = road.config.read_text("utf-8")
    road.config.write_text(text.replace("partitions = 4", "partitions = 6"), "utf-8")
    with pytest.raises(
        WrongTopics, match=r"customers has 4 partitions and \[topics\] partitions says 6: set it back to 4"
    ):
        road.consume()
    with road.worker("--once") as worker:
        assert worker.end() == 1
    assert "set it back to 4" in worker.told
