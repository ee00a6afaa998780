"""The Compose file keeps its conventions, and its commands start on this machine with the environment it gives them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from operations import platforms
from operations.cli import SOURCES
from sandbox.kafka.broker import Broker
from sandbox.kafka.jars import VERSION
from sandbox.klaviyo.server import KlaviyoServer
from sandbox.program import free_port
from sandbox.sftp import FOLDERS, SftpServer
from tillstream.settings.kinds import duration
from tillstream.settings.model import Engine

CUSTOMERS = Path(__file__).parent / "files" / "customers_20250401T060000Z.csv"
COMPOSE: dict[str, Any] = yaml.safe_load((Path(__file__).parent.parent / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
ROLES = {name: service for name, service in OURS.items() if {"produce", "consume"} & set(service["command"])}


def test_every_image_is_pinned() -> None:
    for name, service in SERVICES.items():
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"]), name


def test_every_service_belongs_to_a_profile() -> None:
    assert {profile for service in SERVICES.values() for profile in service["profiles"]} == {
        "core",
        "apparel21",
        "yotpo",
        "clearer",
        "shopify",
        "webhooks",
        "observability",
        "sandbox",
    }


@pytest.mark.parametrize("name", OURS)
def test_ours_run_without_root_and_write_only_where_they_must(name: str) -> None:
    service = OURS[name]
    assert service["user"] != "0"
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    named = {volume.split(":")[0] for volume in service.get("volumes", ()) if not volume.startswith("./")}
    assert named <= set(COMPOSE["volumes"])


@pytest.mark.parametrize("name", ROLES)
def test_a_role_may_drain_before_it_is_killed(name: str) -> None:
    assert duration(ROLES[name]["stop_grace_period"]) > 2 * Engine().drain


@pytest.mark.parametrize("name", ROLES)
def test_a_role_has_a_health_check_and_waits_for_its_topics(name: str) -> None:
    assert "/readyz" in ROLES[name]["healthcheck"]["test"][-1]
    waited = ROLES[name]["depends_on"]
    assert waited.keys() <= SERVICES.keys()
    assert "service_completed_successfully" in {condition["condition"] for condition in waited.values()}


def test_only_roles_that_are_built_are_listed() -> None:
    for service in ROLES.values():
        _, role, what = service["command"]
        assert what in (SOURCES if role == "produce" else platforms.find())


def test_every_platform_has_a_service() -> None:
    served = {service["command"][2] for service in ROLES.values() if service["command"][1] == "consume"}
    assert served == {sink.parent.name for sink in (Path(__file__).parent.parent / "consumers").glob("*/sink.py")} - {
        "engine"
    }


def test_kafka_is_the_one_we_test_on_and_is_told_everything() -> None:
    kafka = SERVICES["kafka"]
    told = kafka["environment"]
    assert kafka["image"] == f"apache/kafka:{VERSION}"
    listeners = {listener.split("://")[0] for listener in told["KAFKA_LISTENERS"].split(",")}
    assert {pair.split(":")[0] for pair in told["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")} == listeners
    advertised = dict(listener.split("://") for listener in told["KAFKA_ADVERTISED_LISTENERS"].split(","))
    assert set(advertised.values()) == {"localhost:9092", "kafka:19092"}
    assert listeners == {*advertised, told["KAFKA_CONTROLLER_LISTENER_NAMES"]}
    assert told["KAFKA_INTER_BROKER_LISTENER_NAME"] in advertised
    assert {told[name] for name in told if name.endswith("REPLICATION_FACTOR")} == {1}


class Machine:
    """This machine in place of the containers: same commands and environment, other hosts, ports and folders."""

    def __init__(self, folder: Path, broker: Broker, prefix: str) -> None:
        self.klaviyo, self.webhooks = free_port(), free_port()
        self.shop = folder / "shop"
        self._folder = folder
        self._prefix = prefix
        self._moved = {
            "kafka:19092": broker.bootstrap,
            "sandbox-klaviyo:8090": f"127.0.0.1:{self.klaviyo}",
            "8090": str(self.klaviyo),
            "8088": str(self.webhooks),
            "/data": str(self.shop),
            "/etc/tillstream": str(folder / "config"),
        }

    @contextmanager
    def service(self, name: str, port: int = 0) -> Iterator[subprocess.Popen[bytes]]:
        """What a service starts, with its pages on `port`; it ends as Compose ends it, and a role must end well."""
        program = self._start(name, port)
        try:
            yield program
            program.terminate()
            code = program.wait(duration(OURS[name]["stop_grace_period"]).total_seconds())
            assert code == 0 or name not in ROLES, self.log(name)
        finally:
            program.kill()
            program.wait()

    @contextmanager
    def role(self, name: str) -> Iterator[None]:
        """A role from when it is ready until it has drained."""
        port = free_port()
        with self.service(name, port) as program:
            self.await_page(name, program, f"http://127.0.0.1:{port}/readyz")
            yield

    def configure(self, sftp: SftpServer, klaviyo: KlaviyoServer) -> None:
        """Write the ./config that a merchant would write."""
        folders = [f"{name} = '{sftp.remote(f'/{name}/au')}'" for name in FOLDERS]
        lines = [
            "[connection.au.sftp]",
            f"host = '{sftp.host}'",
            f"port = {sftp.port}",
            f"username = '{sftp.username}'",
            f"private_key_file = '{sftp.private_key_file}'",
            f"known_hosts_file = '{sftp.known_hosts_file}'",
            *folders,
            "[connection.au.klaviyo]",
            f"url = '{klaviyo.url}'",
            "private_key = 'pk_made_up'",
        ]
        self.write(*lines)

    def write(self, *lines: str) -> None:
        """Write ./config/tillstream.toml."""
        folder = self._folder / "config"
        folder.mkdir()
        (folder / "tillstream.toml").write_text("\n".join(lines), "utf-8")

    def once(self, name: str) -> int:
        """The exit code of a service that ends by itself."""
        program = self._start(name, 0)
        try:
            return program.wait(60)
        finally:
            program.kill()

    def log(self, name: str) -> str:
        """What a service has said."""
        return (self._folder / f"{name}.log").read_text("utf-8")

    def await_page(self, name: str, program: subprocess.Popen[bytes], url: str) -> None:
        """Return when a page of a service answers 200, which must be within a minute."""
        patience = time.monotonic() + 60
        while not _answers(url):
            assert program.poll() is None, self.log(name)
            assert time.monotonic() < patience, self.log(name)
            time.sleep(0.1)

    def _start(self, name: str, port: int) -> subprocess.Popen[bytes]:
        moved = {
            **self._moved,
            "0.0.0.0": "127.0.0.1",
            ":9464": f":{port}",
            "/var/lib/tillstream": f"{self._folder}/{name}",
        }
        program, *arguments = (_moved(word, moved) for word in OURS[name]["command"])
        environ = {key: _moved(str(value), moved) for key, value in OURS[name].get("environment", {}).items()}
        with (self._folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                [Path(sys.executable).with_name(program), *arguments],
                env={"PATH": os.environ["PATH"], **environ, "TILLSTREAM_TOPIC_PREFIX": self._prefix},
                stdout=log,
                stderr=subprocess.STDOUT,
            )


def _moved(text: str, moved: Mapping[str, str]) -> str:
    """The text with all that was moved at its new place, in one pass."""
    return re.sub("|".join(map(re.escape, moved)), lambda found: moved[found[0]], text)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # our own page
            return bool(answer.status == 200)
    except OSError:
        return False


def await_people(klaviyo: str) -> None:
    """Return when Klaviyo has a profile, which must be within a minute."""
    patience = time.monotonic() + 60
    while not json.load(urllib.request.urlopen(f"{klaviyo}/sandbox/profiles", timeout=2))["profiles"]:  # ours
        assert time.monotonic() < patience
        time.sleep(0.2)


def test_the_core_starts_as_it_is_written(
    kafka: Broker, prefix: str, sftp: SftpServer, klaviyo: KlaviyoServer, tmp_path: Path
) -> None:
    """The topics are made, the roles become ready, and people of a file in /pending come to Klaviyo."""
    machine = Machine(tmp_path, kafka, prefix)
    machine.configure(sftp, klaviyo)
    assert machine.once("topics") == 0, machine.log("topics")
    with machine.role("produce-sftp"), machine.role("consume-klaviyo"):
        shutil.copy(CUSTOMERS, sftp.root / "pending" / "au")
        await_people(klaviyo.url)


def test_the_server_of_webhooks_starts_as_it_is_written(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    """It is ready, and answers who does not know its path."""
    machine = Machine(tmp_path, kafka, prefix)
    machine.write("[connection.au.clearer]", "url = 'http://127.0.0.1:1'", "api_key = 'k'", "webhook_token = 't'")
    with machine.role("produce-webhooks"):
        stranger = urllib.request.Request(f"http://127.0.0.1:{machine.webhooks}/webhooks/au/clearer/x", b"{}")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(stranger, timeout=5)
        assert refused.value.code == 404
        refused.value.close()


def test_the_sandbox_starts_as_it_is_written(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    """A file dropped into ./shop is taken, and its people come to the simulated Klaviyo."""
    machine = Machine(tmp_path, kafka, prefix)
    pending = machine.shop / "pending" / "au"
    pending.mkdir(parents=True)
    klaviyo = f"http://127.0.0.1:{machine.klaviyo}"
    with machine.service("sandbox-klaviyo") as program:
        machine.await_page("sandbox-klaviyo", program, f"{klaviyo}/sandbox/profiles")
        assert machine.once("sandbox-topics") == 0, machine.log("sandbox-topics")
        with machine.role("sandbox-produce"), machine.role("sandbox-consume"):
            shutil.copy(CUSTOMERS, pending)
            await_people(klaviyo)
