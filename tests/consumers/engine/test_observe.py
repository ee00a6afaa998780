"""What metrics say of a worker's records: how long they wait in Kafka, and how long ago what they tell became true."""

from __future__ import annotations

from datetime import timedelta

from consumers.engine.item import Record
from consumers.engine.live import Pools
from consumers.engine.observe import Observer
from consumers.engine.outcome import Misconfigured
from schemas import headers
from tests.consumers.engine.stage import MORNING, partition, record, run, said
from tests.consumers.engine.test_crew import House
from tillstream.telemetry import REGISTRY


def sample(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"tillstream_{name}", {"group": "observed", **labels})


def test_lag_in_seconds_is_by_topic_and_by_source_time_and_age_is_by_kafkas() -> None:
    with partition() as part:

        def waiting(offset: int, topic: str, source_time: bytes) -> Record:
            told = said() | {headers.SOURCE_TIME: source_time}
            return record(part.slot, offset, f"au/p{offset}@customer.example", topic, headers=told)

        async def story() -> None:
            house = House(part, [], [])
            for offset, hours in enumerate((1, 30, 2)):
                then = headers.instant(MORNING - timedelta(hours=hours)).encode()
                house.crew.accept(waiting(offset, "customers", then))
            house.crew.accept(waiting(3, "orders", b"\xffyesterday"))
            observer = Observer("observed", house.crew, Pools(house.clock, lambda: 1.0), house.clock)
            await house.clock.sleep(60)
            observer.look([part.slot], {"customers": 3, "orders": 1, "tiers": 0}, 0)

        run(story())
    assert sample("oldest_unfinished_record_age_seconds") == 60
    assert sample("lag_seconds", topic="customers") == 30 * 3600 + 60
    assert sample("lag_seconds", topic="orders") == 0, "nobody can read when that was"
    assert sample("lag_seconds", topic="tiers") == 0
    assert sample("lag_records", topic="customers") == 3


def test_a_stopped_connection_is_labelled_with_a_word_and_not_with_the_sentence_for_people() -> None:
    with partition() as part:

        async def story() -> list[float | None]:
            house = House(part, [], [])
            observer = Observer("observed", house.crew, Pools(house.clock, lambda: 1.0), house.clock)
            house.crew.lives["au"].stop(Misconfigured("the key is not known (401)", "credentials"))
            observer.look([part.slot], {}, 0)
            told = [sample("stopped", connection="au", reason="credentials")]
            house.crew.lives["au"].stop(Misconfigured("the key lacks a scope (403)", "permission"))
            await house.clock.sleep(1)
            observer.look([part.slot], {}, 0)
            return [*told, *(sample("stopped", connection="au", reason=word) for word in ("credentials", "permission"))]

        assert run(story()) == [1, 0, 1]
