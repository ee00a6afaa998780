"""A simulated Clearer.io account for each test that asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.clearer.server import ClearerServer


@pytest.fixture
def clearer() -> Iterator[ClearerServer]:
    """A fresh account on real HTTP that knows the key of our tests only."""
    with ClearerServer(api_key="k-1") as server:
        yield server
