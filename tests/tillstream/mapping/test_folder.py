"""Which table a connection uses."""

from pathlib import Path

import pytest

from tillstream.mapping.folder import find_table, load_table, strays
from tillstream.mapping.shapes import Shape
from tillstream.mapping.table import TableErrors, read_table
from tillstream.mapping.transforms import TRANSFORMS

SHAPE = Shape("Order", {"email": ""})
SHIPPED = read_table('[[row]]\nsource = "email"\ntarget = "mail"\n', SHAPE, TRANSFORMS)


def write(path: Path, constant: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'[[row]]\nconstant = "{constant}"\ntarget = "from"\n', encoding="utf-8")


def used(folder: Path) -> object:
    return find_table("klaviyo.order", "au", folder, SHIPPED).apply({"email": "a"}).get("from")


def test_the_connections_own_table_goes_before_the_one_for_all_and_that_before_ours(tmp_path: Path) -> None:
    assert used(tmp_path) is None
    write(tmp_path / "klaviyo.order.toml", "all")
    assert used(tmp_path) == "all"
    write(tmp_path / "au" / "klaviyo.order.toml", "au")
    assert used(tmp_path) == "au"


def test_errors_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "klaviyo.order.toml"
    path.write_text('[[row]]\nsource = "mail"\ntarget = "x"\n', encoding="utf-8")
    with pytest.raises(TableErrors) as raised:
        find_table("klaviyo.order", "au", tmp_path, SHIPPED)
    assert str(raised.value) == f'{path}, line 2: Order has no field "mail", did you mean "email"?'


def test_a_file_that_is_not_utf8_is_said_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "orders.toml"
    path.write_bytes(b'[[row]]\nnote = "Zo\xeb"\n')
    with pytest.raises(TableErrors, match="line 2: this is not UTF-8"):
        load_table(path, SHAPE, TRANSFORMS)


def test_a_file_that_nobody_would_read_is_told_with_the_nearest_name(tmp_path: Path) -> None:
    for name in ("customers.toml", "custmers.toml", "au/klaviyo.profile.toml", "ua/customers.toml", "au/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("", encoding="utf-8")
    assert list(strays(tmp_path, {"customers", "klaviyo.profile"}, {"au", "nz"})) == [
        f'{tmp_path}/custmers.toml is never read: there is no table "custmers", did you mean "customers"?',
        f'{tmp_path}/ua/customers.toml is never read: there is no connection "ua"',
    ]
    assert list(strays(tmp_path / "none", {"customers"}, {"au"})) == []
