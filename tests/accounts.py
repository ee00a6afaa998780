"""Accounts at simulated platforms, as a configuration names them."""

from __future__ import annotations

import re
from collections.abc import Mapping

import orjson

from sandbox.apparel21.server import Apparel21Server
from sandbox.clearer.server import ClearerServer
from sandbox.shopify.server import ShopifyServer
from sandbox.yotpo.server import YotpoServer


def apparel21(server: Apparel21Server, more: str = "", connection: str = "au") -> str:
    """`more`: further lines of the table; what they say stands instead of what is usual."""
    usual = {"url": server.api, "username": "tillstream", "password": "sandbox", "gap": "2ms"}
    return _table(connection, "apparel21", usual, more)


def clearer(server: ClearerServer, more: str = "", connection: str = "au") -> str:
    """`more`: further lines of the table; what they say stands instead of what is usual."""
    return _table(connection, "clearer", {"url": server.url, "api_key": "k", "rate": 1000}, more)


def shopify(server: ShopifyServer, more: str = "", connection: str = "au") -> str:
    """`more`: further lines of the table; an app that fetches its own tokens has no other."""
    fixed = {} if "client_id" in more else {"access_token": "shpat_sandbox"}
    return _table(connection, "shopify", {"url": server.url, **fixed}, more)


def yotpo(server: YotpoServer, more: str = "", connection: str = "au") -> str:
    """`more`: further lines of the table; what they say stands instead of what is usual."""
    return _table(connection, "yotpo", {"url": server.api, "guid": "g", "api_key": "k", "rate": 1000}, more)


def _table(connection: str, platform: str, usual: Mapping[str, str | int], more: str) -> str:
    lines = (f"{name} = {orjson.dumps(value).decode()}" for name, value in usual.items() if not _in(more, name))
    return "\n".join([f"[connection.{connection}.{platform}]", *lines, more, ""])


def _in(lines: str, name: str) -> bool:
    return re.search(rf"^{name}(_file)? *=", lines, re.MULTILINE) is not None
