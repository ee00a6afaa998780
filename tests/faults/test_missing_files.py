"""F16: no file has come at the hour when one is expected: an alert, the age of the newest file, and `status`."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from operations.lag import source, sources
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
    (found,) = sources(intake.settings)
    assert found.missed == datetime.now(UTC).date().isoformat()
    FILE_AGE.labels("au").set(1e9)
    intake.drop("customers_20250401T060000Z.csv", f"{CUSTOMER}\n{ROW}")
    assert intake.once() == 0
    assert intake.once() == 0
    (found,) = sources(intake.settings)
    assert found.missed is None
    assert 0 <= FILE_AGE.labels("au")._value.get() < 60


def test_f16_a_file_that_says_the_same_as_yesterdays_has_come_all_the_same(
    kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    intake = Intake(kafka, prefix, tmp_path)
    for day in ("20250401", "20250402"):
        intake.drop(f"customers_{day}T060000Z.csv", CUSTOMER)
        assert intake.once() == 0
    (page,) = intake.books().values()
    first, again = datetime.fromisoformat(page.finished), datetime.fromisoformat(page.archived)
    assert intake.once() == 0
    told = datetime.now(UTC).timestamp() - FILE_AGE.labels("au")._value.get()
    assert abs(told - again.timestamp()) < abs(told - first.timestamp())
    calendar = intake.settings.connections["au"].model_copy(update={"expect": time(0), "timezone": ZoneInfo("UTC")})
    yesterday = replace(page, finished=(first - timedelta(days=1)).isoformat())
    assert source(calendar, [yesterday], (0, None), again).missed is None


def test_f16_an_alert_rings_where_a_connection_has_no_file_for_longer_than_a_day() -> None:
    rules = yaml.safe_load(ALERTS.read_text("utf-8"))["groups"][0]["rules"]
    (rule,) = [rule for rule in rules if "tillstream_file_age_seconds" in rule["expr"]]
    assert rule["alert"] == "FilesAreMissing"
    assert int(rule["expr"].rpartition(">")[2]) > 24 * 3600
