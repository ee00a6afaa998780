"""The example configuration names every setting, gives each its true default, and loads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from operations import platforms
from tillstream.settings import Block, Settings, load
from tillstream.settings.model import settings_model
from tillstream.settings.shape import at, fields, model_of

EXAMPLE = Path(__file__).parent.parent / "tillstream.example.toml"
SECTION = re.compile(r"\[([\w.-]+)\]")
KEY = re.compile(r"(?:# )?(\w+) = ")
DERIVED = {"pending", "processed", "rejected", "bulk", "test"}


def accounts() -> dict[str, type[BaseModel]]:
    """The settings of every platform of ours; one of another folder on the path is not for the example to name."""
    ours = {name for name in platforms.find() if (EXAMPLE.parent / "consumers" / name).is_dir()}
    return {name: platforms.find()[name].settings for name in ours}


def example() -> Settings:
    return load(EXAMPLE, {}, accounts())


def keys() -> dict[str, set[str]]:
    """Each table of the example -> the keys that stand in it, behind a # or not."""
    found: dict[str, set[str]] = {}
    table: set[str] = set()
    for line in EXAMPLE.read_text("utf-8").splitlines():
        if header := SECTION.match(line.removeprefix("# ")):
            table = found.setdefault(header[1], set())
        elif key := KEY.match(line):
            table.add(key[1])
    return found


def tables(kind: Any) -> Iterator[type[BaseModel]]:
    """Every table of the configuration, however deep; a list of tables is one key."""
    model = model_of(kind)
    if model is not None and issubclass(model, Block):
        yield model
        for name, inner in fields(model).items():
            yield from tables(at(model, ("connection", "au")) if name == "connection" else inner)


def test_the_example_loads() -> None:
    settings = example()
    assert list(settings.connections) == ["au", "nz"]
    assert set(settings.connections["au"].platforms) >= {"klaviyo"}


def test_every_key_stands_in_the_example() -> None:
    model = settings_model(accounts())
    written: dict[type[BaseModel], set[str]] = {}
    for table, found in keys().items():
        if owner := at(model, tuple(table.split("."))):
            written.setdefault(owner, set()).update(found)
    for owner in tables(model):
        missing = {
            name for name, field in owner.model_fields.items() if field.alias is None and not model_of(field.annotation)
        }
        assert not missing - written.get(owner, set()), owner.__name__


def bare() -> Settings:
    """What a configuration means that says no more than it must, in the folder of the example."""
    sftp = {"host": "sftp.example.com", "username": "tillstream", "password": "...", "host_key": "ssh-ed25519 AAAA"}
    context = {"folder": EXAMPLE.parent}
    return settings_model({}).model_validate({"connection": {"au": {"sftp": sftp}}}, context=context)


def values(block: Block) -> dict[str, object]:
    """The values of a table's keys that have a default or follow from the connection's name."""
    named = {
        name
        for name, field in type(block).model_fields.items()
        if not field.is_required() and default(field) is not None
    } | DERIVED
    return {name: getattr(block, name) for name in named & type(block).model_fields.keys()}


def default(field: FieldInfo) -> object:
    return field.get_default(call_default_factory=True, validated_data={})


def test_every_value_in_the_example_is_the_default() -> None:
    ours, theirs = example(), bare()
    assert values(ours.model_copy(update={"connections": {}})) == values(theirs.model_copy(update={"connections": {}}))
    au, minimal = ours.connections["au"], theirs.connections["au"]
    assert values(au) == values(minimal)
    assert au.sftp is not None
    assert minimal.sftp is not None
    assert values(au.sftp) == values(minimal.sftp)


def test_every_value_of_a_platform_in_the_example_is_the_default() -> None:
    for name, account in example().connections["au"].platforms.items():
        for key, field in type(account).model_fields.items():
            if not field.is_required() and default(field) is not None:
                assert getattr(account, key) == default(field), f"{name}.{key}"
