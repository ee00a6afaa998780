"""Lag and status tell how much waits, since when, and what is stopped and why."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future
from pathlib import Path

import orjson
import pytest
from confluent_kafka import KafkaError, KafkaException

from operations import lag
from operations.lag import Line, judge, line, measure, sources
from operations.reading import records, spans, there
from operations.standing import Row, Standing, Unwell, Waiting
from sandbox.kafka.broker import Broker
from tests.operations.shop import TOY, Shop, settings
from tillstream.kafka.publisher import Message


def only(shop: Shop) -> Line:
    [found] = measure(shop.settings, {"toy": TOY})
    return found


def test_before_the_first_worker_everything_waits(shop: Shop) -> None:
    shop.file("ab" * 32).customer("kim@customer.example").order("kim@customer.example", "D1").write()
    found = only(shop)
    assert (found.group, found.connection, found.state, found.why) == ("toy", "au", "waiting", "no worker is running")
    assert (found.lag, found.topics, found.eta_seconds) == (2, {"customers": 1, "orders": 1, "replay": 0}, None)
    assert found.seconds is not None
    assert found.seconds < 60


def test_a_kafka_that_does_not_tell_of_a_group_is_not_taken_for_one_without_workers() -> None:
    answer: Future[None] = Future()
    answer.set_exception(KafkaException(KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED)))
    with pytest.raises(KafkaException):
        lag._members(answer)


def test_when_all_is_done_nothing_is_behind(shop: Shop) -> None:
    shop.file("ab" * 32).customer("kim@customer.example").write()
    shop.consume()
    found = only(shop)
    assert (found.state, found.why, found.lag, found.seconds, found.eta_seconds) == ("flowing", "", 0, None, 0)


def test_speed_is_that_of_the_last_receipts(shop: Shop) -> None:
    file = shop.file("ab" * 32)
    for number in range(20):
        file.customer(f"kim{number}@customer.example")
    file.write()
    shop.consume()
    kafka, receipts = shop.kafka, [shop.names.receipts]
    first = min(one.timestamp()[1] for one in records(kafka, spans(kafka, there(kafka, receipts).partitions))) / 1000
    assert lag.rates(kafka, shop.names, first + 10) == pytest.approx({("toy", "au"): 2.0})


def test_what_rests_on_the_shelf_says_why_and_until_when(shop: Shop) -> None:
    shop.file("ab" * 32).customer("kim@customer.example", "Later").write()
    shop.consume()
    found = only(shop)
    assert (found.lag, found.shelved, found.eta_seconds) == (1, 1, None)


def test_what_was_put_before_a_group_again_is_listed_as_its_replay_topic(shop: Shop) -> None:
    shop.file("ab" * 32).customer("kim@customer.example").write()
    shop.consume()
    shop.publisher.commit([Message(shop.names.replay("toy"), b"au/kim@customer.example", b"x") for _ in range(3)])
    found = only(shop)
    assert (found.lag, found.topics) == (3, {"customers": 0, "orders": 0, "replay": 3})
    assert (found.state, found.why) == ("waiting", "no worker is running")


def test_a_wrong_key_shows_as_stopped_with_its_reason_until_it_is_right(
    kafka: Broker, prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = Shop(settings(kafka.bootstrap, prefix, tmp_path, 'key = "wrong"'))
    wrong.file("ab" * 32).customer("kim@customer.example").write()
    assert wrong.consume() == 1
    found = only(wrong)
    assert (found.state, found.why, found.lag) == ("stopped", "the toy does not know this key", 1)
    assert lag._code([found]) == 1
    right = Shop(settings(kafka.bootstrap, prefix, tmp_path))
    assert right.consume() == 0
    assert only(right).state == "flowing"


def test_a_connections_files_are_told_from_the_books_and_the_folder(shop: Shop, tmp_path: Path) -> None:
    shop.file("ab" * 32).customer("kim@customer.example").write(rows=3, rejected=2, rejects="customers_1.csv")
    assert sources(shop.settings) == [("au", "customers_20250401T060000Z.csv", None, 2, None, None)]
    pending = tmp_path / "data" / "pending" / "au"
    pending.mkdir(parents=True)
    for name in ("orders_20250401T060000Z.csv", "orders_20250402T060000Z.csv.part", "notes.txt"):
        (pending / name).touch()
    more = f'[connection.au.folder]\npath = "{tmp_path / "data"}"'
    prefix = shop.settings.topics.prefix
    found = sources(settings(str(shop.kafka["bootstrap.servers"]), prefix, tmp_path, more))
    assert found == [("au", "customers_20250401T060000Z.csv", 1, 2, None, None)]


def test_a_place_that_cannot_be_entered_says_why(
    shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = f'[connection.au.folder]\npath = "{tmp_path / "gone"}"'
    without = settings(str(shop.kafka["bootstrap.servers"]), shop.settings.topics.prefix, tmp_path, more)
    (found,) = sources(without)
    assert (found.waiting_files, found.why) == (None, f"{tmp_path / 'gone'}/pending/au is not there")
    assert lag.status(without, as_json=True) == 1
    assert orjson.loads(capsys.readouterr().out)["connections"] == [found.told()]


def test_the_commands_print_json_as_promised(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert lag.status(shop.settings, as_json=True) == 0
    told = orjson.loads(capsys.readouterr().out)
    assert told["connections"] == [{"name": "au", "last_file": None, "waiting_files": None, "rejects": 0}]
    assert told["groups"] == []  # the toy is not among the platforms that are found
    assert lag.lag(shop.settings, as_json=True) == 0
    assert orjson.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize(
    ("unwell", "total", "shelved", "members", "said"),
    [
        (None, 0, {}, 0, ("flowing", "")),
        (None, 3, {}, 2, ("flowing", "")),
        (None, 3, {"gap": 1}, 2, ("flowing", "")),
        (None, 3, {"gap": 3}, 2, ("waiting", "gap (3); the next at 2025")),
        (None, 3, {}, 0, ("waiting", "no worker is running")),
        (Unwell("away", "the platform does not answer", ""), 3, {}, 2, ("waiting", "the platform does not answer")),
        (Unwell("stopped", "wrong key", ""), 0, {}, 0, ("stopped", "wrong key")),
    ],
)
def test_the_state_is_judged_from_what_is_known(
    unwell: Unwell | None, total: int, shelved: dict[str, int], members: int, said: tuple[str, str]
) -> None:
    assert judge(unwell, total, Counter(shelved), "2025" if shelved else "", members) == said


def test_only_what_can_go_counts_for_the_time_to_drain() -> None:
    row, waits = Row("au", "-", "orders"), Waiting(30, 1_000_000, Counter(gap=10))
    group = Standing("toy", ("orders",), True, {}, {row: waits}, {})
    found = line(group, "au", speed=2.0, members=1, now=1_090.0)
    assert (found.lag, found.seconds, found.eta_seconds) == (30, 90, 10)


def test_nobody_can_say_when_it_is_drained_while_no_worker_runs() -> None:
    group = Standing("toy", ("orders",), True, {}, {Row("au", "-", "orders"): Waiting(30, 1_000_000)}, {})
    assert line(group, "au", speed=2.0, members=1, now=1_090.0).eta_seconds == 15
    assert line(group, "au", speed=2.0, members=0, now=1_090.0).eta_seconds is None
