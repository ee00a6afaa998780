"""Check looks at everything that must be right, says what to do where it is not, and ends with code 1 then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import KafkaError

from consumers.engine.sink import Finding
from operations import check, check_kafka, platforms
from operations.check_places import findings as place
from operations.cli import tillstream
from sandbox.kafka.broker import Broker
from sandbox.klaviyo.server import KlaviyoServer
from sandbox.sftp import SftpServer
from schemas.definitions import definition
from tests.operations.shop import TOY, ToyAccount, server, settings
from tests.operations.terminal import at_terminal
from tests.schemas.registry_server import RegistryServer
from tillstream.settings import Settings, SettingsErrors, load

NOWHERE = "127.0.0.1:1"
NAME = "customers_20250401T060000Z.csv"


def call(folder: Path, bootstrap: str, prefix: str, more: str, *words: str) -> Result:
    """The command on a configuration of its own."""
    config = folder / "tillstream.toml"
    kafka = f'[kafka]\n"bootstrap.servers" = "{bootstrap}"\n[topics]\nprefix = "{prefix}"\npartitions = 2\n'
    config.write_text(f"{kafka}[connection.au]\n{more}")
    return CliRunner().invoke(tillstream, ["check", *words], env={"TILLSTREAM_CONFIG": str(config)})


def real(folder: Path, more: str) -> Settings:
    """A configuration with the platforms that there are."""
    file = folder / "tillstream.toml"
    file.write_text(f"[connection.au]\n{more}")
    return load(file, {}, {name: sink.settings for name, sink in platforms.find().items()})


def kafka_lines(found: Settings, *, create: bool = False) -> list[Finding]:
    return list(check_kafka.findings(found, ["toy"], create=create))


def test_a_right_installation_is_well_from_configuration_to_key(
    kafka: Broker, prefix: str, tmp_path: Path, klaviyo: KlaviyoServer
) -> None:
    more = f'[connection.au.klaviyo]\nurl = "{klaviyo.url}"\nprivate_key = "pk_right"\n'
    result = call(tmp_path, kafka.bootstrap, prefix, more, "--create")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "ok  configuration: au (klaviyo)"
    assert f"ok  topic {prefix}customers: created" in lines
    assert "ok  au: table klaviyo.profile" in lines
    assert any(line.startswith("ok  au, klaviyo: private key") for line in lines)
    assert any(line.startswith("ok  au, klaviyo: write scopes: seen at first use") for line in lines)
    assert call(tmp_path, kafka.bootstrap, prefix, more).exit_code == 0


@pytest.mark.parametrize(("environ", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_terminal_gets_colours_unless_it_wants_none(
    kafka: Broker, tmp_path: Path, environ: dict[str, str], coloured: bool
) -> None:
    (tmp_path / "tillstream.toml").write_text(f'[kafka]\n"bootstrap.servers" = "{kafka.bootstrap}"\n')
    code, seen = at_terminal("--config", str(tmp_path / "tillstream.toml"), "check", environ=environ)
    assert (code, "\x1b[" in seen) == (1, coloured)


def test_missing_topics_are_named_with_the_remedy(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    found = kafka_lines(settings(kafka.bootstrap, prefix, tmp_path))
    assert found[1].told.startswith("4.0 or newer")
    told = {finding.what: finding.told for finding in found if not finding.well}
    assert told[f"topic {prefix}customers"] == "is missing: create it with `tillstream check --create`"
    assert f"topic {prefix}tillstream.toy.state" in told


def test_another_number_of_partitions_is_refused_even_with_create(kafka: Broker, prefix: str, tmp_path: Path) -> None:
    assert all(finding.well for finding in kafka_lines(settings(kafka.bootstrap, prefix, tmp_path), create=True))
    file = tmp_path / "tillstream.toml"
    file.write_text(file.read_text().replace("partitions = 2", "partitions = 3"))
    wrong = kafka_lines(load(file, {}, {"toy": ToyAccount}), create=True)[-1]
    assert (wrong.well, "set it back to 2" in wrong.told) == (False, True)


def test_a_kafka_that_is_away_is_one_line_and_the_rest_is_looked_at_all_the_same(tmp_path: Path) -> None:
    result = call(tmp_path, NOWHERE, "", "")
    assert result.exit_code == 1
    [line] = [line for line in result.output.splitlines() if line.startswith("NO")]
    assert line.startswith(f"NO  Kafka: {NOWHERE} cannot be reached (")
    assert "Connection refused" in line
    assert line.endswith("look at bootstrap.servers under [kafka]")


def test_what_was_met_on_the_way_to_kafka_says_where_to_look() -> None:
    late, refused = KafkaError(KafkaError._TIMED_OUT), KafkaError(KafkaError._ALL_BROKERS_DOWN)
    for code, keys in ((KafkaError._AUTHENTICATION, "sasl.username"), (KafkaError._SSL, "ssl."), (-1, "bootstrap")):
        assert keys in check_kafka.unreached([late, KafkaError(code), refused])


def test_every_problem_of_every_table_is_told(tmp_path: Path) -> None:
    own = tmp_path / "mappings"
    own.mkdir()
    (own / "customers.toml").write_text('[[row]]\nsource = "EMAIL"\ntarget = "emial"\n')
    (own / "orders.toml").write_text("[columns]\nDocket = \n")
    (own / "klaviyo.profile.toml").write_text('[[row]]\nsource = "emial"\ntarget = "a"\nvia = "shout"\n')
    found = real(tmp_path, '[connection.au.klaviyo]\nprivate_key = "pk_x"\n')
    told = {line.what: line for line in check.tables(found, found.connections["au"], platforms.find())}
    assert "emial" in told["au: table customers"].told
    assert "orders.toml, line 2" in told["au: table orders"].told
    profile = told["au: table klaviyo.profile"]
    assert (profile.well, "emial" in profile.told, "shout" in profile.told) == (False, True, True)
    assert told["au: table klaviyo.order"].well


def test_an_older_kafka_is_told_to_be_too_old() -> None:
    assert not check_kafka.new_enough({"group.coordinator.rebalance.protocols": "classic"}).well
    assert not check_kafka.new_enough({check_kafka.PROTOCOLS: "consumer", check_kafka.ASSIGNORS: "uniform"}).well
    assert check_kafka.new_enough("not authorised").well


class Subjects(RegistryServer):
    """Knows one subject, and thinks of schemas what it is told to think."""

    compatible = True

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if path.startswith("/subjects?") or path == "/subjects":
            return 200, ["customers-value"]
        if path.startswith("/compatibility"):
            assert json.loads(body["schema"]) == definition("customers")
            return 200, {"is_compatible": self.compatible}
        return super().answer(method, path, body)


@pytest.mark.parametrize("compatible", [True, False])
def test_the_registry_is_asked_whether_it_would_take_our_schemas(tmp_path: Path, compatible: bool) -> None:
    registry = Subjects()
    registry.compatible = compatible
    try:
        found = list(check_kafka.registry(settings(NOWHERE, "", tmp_path, f'[registry]\nurl = "{registry.url}"')))
    finally:
        registry.close()
    assert [(finding.what, finding.well) for finding in found] == [
        ("schema registry", True) if compatible else ("schema registry: customers", False)
    ]


def test_a_registry_that_fails_is_told(tmp_path: Path) -> None:
    [found] = check_kafka.registry(settings(NOWHERE, "", tmp_path, '[registry]\nurl = "http://127.0.0.1:1"'))
    assert (found.well, "does not answer" in found.told) == (False, True)


def test_a_server_is_entered_and_the_waiting_files_are_judged(tmp_path: Path, sftp: SftpServer) -> None:
    pending = sftp.root / "pending" / "au"
    (pending / NAME).write_text("PERIDX,EMAIL,PRIVACY\n")
    (pending / "orders_20250401T060000Z.csv").write_text("WHAT\n")
    (pending / "orders_20250402T060000Z.csv.part").write_text("TRAN")
    (pending / "notes.txt").write_text("hello")
    found = settings(NOWHERE, "", tmp_path, server(sftp))
    lines = list(place(found, found.connections["au"]))
    assert [(line.what, line.well) for line in lines] == [
        ("au: SFTP server", True),
        ("au: waiting files", True),
        ("au: pending/orders_20250401T060000Z.csv", False),
    ]
    assert sorted(lines[1].told.splitlines()) == [
        "1 would be taken, 2 left, 1 refused",
        (
            "names of ours are TYPE_YYYYMMDDTHHMMSSZ.csv, the time in UTC, "
            "TYPE one of tiers, customers, rewards, orders, refunds, giftcards"
        ),
        "pending/customers_20250401T060000Z.csv: would be taken",
        "pending/notes.txt: left in place, not a name of ours",
        "pending/orders_20250402T060000Z.csv.part: left in place, still being written",
    ]
    assert lines[2].told.startswith("would be refused: ")
    assert len(list(pending.iterdir())) == 4


def test_a_server_with_another_host_key_is_not_entered(tmp_path: Path, sftp: SftpServer) -> None:
    wrong = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1w0Wn0yQ1Ww0Q5Q2n8m3m3v2wqk8xq0m3J0k0kT9rQ"
    table = server(sftp, host_key=wrong).replace("known_hosts_file", "# known_hosts_file")
    found = settings(NOWHERE, "", tmp_path, table)
    [line] = place(found, found.connections["au"])
    assert (line.well, "another host key" in line.told) == (False, True)


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    found = settings(NOWHERE, "", tmp_path, f'[connection.au.folder]\npath = "{tmp_path / "data"}"')
    [line] = place(found, found.connections["au"])
    assert (line.well, "is not there" in line.told) == (False, True)


def test_a_folder_is_looked_into_and_left_as_it_is(tmp_path: Path) -> None:
    """Who looks may be another user than who works there: what one makes the other cannot write to."""
    pending = tmp_path / "data" / "pending" / "au"
    pending.mkdir(parents=True)
    (pending / NAME).write_text("WHAT\n")
    found = settings(NOWHERE, "", tmp_path, f'[connection.au.folder]\npath = "{tmp_path / "data"}"')
    lines = list(place(found, found.connections["au"]))
    assert [(line.what, line.well) for line in lines] == [
        ("au: folder", True),
        ("au: waiting files", True),
        (f"au: pending/{NAME}", False),
        ("au: processed", True),
        ("au: rejected", True),
    ]
    assert lines[3].told == f"{tmp_path}/data/processed/au is not there: made with the first file, if the user may"
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["pending"]


def test_a_key_that_the_platform_does_not_know_is_told(tmp_path: Path, klaviyo: KlaviyoServer) -> None:
    klaviyo.settings(keys=["pk_right"])
    more = f'[connection.au.klaviyo]\nurl = "{klaviyo.url}"\nprivate_key = "pk_wrong"\n'
    found = real(tmp_path, more)
    [line] = check.account(found, found.connections["au"], platforms.find()["klaviyo"])
    assert (line.what, line.well) == ("au, klaviyo: private key", False)
    assert line.told.startswith("Klaviyo does not know this private key")


def test_a_platform_that_cannot_be_reached_is_told_with_what_to_look_at(tmp_path: Path) -> None:
    found = settings(NOWHERE, "", tmp_path)
    [line] = check.account(found, found.connections["au"], TOY)
    assert (line.what, line.well) == ("au, toy", False)
    assert line.told.startswith("http://127.0.0.1:9 does not answer (ClientConnectorError")
    assert line.told.endswith("look at url, and at the network and firewall between")


@pytest.mark.parametrize("name", ["apparel21", "clearer", "klaviyo", "shopify", "yotpo"])
def test_an_address_that_is_none_is_a_wrong_setting_and_no_platform_that_is_away(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsErrors, match=f"connection.au.{name}.url: should be an address such as"):
        real(tmp_path, f'[connection.au.{name}]\nurl = "api.example.com"\n')


@pytest.mark.parametrize(
    ("status", "remedy"),
    [(503, "look at its status page"), (429, "check again in a minute"), (308, "look at url")],
)
def test_what_tells_nothing_of_the_account_is_one_line_with_what_to_do(
    tmp_path: Path, klaviyo: KlaviyoServer, status: int, remedy: str
) -> None:
    klaviyo.fault(status=status, retry_after=0)
    found = real(tmp_path, f'[connection.au.klaviyo]\nurl = "{klaviyo.url}"\nprivate_key = "pk_x"\nlist = "Xy12Ab"\n')
    [line] = check.account(found, found.connections["au"], platforms.find()["klaviyo"])
    assert (line.what, line.well) == ("au, klaviyo", False)
    assert f"answers {status}" in line.told
    assert remedy in line.told


def test_a_secret_file_that_is_missing_is_one_line_among_the_others(tmp_path: Path) -> None:
    file = tmp_path / "tillstream.toml"
    file.write_text('[kafka]\n"sasl.password_file" = "gone"\n[registry]\nurl_file = "gone"\n')
    found = load(file, {}, {})
    assert [(one.what, one.well, one.told) for one in (*kafka_lines(found), *check_kafka.registry(found))] == [
        ("Kafka", False, f'[kafka] "sasl.password_file": {tmp_path}/gone: No such file or directory'),
        ("schema registry", False, f"url_file: {tmp_path}/gone: No such file or directory"),
    ]
