"""What a merchant may say about their Yotpo Loyalty account (`[connection.NAME.yotpo]`)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from consumers.loyalty import LoyaltySettings
from tillstream.settings import Count, Secret, Share, Text, Url


class YotpoSettings(LoyaltySettings):
    """One Yotpo Loyalty account."""

    url: Url = "https://loyalty.yotpo.com/api/v2"
    guid: Text
    api_key: Secret
    rate: Count = 4
    quota_share: Share = 1.0
    negative_points: bool = False
    points_per_unit: Annotated[float, Field(gt=0)] = 1.0
    webhook_secret: Secret | None = None
    webhook_header: Text = "X-Api-Secret"
