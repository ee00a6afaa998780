"""Find the platforms: every package under `consumers` whose sink.py holds a `SINK`."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from importlib.util import find_spec
from types import ModuleType

import consumers
from consumers.engine.sink import Sink


@cache
def find() -> dict[str, Sink]:
    """Every platform's declaration by its name, in order of names. Imports them all."""
    found = (getattr(importlib.import_module(f"consumers.{name}.sink"), "SINK", None) for name in _packages())
    return {sink.name: sink for sink in found if isinstance(sink, Sink)}


@cache
def part(name: str, module: str) -> ModuleType | None:
    """A module that a platform may have besides its sink (`webhook`, `poll`, `subscriptions`), or None."""
    full = f"consumers.{name}.{module}"
    return importlib.import_module(full) if find_spec(full) else None


def _packages() -> list[str]:
    packages = sorted(module.name for module in pkgutil.iter_modules(consumers.__path__) if module.ispkg)
    return [name for name in packages if name != "engine" and find_spec(f"consumers.{name}.sink")]
