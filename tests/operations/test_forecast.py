"""How long a replay would take, where a platform counts requests and where it counts points."""

from __future__ import annotations

import pytest

from operations.forecast import Forecast
from operations.platforms import find
from tests.consumers.shopify.shop import account


def test_a_request_counts_for_what_it_costs() -> None:
    """1000 points in 20 seconds: a hundred looks and creations take 1600, at half of the quota."""
    made = Forecast()
    for endpoint, cost in (("customer-read", 6), ("customer-create", 10)):
        made.calls["au", endpoint] += 100
        made.points["au", endpoint] += 100 * cost
    minutes = made.minutes("au", "customer-read", find()["shopify"], account(), 0.5)
    assert minutes == pytest.approx(1600 / 500 * 20 / 60)
