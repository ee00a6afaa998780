"""What the demo shows while it runs, read from where it stands: the books in Kafka, Klaviyo's own count, /metrics."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import httpx
from prometheus_client.parser import text_string_to_metric_families

from operations import platforms
from operations.audit import ledger
from operations.demo.stage import Stage
from operations.standing import standing
from schemas.topics import Names

GROUP = "klaviyo"
RESTLESS = ("tillstream_lag_records", "tillstream_shelf_records", "tillstream_inflight_records")


class Figures(NamedTuple):
    """How far everything is: files done with, their rows, the records published, and how those ended."""

    archived: int
    rows: int
    rejected: int
    published: int
    delivered: int
    unchanged: int
    superseded: int
    skipped: int
    dead: int
    requests: int
    failed: int

    @property
    def finished(self) -> int:
        """Records that got their last word."""
        return self.delivered + self.unchanged + self.superseded + self.skipped + self.dead

    @property
    def waiting(self) -> int:
        """Records that did not."""
        return self.published - self.finished


def look(stage: Stage) -> Figures:
    """How far everything is now. Raises KafkaException."""
    kafka, names = stage.settings.kafka.options(), Names(stage.settings.topics.prefix)
    group = standing(kafka, names, platforms.find()[GROUP])
    pages = list(ledger(kafka, names).values())
    ends: Counter[str] = Counter()
    for counts in group.done.values():
        for outcome, count in counts.items():
            ends[outcome.partition(":")[0]] += count
    answers = requests(stage)
    return Figures(
        archived=sum(bool(page.archived) for page in pages),
        rows=sum(page.rows for page in pages),
        rejected=sum(page.rejected for page in pages),
        published=sum(sum(page.topics.values()) for page in pages),
        delivered=ends["delivered"],
        unchanged=ends["unchanged"],
        superseded=ends["superseded"],
        skipped=ends["skipped"],
        dead=ends["dead"],
        requests=sum(sum(counts.values()) for counts in answers.values()),
        failed=sum(count for counts in answers.values() for status, count in counts.items() if status >= 500),
    )


def requests(stage: Stage) -> dict[str, dict[int, int]]:
    """What Klaviyo answered: requests by endpoint and status."""
    told = stage.klaviyo.counts()["endpoints"]
    return {endpoint: {int(status): count for status, count in counts.items()} for endpoint, counts in told.items()}


def breaker(stage: Stage) -> int:
    """Calls to Klaviyo: 0 they flow, 1 one is tried, 2 they rest."""
    return int(max(_values(stage, "tillstream_breaker_state"), default=0))


def restless(stage: Stage) -> bool:
    """Is there anything the worker has not finished, its own follow-ups included?"""
    return any(value for name in RESTLESS for value in _values(stage, name))


def _values(stage: Stage, metric: str) -> list[float]:
    page = httpx.get(f"{stage.worker.url}/metrics", timeout=10, trust_env=False).text
    return [
        sample.value
        for family in text_string_to_metric_families(page)
        if family.name == metric
        for sample in family.samples
    ]
