"""Every metric there is, with its labels, in one list. Labels hold values of closed sets: never a person or a file."""

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

disable_created_metrics()  # type: ignore[no-untyped-call]  # the time stamp of each counter's birth doubles the page for no question anybody asks

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

CALL_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""From a platform around the corner to the longest time-out."""

ROAD_SECONDS = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 4 * 3600, 24 * 3600)
"""From one sale to a first load that takes the night."""

ROWS = (1, 10, 50, 100, 250, 500, 1000, 2500, 5000, 10000)
"""From the single-record endpoints to the largest bulk job."""


Metric = TypeVar("Metric", Counter, Gauge, Histogram, Info)

METRICS: list[Counter | Gauge | Histogram | Info] = []
"""All of them, in the order below; a dashboard or an alert that names another one is wrong."""


def _listed(metric: Metric) -> Metric:
    METRICS.append(metric)
    return metric


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    """A counter; `_total` is added to its name where it is read."""
    return _listed(Counter(f"tillstream_{name}", meaning, labels, registry=REGISTRY))


def _gauge(name: str, meaning: str, *labels: str) -> Gauge:
    return _listed(Gauge(f"tillstream_{name}", meaning, labels, registry=REGISTRY))


def _histogram(name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
    return _listed(Histogram(f"tillstream_{name}", meaning, labels, buckets=buckets, registry=REGISTRY))


FILES = _counter("files", "Files finished, by what became of them", "connection", "outcome")
FILE_ROWS = _counter("file_rows", "Rows of files, by what became of them", "connection", "entity", "outcome")
FILE_AGE = _gauge("file_age_seconds", "Age of the newest file taken", "connection")
RECORDS = _counter("records", "Records that ended, by how", "group", "connection", "entity", "outcome")
INFLIGHT_RECORDS = _gauge("inflight_records", "Records taken from Kafka and not yet settled", "group")
SHELF_RECORDS = _gauge("shelf_records", "Records that wait for a time or an event", "group", "connection", "reason")
HTTP_REQUESTS = _counter("http_requests", "Calls, by class of answer", "group", "connection", "endpoint", "class")
HTTP_REQUEST_DURATION = _histogram(
    "http_request_duration_seconds", "How long a call took, with its answer", CALL_SECONDS, "group", "endpoint"
)
BATCH_ROWS = _histogram("batch_rows", "Records that went in one call", ROWS, "group", "endpoint")
QUOTA_REMAINING = _gauge(
    "quota_remaining_ratio", "What is left of the current window, 0 to 1", "group", "connection", "endpoint"
)
QUOTA_WAIT = _counter("quota_wait_seconds", "Time spent waiting for a platform's quota", "group", "connection")
BREAKER_STATE = _gauge("breaker_state", "Calls to a platform: 0 flow, 1 are tried, 2 rest", "group", "connection")
STOPPED = _gauge("stopped", "1 while a connection is stopped and needs a person", "group", "connection", "reason")
DLQ_RECORDS = _counter("dlq_records", "Records put on the dead-letter topic", "group", "reason")
DLQ_DEPTH = _gauge("dlq_depth", "Records on the dead-letter topic that nobody has redriven", "group")
OLDEST_UNFINISHED = _gauge(
    "oldest_unfinished_record_age_seconds", "Age of the oldest record taken and not yet settled", "group"
)
END_TO_END_LATENCY = _histogram(
    "end_to_end_latency_seconds", "From the record's file to the platform's yes", ROAD_SECONDS, "group", "entity"
)
LAG_RECORDS = _gauge("lag_records", "Records of a topic that the group has not passed", "group", "topic")
LAG_SECONDS = _gauge("lag_seconds", "How far the group is behind, by source time", "group", "topic")
DRAIN_ETA = _gauge("drain_eta_seconds", "Time until the lag is gone, at the present pace", "group")
REBALANCES = _counter("rebalances", "Changes of the assignment", "group", "kind")
TIME_SPENT = _counter("time_spent_seconds", "Where a worker's second goes", "group", "state")
STATE_RESTORE = _gauge("state_restore_seconds", "How long the last restore of the state took", "group")
WEBHOOKS = _counter("webhooks", "Webhooks received, by what became of them", "platform", "outcome")
BALANCE_GAP = _gauge("balance_gap_rows", "Rows the books cannot account for; must be 0", "connection")
BUILD = _listed(Info("tillstream_build", "What is running", registry=REGISTRY))


def status_class(status: int | None) -> str:
    """The label `class` of a call: how it was answered, `none` if it was not.

    >>> [status_class(status) for status in (202, 404, 429, 503, None)]
    ['2xx', '4xx', '429', '5xx', 'none']
    """
    if status is None:
        return "none"
    if status == 429:
        return "429"
    return "2xx" if status < 400 else "4xx" if status < 500 else "5xx"


def release() -> str:
    """The version of the installed package; `unknown` in a bare checkout."""
    try:
        return version("tillstream")
    except PackageNotFoundError:
        return "unknown"


BUILD.info({"version": release(), "python": platform.python_version()})
