"""Real neighbours for tests: one Kafka for the whole run, a platform or an SFTP server for each test that asks."""

from __future__ import annotations

import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from sandbox.apparel21.server import Apparel21Server
from sandbox.clearer.server import ClearerServer
from sandbox.kafka.broker import QUICK_GROUPS, Broker
from sandbox.klaviyo.server import KlaviyoServer
from sandbox.sftp import SftpServer
from sandbox.shopify.server import ShopifyServer
from sandbox.yotpo.server import YotpoServer

settings.register_profile("unhurried", deadline=None)  # a machine that has other things to do is no fault of ours
settings.load_profile("unhurried")
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a run in a shell's background ignores


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One real broker for the whole run; share it by taking your own `prefix`, and never stop it."""
    with Broker.start(tmp_path_factory.mktemp("kafka"), settings=QUICK_GROUPS) as broker:
        yield broker


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[Broker]:
    """A broker for this test alone, to stop, kill and freeze; it gives its members time, for it sleeps, not they."""
    patient = {**QUICK_GROUPS, "group.consumer.session.timeout.ms": "45000"}
    with Broker.start(tmp_path / "kafka", settings=patient) as broker:
        yield broker


@pytest.fixture
def prefix() -> str:
    """A fresh prefix for topics, groups and transactional ids, so that tests share one broker."""
    return f"t{uuid.uuid4().hex[:10]}."


@pytest.fixture
def apparel21() -> Iterator[Apparel21Server]:
    """A fresh Retail API on real HTTP."""
    with Apparel21Server() as server:
        yield server


@pytest.fixture
def clearer() -> Iterator[ClearerServer]:
    """A fresh Clearer.io account on real HTTP."""
    with ClearerServer() as server:
        yield server


@pytest.fixture
def klaviyo() -> Iterator[KlaviyoServer]:
    """A fresh Klaviyo account on real HTTP, whose jobs end at once; `settings(job_time=...)` and others change it."""
    with KlaviyoServer() as server:
        yield server


@pytest.fixture
def shopify() -> Iterator[ShopifyServer]:
    """A fresh shop on real HTTP, with a fixed token and an app that fetches its own."""
    with ShopifyServer() as server:
        yield server


@pytest.fixture
def yotpo() -> Iterator[YotpoServer]:
    """A fresh Yotpo account on real HTTP."""
    with YotpoServer() as server:
        yield server


@pytest.fixture
def sftp(tmp_path: Path) -> Iterator[SftpServer]:
    """A real sshd with the folders of the connection `au`; use `sftp.remote("/pending/au")` for a remote path."""
    with SftpServer.start(tmp_path / "sftp") as server:
        yield server
