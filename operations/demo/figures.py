"""What the demo shows while it runs, read from where it stands: the books, the platforms' own count, /metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import httpx
from prometheus_client.parser import text_string_to_metric_families

from operations import platforms
from operations.audit import ledger
from operations.demo.stage import Stage
from operations.standing import Standing, running, standing
from schemas.topics import Names

KLAVIYO = "klaviyo"
FOLDERS = ("bulk", "pending")
FILES, ROWS, RECORDS = "tillstream_files_total", "tillstream_file_rows_total", "tillstream_records_total"
BREAKER = "tillstream_breaker_state"
RESTLESS = ("tillstream_lag_records", "tillstream_shelf_records", "tillstream_inflight_records")


class Group(NamedTuple):
    """What became of the records that a group has seen, and how many still wait."""

    delivered: int = 0
    unchanged: int = 0
    superseded: int = 0
    skipped: int = 0
    dead: int = 0
    waiting: int = 0

    @property
    def records(self) -> int:
        """All of them."""
        return sum(self)


class Figures(NamedTuple):
    """How far everything is: files done with, their rows, and where each group stands."""

    archived: int
    rows: int
    rejected: int
    groups: Mapping[str, Group]

    @property
    def klaviyo(self) -> Group:
        """Of the one group that the outage and the dead letter are about."""
        return self.groups.get(KLAVIYO, Group())

    @property
    def waiting(self) -> int:
        """Records without their last word, of all groups."""
        return sum(group.waiting for group in self.groups.values())


def look(stage: Stage) -> Figures:
    """How far everything is now. Raises KafkaException."""
    kafka, names = stage.settings.kafka.options(), Names(stage.settings.topics.prefix)
    pages = [page for page in ledger(kafka, names).values() if page.folder in FOLDERS]
    sinks = list(running(stage.settings, platforms.find()).values())
    with ThreadPoolExecutor(len(sinks)) as crew:  # each mostly waits for Kafka
        found = crew.map(lambda sink: standing(kafka, names, sink), sinks)
        groups = {one.group: _group(one) for one in found}
    return Figures(
        archived=sum(bool(page.archived) for page in pages),
        rows=sum(page.rows for page in pages),
        rejected=sum(page.rejected for page in pages),
        groups=groups,
    )


def _group(found: Standing) -> Group:
    ends: Counter[str] = Counter()
    for counts in found.done.values():
        for outcome, count in counts.items():
            ends[outcome.partition(":")[0]] += count
    ends["waiting"] = sum(waits.count for waits in found.waiting.values())
    return Group(*(ends[name] for name in Group._fields))


def requests(stage: Stage) -> dict[str, Counter[str]]:
    """What each platform answered: `2xx` -> count, `none` where a connection was broken."""
    return {
        name: sum((_classes(statuses) for statuses in endpoints.values()), Counter())
        for name, endpoints in stage.town.everybody().items()
    }


def _classes(statuses: Mapping[str, int]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for status, count in statuses.items():
        counted["none" if status == "0" else f"{status[0]}xx"] += count
    return counted


class Live(NamedTuple):
    """How far everything is by the roles' own figures, which cost nobody anything.

    `ended` counts records that got their last word, of all platforms; `breaker` is Klaviyo's: 0 calls flow, 1 one is
    tried, 2 they rest.
    """

    files: int
    rows: int
    delivered: Mapping[str, int]
    ended: int
    breaker: int


def live(stage: Stage) -> Live:
    """How far everything is, from /metrics."""
    counted: Counter[str] = Counter()
    delivered: Counter[str] = Counter()
    breaker = 0.0
    for name, labels, value in _samples(stage):
        counted[name] += int(value)
        if name == RECORDS and labels["outcome"] == "delivered":
            delivered[labels["group"]] += int(value)
        if name == BREAKER and labels["group"] == KLAVIYO:
            breaker = max(breaker, value)
    return Live(counted[FILES], counted[ROWS], delivered, counted[RECORDS], int(breaker))


def restless(stage: Stage) -> bool:
    """Is there anything the workers have not finished, their own follow-ups included?"""
    return any(value for name, _, value in _samples(stage) if name in RESTLESS)


def _samples(stage: Stage) -> Iterator[tuple[str, Mapping[str, str], float]]:
    """Name, labels and value of the metrics that the demo looks at."""
    page = httpx.get(f"{stage.roles.url}/metrics", timeout=10, trust_env=False).text
    wanted = "\n".join(
        line for line in page.splitlines() if line.startswith((FILES, ROWS, RECORDS, BREAKER, *RESTLESS))
    )
    for family in text_string_to_metric_families(wanted + "\n"):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value
