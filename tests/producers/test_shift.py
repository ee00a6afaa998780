"""What a shift reads before it begins: the tables of each kind of file."""

from __future__ import annotations

from pathlib import Path

import pytest

from producers.shift import layouts_of
from tillstream.mapping.check import TableErrors
from tillstream.settings import Connection


def test_a_table_of_files_that_is_not_text_is_named_with_its_line(tmp_path: Path) -> None:
    table = tmp_path / "customers.toml"
    table.write_bytes('[columns]\nPrénom = "FIRSTNAME"\n'.encode("windows-1252"))
    with pytest.raises(TableErrors) as raised:
        layouts_of(Connection.model_validate({}), tmp_path)
    assert str(raised.value) == f"{table}, line 2: this is not UTF-8"
