"""Read the mapping tables of a connection, the merchant's own over the ones we ship, and make its account of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from consumers.engine.sink import Account, Sink, TableSpec
from tillstream.mapping.folder import find_table, load_table
from tillstream.mapping.table import Table
from tillstream.mapping.transforms import TRANSFORMS
from tillstream.settings import Connection, Settings


def tables_for(specs: Sequence[TableSpec], connection: str, folder: Path) -> tuple[Mapping[str, Table], str]:
    """The tables by name, and the hash of all of them: what was remembered under another is not trusted."""
    tables = {spec.name: _read(spec, connection, folder) for spec in specs}
    return tables, hashlib.blake2b("".join(t.version for t in tables.values()).encode(), digest_size=8).hexdigest()


def account_of(settings: Settings, connection: Connection, sink: Sink, now: Callable[[], datetime]) -> Account:
    """The connection's account at a platform. Raises TableErrors where a table is wrong."""
    tables, version = tables_for(sink.tables, connection.name, settings.mappings.folder)
    return Account(connection, connection.platforms[sink.name], tables, version, now)


def _read(spec: TableSpec, connection: str, folder: Path) -> Table:
    return find_table(spec.name, connection, folder, load_table(spec.shipped, spec.source, TRANSFORMS))
