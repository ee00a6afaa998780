"""What a merchant may say about their Shopify shop (`[connection.NAME.shopify]`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import PrivateAttr

from consumers.polls import Nightly
from tillstream.settings import Block, Refusal, Secret, Share, Url


class ShopifySettings(Block):
    """One shop: `url` is its address, such as https://example.myshopify.com.

    The key is a fixed `access_token`, or `client_id` and `client_secret` of an app that fetches its own tokens. The
    client secret signs webhooks, whichever key is used; after it was changed the old one may sign for an hour.
    """

    url: Url
    access_token: Secret | None = None
    client_id: str = ""
    client_secret: Secret | None = None
    old_client_secret: Secret | None = None
    from_files: bool = False
    tags: tuple[str, ...] = ("instore-signup", "ap21")
    quota_share: Share = 1.0
    webhook_token: Secret | None = None
    compare: Nightly = "03:30"

    _kept: dict[str, Any] = PrivateAttr(default_factory=dict)  # the token that was fetched last: see speak.py

    @classmethod
    def refuse(cls, table: Mapping[str, Any]) -> Iterator[Refusal]:
        """Refuse a shop without a key, or with two."""
        fixed = bool(table.get("access_token") or table.get("access_token_file"))
        fetched = bool(table.get("client_id"))
        if fixed == fetched:
            yield Refusal("", "needs one of access_token and client_id")
        if fetched and not (table.get("client_secret") or table.get("client_secret_file")):
            yield Refusal("client_secret", "is missing (or client_secret_file): it goes with client_id")
