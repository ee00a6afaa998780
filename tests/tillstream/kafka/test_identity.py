"""A worker's transactional id survives it, and no two living workers have the same."""

from __future__ import annotations

from pathlib import Path

from tillstream.kafka.identity import identity


def test_two_workers_of_a_role_have_two_ids_and_an_heir_has_the_old_one(tmp_path: Path) -> None:
    with identity(tmp_path, "test.", "ingest") as first, identity(tmp_path, "test.", "ingest") as second:
        assert first.startswith("test.tillstream.ingest.")
        assert first != second
    with identity(tmp_path, "test.", "ingest") as heir:
        assert heir == first


def test_another_state_folder_has_other_ids(tmp_path: Path) -> None:
    with identity(tmp_path / "a", "", "ingest") as one, identity(tmp_path / "b", "", "ingest") as other:
        assert one != other
