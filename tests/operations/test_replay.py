"""A replay brings old records to a group again: once each, one at a time, at its share, and it can be called off."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from operations import replay
from operations.arguments import Records
from operations.replaying import Copying, Order, Wish, order_of, ordered, to_go
from sandbox.kafka.broker import Broker
from tests.flow.road import Road
from tests.operations.shop import Shop, settings
from tests.operations.terminal import at_terminal
from tests.second_platform.loft import Loft
from tests.waiting import until
from tillstream.kafka import layout
from tillstream.kafka.client import admin
from tillstream.kafka.publisher import Publisher
from tillstream.kafka.topics import ensure

CUSTOMERS = Records("pigeon", "customers", None, None, None, None)
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Untrodden(Road):
    """A road of which no topic is there yet."""

    def create(self) -> None:
        """Left to others."""


def again(road: Road, records: Records = CUSTOMERS, share: float = 0.2, **how: bool) -> int:
    return replay.run(
        road.settings,
        records,
        share,
        **{"force": False, "dry_run": False, **how},
    )


def order(road: Road) -> Order:
    found = order_of(road.kafka, road.names, "pigeon")
    assert found is not None
    return found


def left(road: Road) -> int:
    return to_go(road.kafka, road.names, "pigeon", order(road).run)


def delivered(road: Road, count: int) -> Road:
    road.customers([(f"p{n}", 0, "x") for n in range(count)])
    road.consume()
    return road


def roads(kafka: Broker, prefix: str, folder: Path, loft: Loft, **account: Any) -> Road:
    return Road(kafka, prefix, folder, {"au": {"url": loft.url, "key": "k", **account}})


def test_what_is_unchanged_is_passed_over_and_force_sends_it_again(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft() as loft:
        road = delivered(roads(kafka, prefix, tmp_path, loft), 30)
        assert again(road) == 0
        road.consume()
        assert (len(loft.taken), left(road)) == (30, 0)
        assert again(road, force=True) == 0
        road.consume()
        assert (len(loft.taken), loft.repeats(), left(road)) == (60, 30, 0)
        assert road.totals() == {"customers/delivered": 30}, "the rows stand in the books already"
        assert set(road.lag().values()) == {0}


def test_records_are_chosen_by_key_file_and_time(
    kafka: Broker, prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Loft() as loft:
        road = roads(kafka, prefix, tmp_path, loft)
        road.customers([(f"p{n}", 0, "x") for n in range(10)], file="aa")
        time.sleep(0.1)
        later = datetime.now(UTC)
        road.customers([(f"q{n}", 0, "x") for n in range(5)], file="bb")
        road.consume()
        counts = []
        for chosen in (
            CUSTOMERS._replace(key="au/p3@customer.example"),
            CUSTOMERS._replace(start=later),
            CUSTOMERS._replace(end=later),
        ):
            assert again(road, chosen) == 0
            counts.append(order(road).copied)
            road.consume()
        assert counts == [1, 5, 10]
        capsys.readouterr()
        assert again(road, CUSTOMERS._replace(key="p3@customer.example")) == 0  # no connection before it
        assert capsys.readouterr().out == "no record of customers is like that: nothing goes to pigeon\n"
        assert again(road, CUSTOMERS._replace(file="none.csv")) == 2
        assert "no file 'none.csv' was ever taken" in capsys.readouterr().err
        wish = Wish(CUSTOMERS, ("bb",), 0.2, False, NOW)
        kafka_options = road.kafka
        publisher = Publisher(kafka_options, f"{prefix}test")
        only = ordered(kafka_options, road.names, wish, "replay-of-a-file")
        assert Copying(kafka_options, road.names, "pigeon", publisher).copy(only).copied == 5


def test_f64_a_second_replay_is_refused_with_the_first_ones_progress(
    kafka: Broker, prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Loft() as loft:
        road = delivered(roads(kafka, prefix, tmp_path, loft), 12)
        assert again(road) == 0
        run = order(road).run
        for wish in (CUSTOMERS, CUSTOMERS._replace(topic="orders")):
            assert again(road, wish) == 1
            told = capsys.readouterr().err
            assert f"{run} (customers) is on its way; 0 of 12 records are through, 12 to go" in told
        road.consume()
        assert again(road, CUSTOMERS._replace(topic="orders")) == 0


def test_a_replay_that_was_interrupted_goes_on_where_it_was(
    kafka: Broker, prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Loft() as loft:
        road = delivered(roads(kafka, prefix, tmp_path, loft), 40)
        options = road.kafka
        wish = Wish(CUSTOMERS, (), 0.2, True, datetime.now(UTC))
        half = ordered(options, road.names, wish, "replay-half")
        halves = {number: end - (end - half.nexts[number]) // 2 for number, end in half.ends.items()}
        copying = Copying(options, road.names, "pigeon", Publisher(options, f"{prefix}test"))
        done = copying.copy(replace(half, ends=halves))
        copying.write(replace(done, ends=half.ends), [])
        assert again(road, CUSTOMERS._replace(topic="orders")) == 1
        assert "is not copied to its end" in capsys.readouterr().err
        assert again(road, force=True) == 0
        assert "replay-half goes on where it was interrupted" in capsys.readouterr().out
        road.consume()
        assert (order(road).copied, len(loft.taken), loft.repeats()) == (40, 80, 40)


def test_f64_two_who_copy_the_same_replay_put_nothing_there_twice(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    with Loft() as loft:
        road = delivered(roads(kafka, prefix, tmp_path, loft), 40)
        options = road.kafka
        first = Copying(options, road.names, "pigeon", Publisher(options, f"{prefix}tillstream.replay.pigeon"))
        begun = first.write(
            ordered(options, road.names, Wish(CUSTOMERS, (), 0.2, True, datetime.now(UTC)), "replay-one"), []
        )
        assert again(road, force=True) == 0
        with pytest.raises(Exception, match="refused a transaction"):
            first.copy(begun)
        road.consume()
        assert loft.repeats() == 40


def test_a_cancelled_replay_is_passed_over_and_live_records_go_on(
    kafka: Broker, prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Loft(latency=0.05) as loft:
        road = delivered(roads(kafka, prefix, tmp_path, loft), 1500)
        assert again(road, share=0.02, force=True) == 0
        with road.inside():
            until(lambda: len(loft.taken) > 1510)
            assert replay.cancel(road.settings, "pigeon", dry_run=True) == 0
            assert "would be cancelled" in capsys.readouterr().out
            assert replay.cancel(road.settings, "pigeon", dry_run=False) == 0
            until(lambda: left(road) == 0)
            road.customers([("new", 0, "x")])
            until(lambda: any(letter.key == "au/new@customer.example" for letter in loft.taken))
        assert len(loft.taken) < 2500
        assert replay.cancel(road.settings, "pigeon", dry_run=False) == 0
        assert "no replay under way" in capsys.readouterr().out
        assert again(road) == 0, "another may begin"


def test_a_replay_that_was_cancelled_while_no_worker_ran_sends_nothing(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft() as loft:
        road = delivered(roads(kafka, prefix, tmp_path, loft), 40)
        assert again(road, share=1.0, force=True) == 0
        assert replay.cancel(road.settings, "pigeon", dry_run=False) == 0
        assert road.consume() == 0
        assert (len(loft.taken), left(road)) == (40, 0)


def test_live_records_go_first_while_a_replay_takes_no_more_than_its_share(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    with Loft() as loft:
        road = delivered(roads(kafka, prefix, tmp_path, loft, a_second=50), 200)
        assert again(road, force=True) == 0
        with road.inside():
            until(lambda: len(loft.taken) > 205)
            begun = time.time()
            road.customers([(f"n{n}", 0, "x") for n in range(120)])
            until(lambda: sum(letter.key.startswith("au/n") for letter in loft.taken) == 120)
            took = time.time() - begun
        since = [letter for letter in loft.taken[200:] if letter.at < begun + took]
        replayed = [letter for letter in since if letter.key.startswith("au/p")]
        assert took < 15, "120 at 40 a second; behind the replay it would be twenty seconds"
        assert len(replayed) <= 10 * (since[-1].at - since[0].at + 1) + 1, "50 a second x 0.2"


def test_a_dry_run_counts_what_would_become_of_the_records_and_sends_nothing(
    kafka: Broker, prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Loft() as loft:
        road = delivered(roads(kafka, prefix, tmp_path, loft, a_minute=60), 30)
        road.customers([("p1", 10, "newer")])
        road.consume()
        taken = len(loft.taken)
        assert again(road, dry_run=True) == 0
        told = capsys.readouterr().out
        assert told.splitlines()[0] == "31 records of customers: 30 unchanged, 1 superseded"
        assert again(road, force=True, dry_run=True) == 0
        told = capsys.readouterr().out
        assert told.splitlines()[0] == "31 records of customers: 30 delivered, 1 superseded"
        assert "\nau          letters      30  2.5 " in told
        assert "An estimate" in told
        assert order_of(road.kafka, road.names, "pigeon") is None
        road.consume()
        assert len(loft.taken) == taken


def test_a_dry_run_makes_no_topic(
    kafka: Broker, prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    road = Untrodden(kafka, prefix, tmp_path, {"au": {"url": "http://127.0.0.1:1", "key": "k"}})

    def topics() -> set[str]:
        return {name for name in admin(road.kafka).list_topics(timeout=20).topics if name.startswith(prefix)}

    for records in (CUSTOMERS, CUSTOMERS._replace(key="au/kim@customer.example")):
        assert again(road, records, dry_run=True) == 0
    assert topics() == set()
    ensure(road.kafka, layout.shared(road.settings))
    road.customers([("kim", 0, "Kim")])
    before = topics()
    assert again(road, dry_run=True) == 0
    assert topics() == before
    told = capsys.readouterr().out
    assert [line for line in told.splitlines() if "records of" in line] == [
        "0 records of customers: nothing to do",
        "0 records of customers: nothing to do",
        "1 records of customers: 1 delivered",
    ]


def test_a_topic_that_the_group_does_not_listen_to_is_a_wrong_use(
    kafka: Broker, prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Loft() as loft:
        road = roads(kafka, prefix, tmp_path, loft)
        assert again(road, CUSTOMERS._replace(topic="tiers")) == 2
        assert "pigeon does not listen to tiers" in capsys.readouterr().err


def test_ctrl_c_at_a_terminal_ends_only_the_showing(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    Shop(settings(kafka.bootstrap, prefix, tmp_path)).file("aa").customer("kim@customer.example").write()
    file = tmp_path / "tillstream.toml"
    file.write_text(file.read_text().replace("[connection.au.toy]", '[connection.au.klaviyo]\nprivate_key = "pk"'))
    words = ("--config", str(file), "replay", "--group", "klaviyo", "--topic", "customers")
    code, seen = at_terminal(*words, environ={}, interrupt="Through (Ctrl-C: it goes on without you)")
    assert (code, "1 records of customers are on their way to klaviyo" in seen, "Aborted" in seen) == (
        0,
        True,
        False,
    ), seen


def plain_order(**changes: Any) -> Order:
    told: Mapping[str, Any] = {"run": "r", "topic": "customers", "start": "", "end": "", "key": "", "file": ""}
    more = {"files": (), "share": 0.2, "force": False, "at": NOW.isoformat(), "nexts": {"0": 0}, "ends": {"0": 9}}
    return Order(**{**told, **more, **changes})


def test_the_same_command_given_later_is_known_whether_its_times_were_said_or_counted_back() -> None:
    hour = timedelta(hours=1)
    begun = plain_order(start=(NOW - 2 * hour).isoformat())
    assert begun.same(Wish(CUSTOMERS._replace(start=NOW - 2 * hour), (), 0.2, False, NOW + hour))
    assert begun.same(Wish(CUSTOMERS._replace(start=NOW - hour), (), 0.2, False, NOW + hour)), "--from 2h"
    assert not begun.same(Wish(CUSTOMERS._replace(start=NOW - 30 * hour), (), 0.2, False, NOW + hour))
    assert not begun.same(Wish(CUSTOMERS, (), 0.2, False, NOW))
    assert not plain_order().same(Wish(CUSTOMERS, (), 0.2, True, NOW))
    assert not plain_order().same(Wish(CUSTOMERS._replace(key="au/kim@customer.example"), (), 0.2, False, NOW))


def test_an_order_is_read_as_it_was_written() -> None:
    begun = plain_order(files=("ab",), copied=7)
    assert Order.load(begun.dump()) == begun
    assert (begun.copying, replace(begun, cancelled=True).copying, begun.seen) == (True, False, 9)
