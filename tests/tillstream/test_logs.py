"""A log line is one JSON object, and holds nobody's data."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from tillstream.logs import HIDDEN, logger, masked, set_up


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_a_json_object_where_no_terminal_is() -> None:
    out = io.StringIO()
    set_up(out, {})
    logger("producers.sftp").info("file taken", connection="au", rows=120)
    (line,) = lines(out)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "message": "file taken",
        "level": "info",
        "logger": "producers.sftp",
        "connection": "au",
        "rows": 120,
    }


def test_libraries_log_the_same_way() -> None:
    out = io.StringIO()
    set_up(out, {})
    logging.getLogger("doorman").warning("login as %s refused", "kim@customer.example", extra={"_threadid": 7})
    (line,) = (one for one in lines(out) if one["logger"] == "doorman")
    assert line.pop("timestamp").endswith("Z")
    assert line == {"message": "login as [e-mail] refused", "level": "warning", "logger": "doorman"}


def test_each_call_of_the_registrys_client_is_told_only_where_everything_is() -> None:
    for level, said in (("INFO", []), ("DEBUG", ["HTTP Request: GET /subjects"])):
        out = io.StringIO()
        set_up(out, {"LOG_LEVEL": level})
        logging.getLogger("httpx").info("HTTP Request: GET /subjects")
        assert [line["message"] for line in lines(out)] == said


def test_an_exception_is_told_without_the_person_in_it() -> None:
    out = io.StringIO()
    set_up(out, {})
    try:
        raise ValueError("kim@customer.example")
    except ValueError:
        logger("x").exception("failed")
        logging.getLogger("y").exception("failed")
    for line in lines(out):
        assert "ValueError: [e-mail]" in line["exception"]
        assert "customer.example" not in json.dumps(line)


def test_the_level_is_the_environments() -> None:
    out = io.StringIO()
    set_up(out, {"LOG_LEVEL": "warning"})
    logger("x").info("not said")
    logger("x").warning("said")
    assert [line["message"] for line in lines(out)] == ["said"]


def test_a_level_that_is_none_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"LOG_LEVEL is 'loud'; it may be DEBUG, INFO"):
        set_up(io.StringIO(), {"LOG_LEVEL": "loud"})


@pytest.mark.parametrize(("environ", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)])
def test_a_terminal_gets_colours_unless_it_wants_none(environ: dict[str, str], coloured: bool) -> None:
    out = Terminal()
    set_up(out, environ)
    logger("x").info("hello", who="kim@customer.example")
    assert ("\x1b[" in out.getvalue()) is coloured
    assert "customer.example" not in out.getvalue()
    assert "hello" in out.getvalue()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Kim.O'Hara+vip@mail.customer.example bought", "[e-mail] bought"),
        ("GET /customers?email=kim%40customer.example", "GET /customers?email=[e-mail]"),
        ("zoë@customer.example", "[e-mail]"),
        ("key au/kim@customer.example", "key au/[e-mail]"),
        ("SMS to +61491570006", "SMS to [phone]"),
        ("at 2025-04-01T16:05:11+11:00", "at 2025-04-01T16:05:11+11:00"),
        ("Authorization: Klaviyo-API-Key pk_abc123", f"Authorization: Klaviyo-API-Key {HIDDEN}"),
        ("shpat_0123abcd was refused", f"{HIDDEN} was refused"),
        ("http://user:hunter2@registry:8081/subjects", f"http://user:{HIDDEN}@registry:8081/subjects"),
        ("http://user:hun%40ter2@registry.example/subjects", f"http://user:{HIDDEN}@registry.example/subjects"),
        ("POST /webhooks/au/yotpo/s3cret?x=1", f"POST /webhooks/au/yotpo/{HIDDEN}?x=1"),
        ("person 73152, docket D11300004711", "person 73152, docket D11300004711"),
    ],
)
def test_what_looks_like_a_person_or_a_secret_is_hidden(text: str, shown: str) -> None:
    assert masked(text) == shown


@pytest.mark.parametrize("name", ["password", "webhook_secret", "access_token", "private_key", "KLAVIYO_API_KEY"])
def test_a_value_under_a_secret_name_is_hidden_whatever_it_is(name: str) -> None:
    assert masked({name: "x", "deep": [{name: {"a": 1}}]}) == {name: HIDDEN, "deep": [{name: HIDDEN}]}


class Person:
    """Something whose text names a person."""

    def __str__(self) -> str:
        return "<kim@customer.example>"


@given(
    st.recursive(
        st.sampled_from(["kim@customer.example", b"kim@customer.example", Person(), 7, None, True]),
        lambda inner: (
            st.lists(inner) | st.tuples(inner) | st.dictionaries(st.sampled_from(["a", "b@c.example"]), inner)
        ),
        max_leaves=8,
    )
)
def test_no_address_survives_at_any_depth(value: object) -> None:
    assert "c.example" not in json.dumps(masked(value))
    assert "customer.example" not in json.dumps(masked(value))
