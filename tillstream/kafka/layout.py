"""Which topics an installation has, and how each is kept."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.topics import EVENT_TOPICS, Names
from tillstream.kafka.topics import Plan, kept
from tillstream.settings import Settings


def shared(settings: Settings) -> list[Plan]:
    """The topics that producers write and every consumer reads, and the books."""
    names, topics = Names(settings.topics.prefix), settings.topics
    events = [(names.topic(name), kept(topics.keep_events)) for name in EVENT_TOPICS]
    inner = [(name, _compacted(settings)) for name in (names.ingest, names.ledger, names.programs, names.replays)]
    return _plans(settings, [*events, *inner, (names.receipts, kept(topics.keep_receipts))])


def of_sink(settings: Settings, sink: str) -> list[Plan]:
    """The topics of one platform's group."""
    names, topics = Names(settings.topics.prefix), settings.topics
    own = [
        (names.state(sink), _compacted(settings)),
        (names.dead_letters(sink), kept(topics.keep_dead_letters)),
        (names.replay(sink), kept(topics.keep_replays)),
    ]
    return _plans(settings, own)


def of_webhooks(settings: Settings) -> list[Plan]:
    """The topic of webhooks that nobody can read."""
    name = Names(settings.topics.prefix).webhooks_dead_letters
    return _plans(settings, [(name, kept(settings.topics.keep_dead_letters))])


def _compacted(settings: Settings) -> dict[str, str]:
    topics = settings.topics
    return {
        "cleanup.policy": "compact",
        "segment.bytes": str(topics.segment_bytes),
        "segment.ms": str(int(topics.segment_age.total_seconds() * 1000)),
        "min.cleanable.dirty.ratio": str(topics.dirty_ratio),
        "max.compaction.lag.ms": str(int(topics.compact_within.total_seconds() * 1000)),
        "delete.retention.ms": str(int(topics.keep_tombstones.total_seconds() * 1000)),
    }


def _plans(settings: Settings, topics: Iterable[tuple[str, dict[str, str]]]) -> list[Plan]:
    return [Plan(name, settings.topics.partitions, settings.topics.replication, config) for name, config in topics]
