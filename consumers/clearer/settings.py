"""What a merchant may say about their Clearer.io account (`[connection.NAME.clearer]`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from consumers.loyalty import LoyaltySettings
from tillstream.settings import Count, Secret, Url

TierExpiry = Literal["none", "calendar_year_end", "next_calendar_year_end", "rolling_12_months"]


class ClearerSettings(LoyaltySettings):
    """One Clearer.io account."""

    url: Url = "https://platform.api.influence.io"
    api_key: Secret
    rate: Count = 2
    tier_expiry: TierExpiry = "none"
    tiers: Mapping[str, int] = {}
    """The programme's tiers, and what each takes: Clearer's list of customers names a tier and not its threshold."""
