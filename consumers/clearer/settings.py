"""What a merchant may say about their Clearer.io account (`[connection.NAME.clearer]`)."""

from __future__ import annotations

from typing import Literal

from consumers.loyalty import Schedule
from consumers.polls import Nightly
from tillstream.settings import Block, Count, Secret, Start, Url

TierExpiry = Literal["none", "calendar_year_end", "next_calendar_year_end", "rolling_12_months"]


class ClearerSettings(Block):
    """One Clearer.io account."""

    url: Url = "https://platform.api.influence.io"
    api_key: Secret
    start: Start = "now"
    orders: Schedule = "now"
    rate: Count = 2
    staff: bool = False
    bulk: bool = False
    sale_types: tuple[str, ...] = ("Sale",)
    webhook_token: Secret | None = None
    compare: Nightly = "03:30"
    tier_expiry: TierExpiry = "none"
