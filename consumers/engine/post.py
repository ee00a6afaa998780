"""Where a worker stands, as both of its sides need to know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.topics import Names
from tillstream.kafka.topics import Timing


@dataclass(frozen=True, slots=True)
class Post:
    """Where a worker stands: Kafka's settings, names and ids of topics, their partitions, the folder of its stores."""

    kafka: Mapping[str, Any]
    names: Names
    group: str
    topics: Mapping[str, str]  # full name -> bare name, all that the group reads
    topic_ids: Mapping[str, str]
    partitions: int
    folder: Path
    timing: Timing
