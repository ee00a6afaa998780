"""Installations that several facts of one file look at, so that each need not be set up for one fact alone."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.kafka.broker import Broker
from sandbox.klaviyo.server import KlaviyoServer
from tests.bars.shop_floor import Floor, shop


@pytest.fixture(scope="module")
def account_of_all() -> Iterator[KlaviyoServer]:
    """A Klaviyo account for all tests of a file."""
    with KlaviyoServer() as server:
        yield server


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all tests of a file."""
    return tmp_path_factory.mktemp("floor")


@pytest.fixture(scope="module")
def floor_of_all(kafka: Broker, place: Path, account_of_all: KlaviyoServer) -> Floor:
    """An installation for all tests of a file."""
    return shop(place, kafka, f"m{uuid.uuid4().hex[:10]}.", account_of_all)
