"""Names of topics and groups, and headers that sort."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from schemas.headers import instant, order
from schemas.topics import EVENT_TOPICS, Names

MOMENTS = st.datetimes(datetime(1000, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds it
PLACES = st.tuples(MOMENTS, st.none() | MOMENTS, st.integers(0, 999_999_999))


def test_a_prefix_goes_before_everything() -> None:
    names = Names("eu.")
    every = [names.ingest, names.ledger, names.programs, names.receipts, names.webhooks_dead_letters]
    every.append(names.replays)
    every += [names.topic(topic) for topic in EVENT_TOPICS]
    every += [make("klaviyo") for make in (names.group, names.dead_letters, names.replay, names.state)]
    assert all(name.startswith("eu.") for name in every)
    assert len(set(every)) == len(every)


def test_the_names_without_a_prefix_are_the_documented_ones() -> None:
    names = Names()
    assert [names.topic("orders"), names.group("yotpo"), names.dead_letters("yotpo"), names.replay("yotpo")] == [
        "orders",
        "tillstream.yotpo",
        "tillstream.yotpo.dlq",
        "tillstream.yotpo.replay",
    ]


def by_value(place: tuple[datetime, datetime | None, int]) -> tuple[datetime, datetime, int]:
    source, named, line = place
    return source, named or datetime(1, 1, 1, tzinfo=UTC), line


@given(PLACES, PLACES)
def test_order_as_text_is_order_in_time(
    one: tuple[datetime, datetime | None, int], other: tuple[datetime, datetime | None, int]
) -> None:
    assert (order(*one) < order(*other)) == (by_value(one) < by_value(other))


def test_of_two_records_the_one_without_a_file_time_is_older() -> None:
    moment = datetime(2025, 4, 1, tzinfo=UTC)
    assert order(moment, None, 900) < order(moment, moment, 2) < order(moment, moment, 10)


def test_an_instant_is_the_same_wherever_it_is_told() -> None:
    melbourne = datetime(2025, 4, 1, 16, 5, 11, tzinfo=timezone(timedelta(hours=11)))
    assert instant(melbourne) == "2025-04-01T05:05:11.000000Z"
