"""The pages of what is sent say what the tables say."""

from __future__ import annotations

from pathlib import Path

import pytest

import consumers
from operations import mappings, platforms

SHIPPED = sorted(
    sink.parent.name for sink in Path(consumers.__file__).parent.glob("*/sink.py") if sink.parent.name != "engine"
)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_page_of_mappings_is_fresh(name: str) -> None:
    sink = platforms.find()[name]
    assert mappings.place(sink).read_text("utf-8") == mappings.page(sink), "run python -m operations.mappings"
