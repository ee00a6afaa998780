"""Say what waits in a worker's hands: for which time or event, and how much of it."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from consumers.engine.live import Live
from consumers.engine.shelf import AT, ON
from consumers.engine.slot import UNWELL, Slot


def waits(slots: Iterable[Slot], lives: Iterable[Live]) -> list[str]:
    """A line for each connection that is not served, and one for each reason for which records are on the shelf."""
    held = list(slots)
    return [*(_stopped(live, held) for live in lives if live.unwell), *_shelved(held)]


def _stopped(live: Live, slots: list[Slot]) -> str:
    entries = [orjson.loads(raw) for slot in slots if (raw := slot.state.get(UNWELL + live.name))]
    since = min((entry["since"] for entry in entries), default="now")
    return f"{live.name}: {'stopped' if live.stopped else 'away'} since {since}: {live.unwell}"


def _shelved(slots: list[Slot]) -> list[str]:
    counts: dict[tuple[str, str, str], int] = {}
    first: dict[tuple[str, str, str], str] = {}
    for slot in slots:
        for prefix in (AT, ON):
            for _, raw in slot.state.scan(prefix):
                entry = orjson.loads(raw)
                reason = (entry["key"].partition("/")[0], entry.get("told") or entry["why"], entry["wakes"])
                counts[reason] = counts.get(reason, 0) + 1
                if entry["until"]:
                    first[reason] = min(first.get(reason, entry["until"]), entry["until"])
    return [
        f"{connection}: {count} on the shelf, {why}, "
        + (f"the first until {first[reason]}" if reason in first else f"until {wakes}")
        for reason, count in sorted(counts.items())
        for connection, why, wakes in [reason]
    ]
