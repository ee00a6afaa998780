"""Facts about the command line: what its commands take, what they say when it is wrong, and their exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from operations import arguments, watching
from operations.cli import tillstream
from sandbox.kafka.broker import Broker
from tests.schemas.registry_server import RegistryServer
from tests.waiting import until
from tillstream.health import PortTakenError
from tillstream.settings import SecretError

COMMANDS = (
    *("demo", "run", "produce", "consume", "check", "preview", "lag", "status"),
    *("dlq list", "dlq show", "dlq redrive", "replay", "trace", "audit", "erase", "console"),
)
NOWHERE = {"TILLSTREAM_CONFIG": None, "TILLSTREAM_TOPIC_PREFIX": None}


def call(*words: str, environ: dict[str, str | None] | None = None) -> Result:
    return CliRunner().invoke(tillstream, list(words), env=NOWHERE | (environ or {}), prog_name="tillstream")


@click.group()
@arguments.config
def probe() -> None:
    """A command line of one command, to see what configuration reaches a command."""


@probe.command()
@arguments.config
@click.pass_context
def prefix(context: click.Context) -> None:
    click.echo(arguments.settings(context).topics.prefix)


def ask(*words: str, environ: dict[str, str | None] | None = None) -> Result:
    return CliRunner().invoke(probe, list(words), env=NOWHERE | (environ or {}))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = call(*command.split(), "--help")
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: tillstream {command}")


def test_help_is_quick_because_it_loads_no_role() -> None:
    program = (
        "import sys; from click.testing import CliRunner; from operations.cli import tillstream;"
        "CliRunner().invoke(tillstream, ['--help']);"
        "print(*sorted({'pydantic', 'confluent_kafka', 'httpx', 'paramiko'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_configuration_may_stand_before_and_after_the_command(tmp_path: Path) -> None:
    one, other = tmp_path / "one.toml", tmp_path / "other.toml"
    one.write_text('[topics]\nprefix = "one."')
    other.write_text('[topics]\nprefix = "other."')
    assert ask("--config", str(one), "prefix").output == "one.\n"
    assert ask("prefix", "--config", str(one)).output == "one.\n"
    assert ask("--config", str(one), "prefix", "--config", str(other)).output == "other.\n"
    assert ask("prefix", environ={"TILLSTREAM_CONFIG": str(other)}).output == "other.\n"


def test_all_that_is_wrong_with_the_configuration_is_printed_and_the_code_is_2(tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text("[topics]\nprefixx = 1\npartitions = 0\n")
    result = ask("prefix", "--config", str(file), environ={"TILLSTREAM_TOPIC_PREFX": "x"})
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        f"{file}:2: topics.prefixx: unknown key (did you mean prefix?)",
        f"{file}:3: topics.partitions: should be greater than or equal to 1",
        "TILLSTREAM_TOPIC_PREFX: unknown variable (did you mean TILLSTREAM_TOPIC_PREFIX?)",
    ]


def test_a_command_that_is_not_built_yet_says_so() -> None:
    result = call("console")
    assert (result.exit_code, result.stderr) == (2, "tillstream: console is not built yet\n")


def test_a_table_or_secret_that_cannot_be_used_is_a_wrong_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        raise SecretError("/run/secrets/key: No such file or directory")

    with pytest.raises(click.exceptions.Exit) as ended:
        arguments.plainly(work)()
    assert (ended.value.exit_code, capsys.readouterr().err) == (2, "/run/secrets/key: No such file or directory\n")


def test_a_port_that_is_taken_is_told_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    def taken() -> int:
        raise PortTakenError("cannot listen on 127.0.0.1:9464: Address already in use")

    assert arguments.plainly(taken)() == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("consume klavio", "there is no platform 'klavio' (did you mean klaviyo?)"),
        ("consume zzz", "there is no platform 'zzz' (there is apparel21, clearer, klaviyo, "),
        ("produce ftp", "'ftp' is not one of 'sftp', 'folder', 'apparel21', 'webhooks'"),
        ("preview none.csv", "there is no file 'none.csv'"),
        ("dlq list", "Missing option '--group'"),
        ("dlq redrive --group klaviyo --rate 0", "0.0 is not in the range x>0"),
        ("replay --group klaviyo --topic sales", "'sales' is not one of 'customers', 'orders', 'rewards', 'tiers'"),
        ("replay --group klaviyo --topic orders --from yesterday", "'yesterday' is neither ISO 8601"),
        ("run --port 70000", "70000 is not in the range 0<=x<=65535"),
        ("lagg", "No such command 'lagg'"),
    ],
)
def test_a_wrong_use_is_told_and_the_code_is_2(words: str, said: str) -> None:
    result = call(*words.split())
    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr


@pytest.mark.parametrize(
    ("words", "table"),
    [
        ("consume yotpo", "yotpo"),
        ("consume yotpo --once", "yotpo"),
        ("produce folder", "folder"),
        ("produce apparel21 --once", "apparel21"),
        ("replay --group yotpo --topic orders --dry-run", "yotpo"),
    ],
)
def test_what_no_connection_has_a_table_for_is_a_wrong_use(words: str, table: str, tmp_path: Path) -> None:
    file = tmp_path / "tillstream.toml"
    file.write_text("[connection.au]\n")
    result = call(*words.split(), "--config", str(file))
    said = f"tillstream: no connection has a [connection.NAME.{table}] table\n"
    assert (result.exit_code, result.stderr) == (2, said)


@pytest.mark.parametrize(
    ("source", "lacks"),
    [("folder", "[connection.nz.folder] table"), ("webhooks", "webhook_token at a platform that sends webhooks")],
)
def test_a_connection_without_the_table_is_named(source: str, lacks: str, tmp_path: Path) -> None:
    file = tmp_path / "tillstream.toml"
    yotpo = '[connection.au.yotpo]\nguid = "g"\napi_key = "k"\nwebhook_token = "t"\n'
    file.write_text(f'[connection.au]\n[connection.au.folder]\npath = "/data"\n{yotpo}[connection.nz]\n')
    file.write_text(f'{file.read_text()}country = "NZ"\ncurrency = "NZD"\ntimezone = "Pacific/Auckland"\n')
    result = call("produce", source, "--connection", "nz", "--config", str(file))
    assert (result.exit_code, result.stderr) == (2, f"tillstream: connection nz has no {lacks}\n")


@pytest.mark.parametrize("words", ["lag", "consume klaviyo", "produce folder", "produce webhooks", "run"])
def test_options_of_kafka_that_cannot_be_used_end_a_command_and_no_waiting_begins(words: str, tmp_path: Path) -> None:
    file = tmp_path / "tillstream.toml"
    account = '[connection.au.klaviyo]\nprivate_key = "pk"\n[connection.au.folder]\npath = "data"\n'
    token = '[connection.au.yotpo]\nguid = "g"\napi_key = "k"\nwebhook_token = "t"\n'
    file.write_text(f'[kafka]\n"security.protocol" = "LOUD"\n[webhooks]\nlisten = "127.0.0.1:0"\n{account}{token}')
    port = [] if words == "lag" else ["--port", "0"]
    command = [sys.executable, "-m", "operations.cli", "--config", str(file), *words.split(), *port]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2, done
    assert "[kafka]: Invalid value" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("words", ["consume klaviyo", "produce folder", "produce apparel21"])
def test_a_place_on_this_machine_that_cannot_be_used_is_told_in_a_line(
    words: str, kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    file = tmp_path / "tillstream.toml"
    file.write_text(f"""
        [kafka]
        "bootstrap.servers" = "{kafka.bootstrap}"
        [topics]
        prefix = "{prefix}"
        partitions = 1
        [state]
        folder = "tillstream.toml"
        [connection.au.folder]
        path = "data"
        [connection.au.klaviyo]
        private_key = "pk"
        [connection.au.apparel21]
        url = "http://127.0.0.1:1"
        username = "u"
        password = "p"
    """)
    command = [sys.executable, "-m", "operations.cli", "--config", str(file), *words.split(), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (1, f"tillstream: {file}: File exists\n")


@pytest.mark.parametrize("words", ["produce folder", "produce apparel21", "run"])
def test_a_registry_that_refuses_our_schemas_stops_a_producer_in_words(
    words: str, kafka: Broker, prefix: str, tmp_path: Path
) -> None:
    registry, file = RegistryServer(), tmp_path / "tillstream.toml"
    registry.failing = 409
    source = "apparel21" if "apparel21" in words else "folder"
    file.write_text(f"""
        [kafka]
        "bootstrap.servers" = "{kafka.bootstrap}"
        [topics]
        prefix = "{prefix}"
        partitions = 1
        [registry]
        url = "{registry.url}"
        [connection.au.{source}]
        {'path = "data"' if source == "folder" else 'url = "http://127.0.0.1:1"'}
        {"" if source == "folder" else 'username = "u"'}
        {"" if source == "folder" else 'password = "p"'}
    """)
    command = [sys.executable, "-m", "operations.cli", "--config", str(file), *words.split(), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    registry.close()
    last = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, last["message"], last["why"][:32]) == (1, "stopped", "the schema registry answers 409:")
    assert "Traceback" not in done.stdout + done.stderr


def test_a_redrive_does_not_wait_for_a_kafka_that_is_away(tmp_path: Path) -> None:
    file = tmp_path / "tillstream.toml"
    file.write_text('[kafka]\n"bootstrap.servers" = "127.0.0.1:1"\n')
    command = [sys.executable, "-m", "operations.cli", "--config", str(file), "dlq", "redrive", "--group", "klaviyo"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr[:30]) == (1, "Error: Kafka does not answer: "), done


def test_a_second_signal_ends_a_producer_at_once_and_that_is_no_failure() -> None:
    with watching.stopping(stop := threading.Event()):
        signal.raise_signal(signal.SIGTERM)
        assert stop.is_set()
        with pytest.raises(SystemExit) as ended:
            signal.raise_signal(signal.SIGTERM)
    assert ended.value.code == 0


def moment(text: str) -> datetime | None:
    return arguments.moment(click.Context(click.Command("x")), click.Option(["--from"]), text)


def test_a_moment_is_iso_or_a_time_ago() -> None:
    assert moment("2025-01-31T09:00:00+11:00") == datetime(2025, 1, 30, 22, tzinfo=UTC)
    assert moment("2025-01-31T09:00:00") == datetime(2025, 1, 31, 9, tzinfo=UTC)
    assert moment("2025-01-31") == datetime(2025, 1, 31, tzinfo=UTC)
    ago = moment("2h")
    assert ago is not None
    assert timedelta(0) <= datetime.now(UTC) - timedelta(hours=2) - ago < timedelta(minutes=1)


WAIT = """
import time
from operations import cli

@cli.tillstream.command()
def wait():
    print("ready", flush=True)
    time.sleep(60)

cli.main()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_command_without_a_traceback(number: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAIT, "wait"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        _, told = process.communicate(timeout=120)
    assert (process.returncode, told.strip()) == (1, "Aborted!")


STOPPED = """
import io, os, signal, sys, threading
from operations import cli

class Alarm(io.StringIO):
    def write(self, text):
        if "listening on" in text:
            print(*sorted(thread.name for thread in threading.enumerate()), file=sys.stderr)
            os.kill(os.getpid(), signal.SIGTERM)
        return super().write(text)

sys.stdout = Alarm()
cli.main()
"""


@pytest.mark.parametrize(
    "words",
    [("run",), ("produce", "folder"), ("produce", "webhooks"), ("produce", "apparel21"), ("consume", "klaviyo")],
)
def test_a_role_says_first_where_it_listens_and_can_be_stopped_from_then_on(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    """Nobody else is at work by then who could say anything. There is no Kafka: who hears no signal waits for it."""
    config = tmp_path / "tillstream.toml"
    config.write_text(f"""
        [kafka]
        "bootstrap.servers" = "127.0.0.1:1"
        [webhooks]
        listen = "127.0.0.1:0"
        [connection.au]
        [connection.au.folder]
        path = "{tmp_path}"
        [connection.au.klaviyo]
        private_key = "pk"
        [connection.au.yotpo]
        guid = "g"
        api_key = "k"
        webhook_token = "t"
        [connection.au.apparel21]
        url = "http://127.0.0.1:1"
        username = "u"
        password = "p"
    """)
    command = [sys.executable, "-c", STOPPED, "--config", str(config), *words, "--port", "0"]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "MainThread health\n")


def asleep(process: int) -> bool:
    """Is it in a call that waits? (proc(5), /proc/pid/stat: the state stands after the name.) A signal that comes just
    before such a call is noticed after it only."""
    return Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(") ")[2].startswith("S")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("words", [("run",), ("produce", "folder"), ("consume", "klaviyo")])
def test_a_role_that_is_stopped_before_its_work_has_begun_ends_as_one_at_work(
    number: int, words: tuple[str, ...], tmp_path: Path
) -> None:
    """It reads its configuration from a pipe, on which nothing comes."""
    config = tmp_path / "tillstream.toml"
    os.mkfifo(config)
    command = [sys.executable, "-m", "operations.cli", "--config", str(config), *words]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process,
        config.open("w"),  # returns once it is opened there
    ):
        until(lambda: asleep(process.pid), what="it waits for what comes on the pipe")
        process.send_signal(number)
        told, _ = process.communicate(timeout=120)
    assert (process.returncode, told) == (0, "")
