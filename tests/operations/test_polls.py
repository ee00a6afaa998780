"""The comparisons beside the server of webhooks end with it, whatever they wait for."""

from __future__ import annotations

import socket
from pathlib import Path

from structlog.testing import capture_logs

from operations import platforms, polls
from operations.watching import AT_ONCE
from tillstream.health import Probes
from tillstream.settings import load


def test_comparisons_that_wait_for_kafka_are_not_waited_for(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, capture_logs() as said:
        config = tmp_path / "tillstream.toml"
        config.write_text(f"""
            [kafka]
            "bootstrap.servers" = "127.0.0.1:{silent.getsockname()[1]}"
            [connection.au.yotpo]
            guid = "g"
            api_key = "k"
        """)
        settings = load(config, {}, {name: sink.settings for name, sink in platforms.find().items()})
        with polls.beside(settings, None, Probes()):
            caller, _ = silent.accept()  # Kafka is asked, and says nothing
        caller.close()
    assert AT_ONCE in [line["event"] for line in said]
