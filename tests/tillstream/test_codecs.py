"""What a role remembers of the schema registry, and where."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.lookup import RegistryAway
from tests.schemas.examples import PRIYA
from tests.schemas.registry_server import RegistryServer
from tillstream.codecs import codec_of
from tillstream.settings import Settings, load


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    served = RegistryServer()
    yield served
    served.close()


def settings(folder: Path, more: str = "") -> Settings:
    config = folder / "tillstream.toml"
    config.write_text(f'[state]\nfolder = "{folder / "state"}"\n[topics]\nprefix = "eu."\n{more}', encoding="utf-8")
    return load(config, {}, {})


def test_a_role_starts_while_the_registry_is_away_with_what_it_was_told_before(
    server: RegistryServer, tmp_path: Path
) -> None:
    said = settings(tmp_path, f'[registry]\nurl = "{server.url}"\n')
    before = codec_of(said, "klaviyo").encode("customers", PRIYA)
    assert list(server.subjects) == ["eu.customers-value"]
    server.failing = 503
    assert codec_of(said, "klaviyo").encode("customers", PRIYA) == before
    with pytest.raises(RegistryAway):
        codec_of(said, "yotpo").encode("customers", PRIYA)
    with pytest.raises(RegistryAway):
        codec_of(said).encode("customers", PRIYA)


def test_without_a_registry_there_is_nothing_to_remember(tmp_path: Path) -> None:
    said = settings(tmp_path)
    assert codec_of(said, "klaviyo").encode("customers", PRIYA) == codec_of(said).encode("customers", PRIYA)
    assert not (tmp_path / "state").exists()
