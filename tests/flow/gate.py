"""A shop that hears of webhooks, for tests: the server in its own process, workers beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from sandbox.program import free_port
from tests.ground import Ground, plain
from tests.role import Role

TOKEN = "path-that-nobody-knows-0123456789"
HEARD = f'webhook_token = "{TOKEN}"\n'


class Gate(Ground):
    """A ground whose webhooks have an address; its roles say all they can, for tests look whether they say too much."""

    environ: ClassVar[Mapping[str, str]] = {**Ground.environ, "LOG_LEVEL": "debug"}

    def __init__(self, bootstrap: str, prefix: str, folder: Path, tables: str) -> None:
        """`tables`: the accounts of the connection `au`."""
        self.port = free_port()
        listen = f'[webhooks]\nlisten = "127.0.0.1:{self.port}"\n'
        super().__init__(bootstrap, prefix, folder, f"{listen}[connection.au]\n{tables}", sink="apparel21")

    def url(self, platform: str, token: str = TOKEN) -> str:
        """What is pasted into a platform's page."""
        return f"http://127.0.0.1:{self.port}/webhooks/au/{platform}/{token}"

    def server(self) -> Role:
        """`tillstream produce webhooks`."""
        return self.start("produce", "webhooks")

    def letters(self) -> list[tuple[bytes, dict[str, str]]]:
        """Bodies that nobody could read, each with its headers without our prefix."""
        return [(letter.value(), plain(letter)) for letter in self.read(self.names.webhooks_dead_letters)]
