"""The metrics have the documented names and labels, and no others."""

import re

import pytest
from prometheus_client import Histogram, generate_latest

from tillstream.telemetry import FILES, METRICS, REGISTRY, status_class

DOCUMENTED = """files_total{connection,outcome} file_rows_total{connection,entity,outcome} file_age_seconds{connection}
records_total{group,connection,entity,outcome} inflight_records{group} shelf_records{group,connection,reason}
http_requests_total{group,connection,endpoint,class} http_request_duration_seconds{group,endpoint}
batch_rows{group,endpoint} quota_remaining_ratio{group,connection,endpoint}
quota_wait_seconds_total{group,connection} breaker_state{group,connection} stopped{group,connection,reason}
dlq_records_total{group,reason} dlq_depth{group} oldest_unfinished_record_age_seconds{group}
end_to_end_latency_seconds{group,entity} lag_records{group,topic} lag_seconds{group,topic}
drain_eta_seconds{group} rebalances_total{group,kind} time_spent_seconds_total{group,state}
state_restore_seconds{group} webhooks_total{platform,outcome} balance_gap_rows{connection} build_info"""


def shown() -> set[str]:
    names = set()
    for metric in METRICS:
        suffix = {"counter": "_total", "info": "_info"}.get(metric._type, "")
        labels = f"{{{','.join(metric._labelnames)}}}" if metric._labelnames else ""
        names.add(f"{metric._name.removeprefix('tillstream_')}{suffix}{labels}")
    return names


def test_the_list_is_the_documented_one() -> None:
    assert shown() == set(DOCUMENTED.split())


def test_counters_end_in_total_where_they_are_read() -> None:
    FILES.labels(connection="au", outcome="processed").inc(0)
    page = generate_latest(REGISTRY).decode()
    assert 'tillstream_files_total{connection="au",outcome="processed"} ' in page
    assert re.search(r'^tillstream_build_info\{.*version="', page, re.MULTILINE)


def test_nothing_of_ours_is_measured_outside_the_list() -> None:
    ours = {family.name for family in REGISTRY.collect() if family.name.startswith("tillstream_")}
    assert ours == {metric._name for metric in METRICS}


def test_every_metric_says_what_it_means() -> None:
    assert [metric._name for metric in METRICS if len(metric._documentation) < 10] == []


@pytest.mark.parametrize("metric", [metric for metric in METRICS if isinstance(metric, Histogram)])
def test_buckets_rise(metric: Histogram) -> None:
    assert list(metric._kwargs["buckets"]) == sorted(set(metric._kwargs["buckets"]))


def test_a_redirect_is_no_error() -> None:
    assert status_class(304) == "2xx"
