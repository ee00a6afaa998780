"""What was turned away for a reason that lay with us is read when the same bytes come again."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.kafka.broker import Broker
from tests.flow.intake import Intake
from tests.producers.desks import CUSTOMER

MONDAY = "customers_20250401T060000Z.csv"
ROW = "1,kim@customer.example,No,2025-04-01T09:00:00,No\n"


@pytest.fixture
def intake(kafka: Broker, prefix: str, tmp_path: Path) -> Intake:
    return Intake(kafka, prefix, tmp_path)


def mend(folder: Path, table: str) -> None:
    (folder / "mappings").mkdir()
    (folder / "mappings" / "customers.toml").write_text(table, encoding="utf-8")


def test_a_refused_file_is_read_when_its_columns_have_been_named(intake: Intake, tmp_path: Path) -> None:
    content = f"{CUSTOMER.replace('PRIVACY', 'NO_CONTACT')}\n{ROW}"
    intake.drop(MONDAY, content)
    intake.once()
    assert intake.books()[MONDAY].refused
    mend(tmp_path, '[columns]\nNO_CONTACT = "PRIVACY"\n')
    intake.drop(MONDAY, content)
    intake.once()
    assert [key for key, _ in intake.events("customers")] == ["au/kim@customer.example"]
    page = intake.books()[MONDAY]
    assert (page.rows, page.accepted, page.refused, page.gap) == (1, 1, (), 0)


def test_rows_that_were_all_rejected_are_read_when_their_dates_have_been_named(intake: Intake, tmp_path: Path) -> None:
    intake.drop(MONDAY, f"{CUSTOMER}\n{ROW.replace('2025-04-01T09:00:00', '1.04.2025')}")
    intake.once()
    for mended in (False, True):
        name = intake.names_in("rejected")[-1]
        content = intake.place("rejected", name).read_bytes()
        intake.place("rejected", name).unlink()
        if mended:
            mend(tmp_path, '[dates]\nLAST_UPDATED = ["D.MM.YYYY"]\n')
        intake.drop(name, content)
        intake.once()
    assert [key for key, _ in intake.events("customers")] == ["au/kim@customer.example"]
    assert intake.names_in("rejected") == []
    assert all(page.gap == 0 for page in intake.books().values())
