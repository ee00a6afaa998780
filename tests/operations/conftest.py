"""An installation on the real broker."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.kafka.broker import Broker
from tests.operations.shop import Shop, settings


@pytest.fixture
def shop(kafka: Broker, prefix: str, tmp_path: Path) -> Shop:
    """One connection, au, with an account at a toy platform."""
    return Shop(settings(kafka.bootstrap, prefix, tmp_path))
