"""The quick path: most records of a nightly full export say nothing new, and are passed over without being decoded."""

from __future__ import annotations

from consumers.engine.item import Record
from consumers.engine.outcome import Unchanged
from consumers.engine.sink import Route


def unchanged(record: Record, route: Route, version: str) -> Unchanged | None:
    """Unchanged when the record's content hash is the one remembered under these tables; None when a plan must look.

    A newer row with the same content advances what is remembered, so that an older one with other content, coming late,
    is known to be late.
    """
    if route.kind != "state" or record.part or record.forced or not record.content:
        return None
    memory = record.known(route.memory)
    if not memory or memory.get("tables") != version:
        return None
    entry = memory.get("seen", {}).get(record.object)
    if entry is None or entry[0] != record.content:
        return None
    if entry[1] >= record.order:
        return Unchanged()
    noted = {**memory["seen"], record.object: [entry[0], record.order]}
    return Unchanged({route.memory: {**memory, "seen": noted}})
