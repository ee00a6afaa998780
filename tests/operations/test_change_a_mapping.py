"""The page about mapping tables names every transform, and its examples do what it says."""

from __future__ import annotations

import importlib
import re

import pytest

from consumers.klaviyo.sink import SINK
from producers.files.layouts import Place, layout
from tests.ground import HOME
from tillstream.mapping.cells import CELLS
from tillstream.mapping.table import read_table
from tillstream.mapping.transforms import TRANSFORMS

for platform in ("apparel21", "clearer", "shopify", "yotpo"):
    importlib.import_module(f"consumers.{platform}.sink")  # its transforms are entered into the registry
PAGE = (HOME / "docs" / "change-a-mapping.md").read_text("utf-8")
FILE, PROFILE, ORDER = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("name", "made"), [*TRANSFORMS.items(), *CELLS.items()])
def test_every_transform_is_named_with_its_sentence(name: str, made: object) -> None:
    assert f"| `{name}` | {str(made.__doc__).splitlines()[0]} |" in PAGE


def test_the_examples_are_tables() -> None:
    read = layout("customers", Place(), FILE).table
    assert (read.columns["Mail"], read.rows[-1].target) == ("EMAIL", "extra.vip")
    for name, text in (("klaviyo.profile", PROFILE), ("klaviyo.order", ORDER)):
        [spec] = [one for one in SINK.tables if one.name == name]
        shipped = read_table(spec.shipped.read_text("utf-8"), spec.source, TRANSFORMS)
        own = read_table(text, spec.source, TRANSFORMS, shipped)
        assert own.version != shipped.version
