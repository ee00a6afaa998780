"""Read the mapping tables of a connection: the merchant's own over the ones we ship."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from consumers.engine.sink import TableSpec
from tillstream.mapping.folder import find_table, load_table
from tillstream.mapping.table import Table
from tillstream.mapping.transforms import TRANSFORMS


def tables_for(specs: Sequence[TableSpec], connection: str, folder: Path) -> tuple[Mapping[str, Table], str]:
    """The tables by name, and the hash of all of them: what was remembered under another is not trusted."""
    tables = {spec.name: _read(spec, connection, folder) for spec in specs}
    return tables, hashlib.blake2b("".join(t.version for t in tables.values()).encode(), digest_size=8).hexdigest()


def _read(spec: TableSpec, connection: str, folder: Path) -> Table:
    return find_table(spec.name, connection, folder, load_table(spec.shipped, spec.source, TRANSFORMS))
