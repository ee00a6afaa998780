"""The page that leads through the code: what it names is there, and it names every module of what it leads through."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "read-the-code.md").read_text("utf-8")
ROAD = re.findall(r"`((?:producers|consumers|tillstream)/[\w/]+)\.py`\s+`(\w+)(?:\.(\w+))?`", PAGE)
NAMED = set(re.findall(r"`(\w+)`", PAGE))


def test_the_road_of_a_record_is_made_of_things_that_exist() -> None:
    assert len(ROAD) > 20
    for path, name, method in ROAD:
        found = getattr(importlib.import_module(path.replace("/", ".")), name)
        assert not method or hasattr(found, method), f"{path}: {name}.{method}"


@pytest.mark.parametrize("folder", ["consumers/engine", "operations", "operations/demo", "tillstream"])
def test_every_module_is_on_the_map(folder: str) -> None:
    pattern = "**/*.py" if folder == "tillstream" else "*.py"
    modules = {file.stem for file in (ROOT / folder).glob(pattern)} - {"__init__", "cli"}
    assert modules <= NAMED
