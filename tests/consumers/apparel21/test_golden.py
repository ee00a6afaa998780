"""What Apparel21 is asked, word for word, against files written by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from consumers.apparel21.sink import SINK
from consumers.engine.outcome import Delivered, Rejected
from consumers.engine.wire import Json, Request, Response
from tests.consumers.apparel21.counter import (
    GOLDEN,
    Desk,
    account,
    as_json,
    canonical,
    event,
    golden,
    response,
    word,
)


def answers(case: Json) -> Iterator[Response]:
    for step in case["steps"]:
        yield response(step["answer"])


@pytest.mark.parametrize("name", [path.stem for path in sorted(GOLDEN.glob("*.json"))])
def test_apparel21_is_asked_for_exactly_this(name: str) -> None:
    case = golden(name)
    waiting = answers(case)

    def answer(_: Request) -> Response:
        return next(waiting)

    desk = Desk(account(**case["settings"]), answer)
    thing = event(**case["record"])
    plan = next(route.plan for route in SINK.routes if route.topic == thing.topic)
    [outcome] = desk.send(plan, thing)
    assert [as_json(request) for request in desk.asked] == [wanted(step["request"]) for step in case["steps"]]
    assert word(outcome) == case["outcome"]
    if "emits" in case:
        assert isinstance(outcome, Delivered | Rejected)
        for emit, told in zip(outcome.emits, case["emits"], strict=True):
            assert (emit.topic, emit.key) == (told["topic"], told["key"])
            assert {name: emit.value[name] for name in told["value"]} == told["value"]


def wanted(request: Json) -> Json:
    """A request of a golden file, its XML without the differences that mean nothing."""
    return {**request, "body": canonical("\n".join(request["body"]))} if "body" in request else request
