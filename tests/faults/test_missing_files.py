"""F16: no file has come at the hour when one is expected: an alert, the age of the newest file, and `status`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from operations.lag import sources
from producers.shift import missed
from sandbox.kafka.broker import Broker
from tests.flow.intake import Intake
from tests.producers.desks import CUSTOMER
from tillstream.settings import Connection
from tillstream.telemetry import FILE_AGE

ALERTS = Path(__file__).parents[2] / "operations" / "monitoring" / "alerts.yml"
ROW = "1,kim@customer.example,No,2025-04-01T09:00:00,No\n"
MELBOURNE = ZoneInfo("Australia/Melbourne")


def at(text: str) -> datetime:
    """A moment by the connection's own clock."""
    return datetime.fromisoformat(text).replace(tzinfo=MELBOURNE).astimezone(UTC)


@pytest.mark.parametrize(
    ("taken", "now", "day"),
    [
        ("2025-04-01T06:10", "2025-04-02T06:29", ""),
        ("2025-04-01T06:10", "2025-04-02T06:30", "2025-04-02"),
        ("2025-04-02T00:05", "2025-04-02T06:30", ""),
        ("2025-04-01T23:59", "2025-04-02T23:00", "2025-04-02"),
        ("", "2025-04-02T06:30", "2025-04-02"),
    ],
)
def test_f16_a_day_is_missed_by_the_connections_own_clock(taken: str, now: str, day: str) -> None:
    connection = Connection.model_validate({"expect": "06:30", "timezone": "Australia/Melbourne"})
    assert missed(connection, at(taken) if taken else None, at(now)) == day
    assert missed(Connection.model_validate({"timezone": "Australia/Melbourne"}), None, at(now)) == ""


def test_f16_status_names_the_day_and_a_file_makes_it_well(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    intake = Intake(kafka, prefix, tmp_path, more='expect = "00:00"\ntimezone = "UTC"')
    assert intake.once() == 0
    (source,) = sources(intake.settings)
    assert source.missed == datetime.now(UTC).date().isoformat()
    FILE_AGE.labels("au").set(1e9)
    intake.drop("customers_20250401T060000Z.csv", f"{CUSTOMER}\n{ROW}")
    assert intake.once() == 0
    assert intake.once() == 0
    (source,) = sources(intake.settings)
    assert source.missed is None
    assert 0 <= FILE_AGE.labels("au")._value.get() < 60


def test_f16_an_alert_rings_where_a_connection_has_no_file_for_longer_than_a_day() -> None:
    rules = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"][0]["rules"]
    (rule,) = [rule for rule in rules if "tillstream_file_age_seconds" in rule["expr"]]
    assert rule["alert"] == "FilesAreMissing"
    assert int(rule["expr"].rpartition(">")[2]) > 24 * 3600
