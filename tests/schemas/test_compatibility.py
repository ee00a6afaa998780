"""A definition that would strand anybody is refused, and says which field and why."""

import json
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest

from schemas.compatibility import breaks, differences, main
from schemas.definitions import RECORDS, RELEASED, Json, definition, load

Edit = Callable[[Json], object]
MONEY = {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}


def released(folder: Path, schema: Json, edit: Edit) -> Path:
    """A folder in which an earlier release looked different."""
    old = deepcopy(schema)
    edit(old)
    (folder / "earlier-1.avsc").write_text(json.dumps(old))
    return folder


def field(schema: Json, name: str) -> Json:
    found: Json = next(field for field in schema["fields"] if field["name"] == name)
    return found


def test_todays_definitions_get_on_with_every_released_one() -> None:
    assert breaks() == []
    assert {load(path)["name"] for path in RELEASED.glob("*.avsc")} == {definition(topic)["name"] for topic in RECORDS}


def test_the_command_says_yes() -> None:
    subprocess.run([sys.executable, "-m", "schemas.compatibility"], check=True)


@pytest.mark.parametrize(
    ("topic", "edit", "complaint"),
    [
        (
            "customers",
            lambda s: field(s, "mobile").update(type="long"),
            "Customer: field mobile: long cannot be read as string",
        ),
        (
            "customers",
            lambda s: field(s, "mobile").update(type=["null", "string"]),
            "field mobile: null cannot be read as string",
        ),
        (
            "customers",
            lambda s: field(s, "dob").update(type=["null", "int"]),
            "field dob: a plain value would be read as date",
        ),
        ("customers", lambda s: field(s, "line").update(type="int"), "field line: long cannot be read as int"),
        (
            "customers",
            lambda s: s["fields"].append({"name": "sex", "type": "string"}),
            "field sex: is not written and has no default",
        ),
        (
            "orders",
            lambda s: field(s, "lines")["type"]["items"].update(name="Row"),
            "field lines: record Row cannot be read as record Line",
        ),
        (
            "orders",
            lambda s: field(field(s, "lines")["type"]["items"], "line_value").update(type={**MONEY, "scale": 3}),
            "field lines.line_value: decimal(12,3) would be read as decimal(12,2)",
        ),
        (
            "orders",
            lambda s: field(field(s, "original")["type"][1], "key").update(type="bytes"),
            "field original.key: bytes cannot be read as string",
        ),
        ("orders", lambda s: s.update(name="Sale"), "Sale: field *: was released and is gone"),
    ],
)
def test_f23_a_breaking_edit_is_refused(
    topic: str, edit: Edit, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = released(tmp_path, definition(topic), edit)
    assert main(folder) == 1
    assert complaint in capsys.readouterr().err


def test_a_field_may_come_and_go_when_it_has_a_default(tmp_path: Path) -> None:
    added = {"name": "sex", "type": "string", "default": ""}
    folder = released(
        tmp_path, definition("customers"), lambda s: (s["fields"].append(added), s["fields"].remove(field(s, "city")))
    )
    assert breaks(folder) == []


def test_a_symbol_that_readers_do_not_know_is_refused() -> None:
    old = {"type": "enum", "name": "Kind", "symbols": ["sale"]}
    new = {**old, "symbols": ["sale", "refund"]}
    assert [found.rule for found in differences(reader=old, writer=new)] == ["the symbols ['refund'] cannot be read"]
    assert list(differences(reader=new, writer=old)) == []
