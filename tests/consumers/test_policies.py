"""Which sales every platform leaves alone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from consumers import policies
from tillstream.settings import Connection

ORDER: dict[str, Any] = {
    "tran_number": "D11300004711",
    "order_number": "",
    "store_code": "DONCASTER",
    "tran_type": "Sale",
    "person_id": "73152",
    "email": "",
    "sale_datetime": datetime(2024, 12, 31, 13, 30, tzinfo=UTC),
    "zone": "Australia/Melbourne",
    "origin": "apparel21-file",
}


@pytest.mark.parametrize(
    ("changes", "policy"),
    [
        ({}, None),
        ({"person_id": ""}, "anonymous"),
        ({"tran_number": "w12"}, "web"),
        ({"order_number": "W12"}, "web"),
        ({"store_code": "WEB"}, "web"),
        ({"tran_type": " sale "}, None),
        ({"tran_type": ""}, None),
        ({"tran_type": "Layby"}, "not_a_sale"),
        ({"tran_type": "Something New"}, "not_a_sale"),
        ({"sale_datetime": datetime(2024, 12, 31, 12, 30, tzinfo=UTC)}, "too_early"),
    ],
)
def test_a_sale_goes_on_or_the_policy_has_a_name(changes: dict[str, Any], policy: str | None) -> None:
    connection = Connection(orders_since=date(2025, 1, 1))  # 13:30 UTC is the new year in Melbourne, 12:30 is not
    assert policies.sale({**ORDER, **changes}, connection) == policy


def test_a_merchant_may_take_laybys_and_have_other_web_stores() -> None:
    assert policies.not_a_sale({**ORDER, "tran_type": "layby"}, ("Sale", "Layby")) is None
    connection = Connection(web_stores=("ONLINE",))
    assert policies.web({**ORDER, "store_code": "ONLINE"}, connection) == "web"
    assert policies.web({**ORDER, "store_code": "WEB"}, connection) is None


def test_origins_and_addresses() -> None:
    assert policies.origin(ORDER, {"shopify"}) == "origin"
    assert policies.origin(ORDER, {"apparel21-file"}) is None
    assert policies.no_email("au/person:73171") == "no_email"
    assert policies.no_email("au/kim@wattle.example") is None
