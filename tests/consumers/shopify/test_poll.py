"""The nightly look at the shop's customers: what is a page, and where the list goes on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest

from consumers.engine.outcome import RetryLater
from consumers.engine.wire import Json, Response
from consumers.shopify.poll import POLL
from tests.consumers.polling import Answer, Watcher
from tests.consumers.shopify.shop import NOW, account, customer

REFUSED = {"errors": [{"message": "Invalid cursor for current pagination sort."}]}


def always(body: Json) -> Answer:
    return lambda _: Response(200, orjson.dumps(body))


def page(*numbers: str, further: str | None = None) -> Json:
    info = {"hasNextPage": further is not None, "endCursor": further}
    return {"data": {"customers": {"nodes": [customer(number) for number in numbers], "pageInfo": info}}}


def cursors(watcher: Watcher) -> list[Any]:
    return [request.body["variables"]["after"] for request in watcher.asked]


@pytest.mark.parametrize(
    "body", [{"data": {"customers": None}}, {"data": {"customers": {"nodes": None}}}, {"data": {}}]
)
def test_an_answer_that_is_no_list_moves_nothing(body: Json) -> None:
    watcher = Watcher(POLL, account(), always(body))
    assert isinstance(watcher.look(), RetryLater)
    assert watcher.position is None


def test_a_page_that_is_not_there_any_more_begins_the_list_again() -> None:
    watcher = Watcher(POLL, account(), always(page("1", further="c1")))
    watcher.look()
    watcher.answer = always(REFUSED)
    watcher.look(NOW + timedelta(minutes=10))
    watcher.answer = always(page("1", "2"))
    assert len(watcher.records(NOW + timedelta(minutes=20))) == 1
    assert cursors(watcher) == [None, "c1", None]
