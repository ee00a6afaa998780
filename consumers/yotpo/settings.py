"""What a merchant may say about their Yotpo Loyalty account (`[connection.NAME.yotpo]`)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from consumers.loyalty import Schedule
from consumers.polls import Nightly
from tillstream.settings import Block, Count, Secret, Share, Start, Text, Url


class YotpoSettings(Block):
    """One Yotpo Loyalty account."""

    url: Url = "https://loyalty.yotpo.com/api/v2"
    guid: Text
    api_key: Secret
    start: Start = "now"
    orders: Schedule = "now"
    rate: Count = 4
    quota_share: Share = 1.0
    staff: bool = False
    bulk: bool = False
    sale_types: tuple[str, ...] = ("Sale",)
    negative_points: bool = False
    points_per_unit: Annotated[float, Field(gt=0)] = 1.0
    webhook_token: Secret | None = None
    compare: Nightly = "03:30"
    webhook_secret: Secret | None = None
    webhook_header: Text = "X-Api-Secret"
