"""Read the mapping tables of a connection, the merchant's own over the ones we ship, and make its account of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache, partial
from pathlib import Path

from consumers.engine.sink import Account, Sink, TableSpec
from tillstream.mapping.folder import find_table, load_table
from tillstream.mapping.table import Table
from tillstream.mapping.transforms import TRANSFORMS
from tillstream.settings import Connection, Settings
from tillstream.settings.kinds import SecretError


def tables_for(specs: Sequence[TableSpec], connection: str, folder: Path) -> tuple[Mapping[str, Table], str]:
    """The tables by name, and the hash of all of them: what was remembered under another is not trusted."""
    tables = {spec.name: _read(spec, connection, folder) for spec in specs}
    return tables, hashlib.blake2b("".join(t.version for t in tables.values()).encode(), digest_size=8).hexdigest()


def account_of(settings: Settings, connection: Connection, sink: Sink, now: Callable[[], datetime]) -> Account:
    """The connection's account at a platform. Raises TableErrors where a table is wrong."""
    tables, version = tables_for(sink.tables, connection.name, settings.mappings.folder)
    shared = cache(partial(_shared, settings, connection, sink))
    return Account(connection, connection.platforms[sink.name], tables, version, now, shared)


def _shared(settings: Settings, connection: Connection, sink: Sink) -> bool:
    """Does another connection use the same account? One whose key cannot be read may do so."""
    others = [one.platforms.get(sink.name) for one in settings.connections.values() if one is not connection]
    try:
        own = sink.account_id(connection.platforms[sink.name])
        return any(sink.account_id(other) == own for other in others if other is not None)
    except SecretError:
        return True


def _read(spec: TableSpec, connection: str, folder: Path) -> Table:
    return find_table(spec.name, connection, folder, load_table(spec.shipped, spec.source, TRANSFORMS))
