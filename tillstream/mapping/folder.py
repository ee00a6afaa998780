"""Find a merchant's own mapping table: the one of a connection, else the one for all, else the shipped one."""

from collections.abc import Collection, Iterator
from pathlib import Path

from tillstream.mapping.check import Problem, TableErrors
from tillstream.mapping.shapes import Shape, Transforms, nearest
from tillstream.mapping.table import Table, read_table


def own_table(name: str, connection: str, folder: Path) -> Path | None:
    """The merchant's file for a table such as `klaviyo.profile`, or None where the shipped one stands alone."""
    places = (folder / connection / f"{name}.toml", folder / f"{name}.toml")
    return next((path for path in places if path.is_file()), None)


def strays(folder: Path, tables: Collection[str], connections: Collection[str]) -> Iterator[str]:
    """A sentence for each file that looks like a merchant's table and that nobody would ever read."""
    for path in sorted((*folder.glob("*.toml"), *folder.glob("*/*.toml"))):
        place = path.parent.relative_to(folder).as_posix()
        if place not in (".", *connections):
            yield f'{path} is never read: there is no connection "{place}"{nearest(place, connections)}'
        elif path.stem not in tables:
            yield f'{path} is never read: there is no table "{path.stem}"{nearest(path.stem, tables)}'


def load_table(
    path: Path, source: Shape, transforms: Transforms, base: Table | None = None, target: Shape | None = None
) -> Table:
    """`read_table` from a file; `TableErrors` name the file."""
    try:
        return read_table(text_of(path), source, transforms, base, target)
    except TableErrors as errors:
        raise TableErrors(errors.problems, str(path)) from None


def text_of(path: Path) -> str:
    """What a table's file says. Raises `TableErrors` where it is not text."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise TableErrors([Problem(line, "this is not UTF-8")]) from None


def find_table(name: str, connection: str, folder: Path, base: Table, target: Shape | None = None) -> Table:
    """The table a connection uses: the merchant's own over the shipped one (`base`). `TableErrors` name the file."""
    own = own_table(name, connection, folder)
    return load_table(own, base.shape, base.transforms, base, target) if own else base
