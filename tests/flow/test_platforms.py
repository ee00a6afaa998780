"""A platform is a folder: whoever adds one touches nothing else."""

from __future__ import annotations

from operations import platforms
from tests.flow.road import SECOND_PLATFORM
from tillstream.settings import Secret


def test_a_folder_with_a_sink_is_found_with_its_settings() -> None:
    pigeon = platforms.find()["pigeon"]
    assert pigeon.topics == ("customers", "orders")
    made = pigeon.settings(url="http://pigeons.example", key=Secret.of("k"))
    assert pigeon.url(made) == "http://pigeons.example"
    assert all(spec.shipped.is_file() for spec in pigeon.tables)


def test_the_second_platform_is_one_folder_that_nobody_names() -> None:
    """Not one module of the product knows it."""
    home = SECOND_PLATFORM.parents[1]
    product = ("schemas", "tillstream", "producers", "consumers", "operations")
    naming = [
        path for folder in product for path in (home / folder).rglob("*.py") if "pigeon" in path.read_text("utf-8")
    ]
    assert naming == []
    assert {path.name for path in (SECOND_PLATFORM / "consumers" / "pigeon").iterdir()} >= {
        "sink.py",
        "pigeon.letter.toml",
    }
