"""An alert on a metric that does not exist never rings, so each must name what we really measure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from prometheus_client import Histogram

from tillstream.telemetry import METRICS

FOLDER = Path(__file__).parent.parent.parent / "operations" / "monitoring"
RULES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))["groups"][0]["rules"]


def measured() -> dict[str, set[str]]:
    """Every series by the name Prometheus gives it -> its labels."""
    found = {}
    for metric in METRICS:
        (family,) = metric.describe()
        bucket = "_bucket" if isinstance(metric, Histogram) else ""
        suffix = {"counter": "_total", "info": "_info"}.get(family.type, bucket)
        found[family.name + suffix] = set(metric._labelnames)
    return found


def test_every_alert_asks_for_what_is_measured() -> None:
    known = measured()
    for rule in RULES:
        for name, labels in re.findall(r"(tillstream_\w+)(?:\{(\w+)=)?", rule["expr"]):
            assert name in known, rule["alert"]
            assert not labels or labels in known[name], rule["alert"]


def test_every_alert_tells_what_to_do() -> None:
    for rule in RULES:
        assert rule["annotations"]["action"]
        assert rule["labels"]["severity"] in {"page", "ticket"}


def test_prometheus_reads_the_alerts_and_finds_every_role() -> None:
    configuration: dict[str, Any] = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))
    assert configuration["rule_files"] == ["alerts.yml"]
    services = yaml.safe_load((FOLDER.parent.parent / "docker-compose.yml").read_text("utf-8"))["services"]
    roles = {name for name, service in services.items() if {"produce", "consume"} & set(service.get("command", ()))}
    (job,) = configuration["scrape_configs"]
    assert set(job["dns_sd_configs"][0]["names"]) == roles
