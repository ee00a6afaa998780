"""Rejected rows come back as a file that can be dropped in again, as often as it takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from producers.files.values import Reject
from producers.rejects import RejectsFile
from tests.producers.files.reading import reading

HEADER = "PERIDX,EMAIL,PRIVACY,FIRSTNAME,REJECT_FILE,REJECT_LINE,REJECT_COLUMN,REJECT_RULE"
FIRST = "customers_20250401T060000Z.csv"


def turned_down(content: bytes | str, file: str, folder: Path) -> bytes:
    """The file of rejected rows that a file of customers leaves behind."""
    found = reading("customers", content)
    with RejectsFile(folder / "rejects", found, file) as rejects:
        rejects.write_all(row for row in found.rows if isinstance(row, Reject))
    return rejects.path.read_bytes()


@pytest.mark.parametrize("row", ["1,kim@a.example,No", "1,kim@a.example,No,Kim, the elder", "1,kim,No,Kim"])
def test_a_row_dropped_in_uncorrected_comes_back_as_it_was(row: str, tmp_path: Path) -> None:
    content = turned_down(f"PERIDX,EMAIL,PRIVACY,FIRSTNAME\n{row}\n", FIRST, tmp_path)
    for _ in range(3):
        header, back = content.decode().splitlines()
        assert header == HEADER
        assert back.startswith(f"{row},{FIRST},2,")
        content = turned_down(content, "customers_20250402T060000Z.csv", tmp_path)
