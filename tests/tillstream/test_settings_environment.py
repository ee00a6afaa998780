"""Facts about the environment: which variable sets which key, what wins, and that a wrong name is never passed over."""

from __future__ import annotations

import re
from contextlib import chdir
from pathlib import Path

import pytest

from tests.tillstream.test_settings import PLATFORMS, Klaviyo, problems, read
from tillstream.settings import SecretError, SettingsErrors, load

FILE = """
[connection.nz-outlet.klaviyo]
private_key = "from the file"
"""


def klaviyo(folder: Path, environ: dict[str, str]) -> Klaviyo:
    account = read(folder, FILE, environ).connections["nz-outlet"].platforms["klaviyo"]
    assert isinstance(account, Klaviyo)
    return account


def test_a_variable_wins_over_the_file_and_a_dash_is_written_as_underscore(tmp_path: Path) -> None:
    environ = {"TILLSTREAM_CONNECTION__NZ_OUTLET__KLAVIYO__PRIVATE_KEY": "from outside"}
    assert klaviyo(tmp_path, environ).private_key.read() == "from outside"


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_the_end_of_a_line_is_no_part_of_a_value(tmp_path: Path, end: str) -> None:
    """What files of variables written elsewhere, and secrets made by `echo`, bring along; no HTTP header takes it."""
    environ = {"TILLSTREAM_CONNECTION__NZ_OUTLET__KLAVIYO__PRIVATE_KEY": f"from outside {end}"}
    assert klaviyo(tmp_path, environ).private_key.read() == "from outside "


def test_a_variable_may_name_the_file_of_a_secret(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from a file\n")
    environ = {"TILLSTREAM_CONNECTION__NZ_OUTLET__KLAVIYO__PRIVATE_KEY_FILE": "key"}
    assert klaviyo(tmp_path, environ).private_key.read() == "from a file"


def test_a_secret_file_that_is_missing_is_told_with_what_names_it(tmp_path: Path) -> None:
    for environ, said in (({"KAFKA_SASL_PASSWORD_FILE": "gone"}, "KAFKA_SASL_PASSWORD_FILE"), ({}, "[kafka]")):
        kafka = read(tmp_path, '[kafka]\n"sasl.password_file" = "gone"', environ).kafka
        with pytest.raises(SecretError, match=rf"^{re.escape(said)}.*: {tmp_path}/gone: No such file"):
            kafka.options()


def test_lists_and_tables_are_json(tmp_path: Path) -> None:
    environ = {
        "TILLSTREAM_CONNECTION__NZ_OUTLET__KLAVIYO__LISTS": '{"DONCASTER": "Xy12Ab"}',
        "TILLSTREAM_CONNECTION__NZ_OUTLET__KLAVIYO__CONSENT": '[{"column": "VIP"}]',
    }
    account = klaviyo(tmp_path, environ)
    assert (account.lists, account.consent[0].column) == ({"DONCASTER": "Xy12Ab"}, "VIP")


def test_a_secret_that_looks_like_json_is_text(tmp_path: Path) -> None:
    environ = {"TILLSTREAM_CONNECTION__NZ_OUTLET__KLAVIYO__PRIVATE_KEY": "{[x"}
    assert klaviyo(tmp_path, environ).private_key.read() == "{[x"


def test_the_environment_alone_makes_a_connection(tmp_path: Path) -> None:
    environ = {
        "TILLSTREAM_CONNECTION__AU__TIMEZONE": "Australia/Perth",
        "TILLSTREAM_CONNECTION__AU__KLAVIYO__PRIVATE_KEY": "pk",
        "TILLSTREAM_CONNECTION__SG": '{"country": "SG", "currency": "SGD", "timezone": "Asia/Singapore"}',
        "TILLSTREAM_CONNECTION__SG__YOTPO__API_KEY": "k",
    }
    connections = read(tmp_path, FILE, environ).connections
    assert sorted(connections) == ["au", "nz-outlet", "sg"]
    assert connections["au"].timezone.key == "Australia/Perth"
    assert list(connections["sg"].platforms) == ["yotpo"]


def test_without_a_file_a_connection_of_the_environment_is_enough(tmp_path: Path) -> None:
    with chdir(tmp_path):
        assert load(None, {"TILLSTREAM_CONNECTION__AU__COUNTRY": "AU"}, PLATFORMS).connections.keys() == {"au"}
        with pytest.raises(SettingsErrors, match="give --config FILE"):
            load(None, {}, PLATFORMS)


def test_the_short_names_of_the_ecosystem_win(tmp_path: Path) -> None:
    text = '[kafka]\n"sasl.mechanisms" = "PLAIN"\n"metadata.broker.list" = "old:9092"\n[topics]\nprefix = "file."'
    environ = {
        "KAFKA_BOOTSTRAP_SERVERS": "new:9092",
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "KAFKA_SASL_USERNAME": "till",
        "KAFKA_SASL_PASSWORD_FILE": "password",
        "TILLSTREAM_KAFKA__LINGER_MS": "7",
        "SCHEMA_REGISTRY_URL": "http://registry:8081",
        "TILLSTREAM_TOPICS__PREFIX": "long.",
        "TILLSTREAM_TOPIC_PREFIX": "short.",
        "TILLSTREAM_STATE_FOLDER": "/var/lib/tillstream",
        "LOG_LEVEL": "WARNING",
    }
    (tmp_path / "password").write_text("hidden")
    settings = read(tmp_path, text, environ)
    assert settings.kafka.options() == {
        "bootstrap.servers": "new:9092",
        "linger.ms": "7",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.password": "hidden",
        "sasl.username": "till",
        "security.protocol": "SASL_SSL",
    }
    assert settings.registry.url is not None
    assert settings.registry.url.read() == "http://registry:8081"
    assert (settings.topics.prefix, str(settings.state.folder)) == ("short.", "/var/lib/tillstream")


def test_an_empty_short_name_counts_as_not_given(tmp_path: Path) -> None:
    environ = {"SCHEMA_REGISTRY_URL": "", "KAFKA_BOOTSTRAP_SERVERS": "", "LOG_LEVEL": "", "TILLSTREAM_STATE_FOLDER": ""}
    assert read(tmp_path, "", environ) == read(tmp_path, "")


def test_other_programs_variables_are_none_of_ours(tmp_path: Path) -> None:
    environ = {"KAFKA_NODE_ID": "1", "KAFKA_SASL_ENABLED_MECHANISMS": "PLAIN", "PATH": "/bin", "TILLSTREAMER": "x"}
    assert read(tmp_path, "", environ) == read(tmp_path, "")


def test_what_is_wrong_in_the_environment_names_the_variable(tmp_path: Path) -> None:
    environ = {
        "TILLSTREAM_CONNECTION__NZ_OUTLET__KLAVIYO__PRIVAT_KEY": "hidden",
        "TILLSTREAM_CONNECTION__NZ_OUTLET__KLAVIYO__CONSENT": "VIP",
        "TILLSTREAM_CONNECTION__NZ_OUTLET__KLAVIYO__LISTS": '{"A": }',
        "TILLSTREAM_CONNECTION__NZ_OUTLET__TIMEZONE": "Mars",
        "TILLSTREAM_KAFKA__GROUP_ID": "mine",
        "TILLSTREAM_TOPIC_PREFX": "x",
        "LOG_LEVEL": "loud",
    }
    assert problems(tmp_path, FILE, environ) == [
        "LOG_LEVEL: should be one of DEBUG, INFO, WARNING, ERROR, CRITICAL",
        "TILLSTREAM_CONNECTION__NZ_OUTLET__KLAVIYO__CONSENT: should be a list or table as JSON",
        "TILLSTREAM_CONNECTION__NZ_OUTLET__KLAVIYO__LISTS: should be JSON (the fault is at character 7)",
        (
            "TILLSTREAM_CONNECTION__NZ_OUTLET__KLAVIYO__PRIVAT_KEY: unknown variable"
            " (did you mean TILLSTREAM_CONNECTION__NZ_OUTLET__KLAVIYO__PRIVATE_KEY?)"
        ),
        "TILLSTREAM_CONNECTION__NZ_OUTLET__TIMEZONE: connection.nz-outlet.timezone: should be a time zone's IANA name",
        (
            "TILLSTREAM_KAFKA__GROUP_ID: kafka.group.id: is set by tillstream:"
            " a group is named by its sink, and its members share whole partitions"
        ),
        "TILLSTREAM_TOPIC_PREFX: unknown variable (did you mean TILLSTREAM_TOPIC_PREFIX?)",
    ]
