"""Find a merchant's own mapping table: the one of a connection, else the one for all, else the shipped one."""

from pathlib import Path

from tillstream.mapping.check import Problem, TableErrors
from tillstream.mapping.shapes import Shape, Transforms
from tillstream.mapping.table import Table, read_table


def own_table(name: str, connection: str, folder: Path) -> Path | None:
    """The merchant's file for a table such as `klaviyo.profile`, or None where the shipped one stands alone."""
    places = (folder / connection / f"{name}.toml", folder / f"{name}.toml")
    return next((path for path in places if path.is_file()), None)


def load_table(
    path: Path, source: Shape, transforms: Transforms, base: Table | None = None, target: Shape | None = None
) -> Table:
    """`read_table` from a file; `TableErrors` name the file."""
    try:
        return read_table(path.read_text(encoding="utf-8-sig"), source, transforms, base, target)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise TableErrors([Problem(line, "this is not UTF-8")], str(path)) from None
    except TableErrors as errors:
        raise TableErrors(errors.problems, str(path)) from None


def find_table(name: str, connection: str, folder: Path, base: Table, target: Shape | None = None) -> Table:
    """The table a connection uses: the merchant's own over the shipped one (`base`). `TableErrors` name the file."""
    own = own_table(name, connection, folder)
    return load_table(own, base.shape, base.transforms, base, target) if own else base
