"""What a customer's record says of marketing, channel by channel; the same for every platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Channel = Literal["email", "sms"]
CHANNELS: tuple[Channel, ...] = ("email", "sms")


def statements(record: Mapping[str, Any]) -> dict[Channel, bool]:
    """The yes or no of each channel; one it says nothing about is left out.

    Privacy is a no to both; no privacy is a yes to e-mail where its own column is blank.

    >>> statements({"privacy": False, "email_opt_in": None, "sms_opt_in": None})
    {'email': True}
    """
    if record["privacy"]:
        return dict.fromkeys(CHANNELS, False)
    email = record["email_opt_in"] if record["email_opt_in"] is not None or record["privacy"] is None else True
    said = {"email": email, "sms": record["sms_opt_in"]}
    return {channel: said[channel] for channel in CHANNELS if said[channel] is not None}
