"""Polls on real Kafka: what changed at the tills becomes events, each once, whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.apparel21.server import Apparel21Server
from sandbox.kafka.broker import Broker
from tests.flow.till import Till

PRIYA = "priya.oconnor@customer.example"
Open = Callable[..., Till]


@pytest.fixture
def apparel21() -> Iterator[Apparel21Server]:
    """A fresh Retail API."""
    with Apparel21Server() as server:
        yield server


def account(server: Apparel21Server, settings: str = "") -> str:
    """The table of a connection's Apparel21."""
    gap = "" if "gap =" in settings else 'gap = "2ms"\n'
    user = 'username = "tillstream"\npassword = "sandbox"'
    return f'[connection.au.apparel21]\nurl = "{server.api}"\n{user}\n{gap}{settings}\n'


@pytest.fixture
def till(kafka: Broker, prefix: str, tmp_path: Path, apparel21: Apparel21Server) -> Open:
    """A connection with an account at Apparel21, and others."""
    return lambda settings="", others="": Till(kafka, prefix, tmp_path, account(apparel21, settings) + others)


def test_a_sign_up_becomes_an_event_once(till: Open, apparel21: Apparel21Server) -> None:
    apparel21.seed(PRIYA, id=7, texts={"Contacts/Phones/Home": "0491 570 006", "DateOfBirth": "1990-02-14"})
    road = till()
    assert road.once() == 0
    ((key, priya),) = road.events("customers")
    assert (key, priya["origin"], priya["person_id"], priya["mobile"]) == (
        f"au/{PRIYA}",
        "apparel21-poll",
        "7",
        "+61491570006",
    )
    assert road.once() == 0
    assert len(road.events("customers")) == 1
    page = road.page("apparel21-poll")
    assert (page.rows, page.accepted, page.records, page.gap) == (1, 1, 1, 0)
