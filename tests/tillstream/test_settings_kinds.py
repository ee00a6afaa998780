"""Facts about the kinds of value a setting can be, and about the options of Kafka."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from confluent_kafka import KafkaException, Producer
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tests.tillstream.test_settings import problems, read
from tillstream.settings.errors import Problem
from tillstream.settings.kafka import OURS_TO_SET, OWNED
from tillstream.settings.kinds import Address, Secret, address, duration, start
from tillstream.settings.model import Url


@given(st.integers(0, 400), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_a_time_span_is_the_sum_of_its_parts(days: int, hours: int, minutes: int, seconds: int, millis: int) -> None:
    read = duration(f"{days}d {hours}h{minutes}m{seconds}s {millis}ms")
    exact = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds, milliseconds=millis)
    assert abs(read - exact) <= timedelta(microseconds=1)


@pytest.mark.parametrize("text", ["", "7", "d", "7 days", "-7d", "7d!", "1,5h", 7, None, True])
def test_a_time_span_without_number_and_unit_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="a number and a unit"):
        duration(text)


def test_a_time_span_that_no_calendar_holds_is_refused(tmp_path: Path) -> None:
    assert problems(tmp_path, '[topics]\nkeep_events = "9999999999999d"') == [
        "tillstream.toml:2: topics.keep_events: is too long"
    ]


@given(st.sampled_from(["127.0.0.1", "localhost", "0.0.0.0", "::1", "::"]), st.integers(0, 65_535))
def test_an_address_reads_as_it_is_written(host: str, port: int) -> None:
    assert address(str(Address(host, port))) == Address(host, port)


@pytest.mark.parametrize("text", ["9464", ":9464", "localhost", "localhost:", "localhost:65536", "localhost:x", 9464])
def test_an_address_needs_host_and_port(text: object) -> None:
    with pytest.raises(ValueError, match="host:port"):
        address(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("now", "now"),
        ("earliest", "earliest"),
        ("2025-01-31", date(2025, 1, 31)),
        (date(2025, 1, 31), date(2025, 1, 31)),
    ],
)
def test_a_start_is_a_word_or_a_day(text: object, meant: object) -> None:
    assert start(text) == meant


@given(st.text(min_size=1).filter(str.strip))
def test_a_secret_shows_itself_only_when_read(text: str) -> None:
    secret = Secret.of(text)
    assert secret.read() == text
    assert str(secret) == repr(secret) == "Secret(source=SecretStr('**********'))"


@pytest.mark.parametrize(
    "url", ["https://[", "https://api.example.com:99999", "https://me:key", "https://:1", "https://shop\\api"]
)
def test_an_address_that_nobody_can_be_asked_at_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="should be an address such as"):
        TypeAdapter(Url).validate_python(url)


@pytest.mark.parametrize("url", ["https://a.klaviyo.com", "http://127.0.0.1:8090/api/v2", "http://[::1]:9/x"])
def test_an_address_is_taken_as_it_is_written(url: str) -> None:
    assert TypeAdapter(Url).validate_python(url) == url


def test_a_problem_without_line_or_key_is_still_a_sentence() -> None:
    assert str(Problem("LOG_LEVEL", 0, "", "is wrong")) == "LOG_LEVEL: is wrong"
    assert str(Problem("a.toml", 3, "http", "is wrong")) == "a.toml:3: http: is wrong"


@pytest.mark.parametrize("option", sorted(OURS_TO_SET))
def test_the_library_knows_every_option_that_we_let_through(option: str) -> None:
    with pytest.raises(KafkaException, match=r".") as caught:
        Producer({option: "1", "no.such.option": "1"})
    assert f'No such configuration property: "{option}"' not in str(caught.value)


@pytest.mark.parametrize("option", sorted(OWNED))
def test_an_option_that_is_ours_is_refused_with_the_reason(tmp_path: Path, option: str) -> None:
    (said,) = problems(tmp_path, f'[kafka]\n"{option}" = "x"')
    assert said == f"tillstream.toml:2: kafka.{option}: is set by tillstream: {OWNED[option]}"


def test_an_unknown_option_is_refused_with_the_nearest(tmp_path: Path) -> None:
    assert problems(tmp_path, '[kafka]\n"bootstrap.server" = "x"\n"ssl.ca.location" = []') == [
        "tillstream.toml:2: kafka.bootstrap.server: unknown key (did you mean bootstrap.servers?)",
        "tillstream.toml:3: kafka.ssl.ca.location: should be text, a number, true or false",
    ]


def test_options_are_given_as_the_library_takes_them(tmp_path: Path) -> None:
    (tmp_path / "pass").write_text("hidden\n")
    text = '[kafka]\n"socket.keepalive.enable" = true\n"linger.ms" = 5\n"ssl.key.password_file" = "pass"'
    assert read(tmp_path, text).kafka.options() == {
        "bootstrap.servers": "localhost:9092",
        "socket.keepalive.enable": "true",
        "linger.ms": 5,
        "ssl.key.password": "hidden",
    }
