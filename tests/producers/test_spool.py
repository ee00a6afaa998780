"""A file is brought whole onto our own disk, and stays there until whoever fetched it is done with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from producers.folder import FolderInbox
from producers.inbox import Away, Upload
from producers.spool import Spool

UPLOAD = Upload("pending", "customers_20250401T060000Z.csv", 3, 1)


class Copying(FolderInbox):
    """Something happens while it copies."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        self._meanwhile = meanwhile

    def fetch(self, upload: Upload, target: Path) -> None:
        """A copy of nothing in particular."""
        target.write_text("row", encoding="utf-8")
        self._meanwhile()


def test_a_copy_that_hung_takes_nothing_from_its_heir_when_it_ends(tmp_path: Path) -> None:
    heirs = []

    def hang() -> None:
        """The connection is left, and taken again, while the copy goes on."""
        heirs.append(Spool(tmp_path).fetch(Copying(lambda: None), UPLOAD))
        raise Away("timeout", "the server does not answer")

    with pytest.raises(Away):
        Spool(tmp_path).fetch(Copying(hang), UPLOAD)
    assert heirs[0].path.read_text(encoding="utf-8") == "row"


def test_what_a_former_self_left_behind_is_gone(tmp_path: Path) -> None:
    left = Spool(tmp_path).fetch(Copying(lambda: None), UPLOAD)
    Spool(tmp_path)
    assert not left.path.exists()
