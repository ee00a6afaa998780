"""Facts about the configuration: what a file means, and that all that is wrong with it is said at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel, Field

from tillstream.kafka.state import TOMBSTONES_KEPT
from tillstream.settings import Block, Duration, Secret, SecretError, Settings, SettingsErrors, Start, load


class Column(Block):
    column: str


class Klaviyo(Block):
    private_key: Secret
    lists: dict[str, str] = Field(default_factory=dict)
    email_change: Literal["rename", "leave"] = "rename"
    start: Start = "earliest"
    subscribe_gap: Duration = timedelta(minutes=30)
    consent: tuple[Column, ...] = ()


class Yotpo(Block):
    api_key: Secret


PLATFORMS: dict[str, type[BaseModel]] = {"klaviyo": Klaviyo, "yotpo": Yotpo}


def read(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of a file `tillstream.toml` that holds this text."""
    file = folder / "tillstream.toml"
    file.write_text(text, "utf-8")
    return load(file, environ or {}, PLATFORMS)


def problems(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """What is said against this text; the folder's name is left out."""
    with pytest.raises(SettingsErrors) as caught:
        read(folder, text, environ)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


SERVER = 'host = "sftp.example.com"\nusername = "till"\npassword = "hidden"\nhost_key = "ssh-ed25519 AAAA"\n'


def test_an_empty_file_has_every_default(tmp_path: Path) -> None:
    settings = read(tmp_path, "")
    assert settings.kafka.options() == {"bootstrap.servers": "localhost:9092"}
    assert (settings.topics.prefix, settings.topics.partitions, settings.topics.replication) == ("", 12, 1)
    assert [str(part.listen) for part in (settings.http, settings.webhooks, settings.console)] == [
        "127.0.0.1:9464",
        "127.0.0.1:8088",
        "127.0.0.1:8080",
    ]
    assert settings.topics.keep_events == timedelta(days=14)
    assert settings.connections == {}


def test_a_connection_is_read_with_its_kinds(tmp_path: Path) -> None:
    text = """
[connection.au]
store_zones = { RUNDLE = "Australia/Adelaide" }
order_wait = "36h"
orders_since = "2025-01-01"
expect = "06:30"
"""
    au = read(tmp_path, text).connections["au"]
    assert (au.name, au.country, au.currency, au.timezone) == ("au", "AU", "AUD", ZoneInfo("Australia/Melbourne"))
    assert au.store_zones == {"RUNDLE": ZoneInfo("Australia/Adelaide")}
    assert (au.order_wait, au.orders_since, au.expect) == (timedelta(hours=36), date(2025, 1, 1), time(6, 30))
    assert au.platforms == {}


def test_the_five_folders_follow_from_the_connections_name(tmp_path: Path) -> None:
    sftp = read(tmp_path, f"[connection.nz-outlet.sftp]\n{SERVER}bulk = '/old'\n").connections["nz-outlet"].sftp
    assert sftp is not None
    assert (sftp.pending, sftp.rejected, sftp.bulk) == ("/pending/nz-outlet", "/rejected/nz-outlet", "/old")


def test_relative_paths_start_at_the_files_folder(tmp_path: Path) -> None:
    text = '[connection.au.folder]\npath = "drop"\n[mappings]\nfolder = "/etc/tables"'
    settings = read(tmp_path, text)
    folder = settings.connections["au"].folder
    assert folder is not None
    assert (folder.path, settings.state.folder, settings.mappings.folder) == (
        tmp_path / "drop",
        tmp_path / "state",
        Path("/etc/tables"),
    )


def test_a_platform_reads_its_own_table(tmp_path: Path) -> None:
    text = """
[connection.au.klaviyo]
private_key = "pk_hidden"
lists = { DONCASTER = "Xy12Ab" }
[[connection.au.klaviyo.consent]]
column = "VIP_SMS"
[connection.au.yotpo]
api_key = "hidden"
"""
    au = read(tmp_path, text).connections["au"]
    klaviyo = au.platforms["klaviyo"]
    assert isinstance(klaviyo, Klaviyo)
    assert (klaviyo.private_key.read(), klaviyo.lists, klaviyo.consent[0].column) == (
        "pk_hidden",
        {"DONCASTER": "Xy12Ab"},
        "VIP_SMS",
    )
    assert list(au.platforms) == ["klaviyo", "yotpo"]


def test_a_secret_may_stand_in_a_file_and_is_read_again_each_time(tmp_path: Path) -> None:
    key = tmp_path / "key.txt"
    au = read(tmp_path, '[connection.au.klaviyo]\nprivate_key_file = "key.txt"').connections["au"]
    klaviyo = au.platforms["klaviyo"]
    assert isinstance(klaviyo, Klaviyo)
    with pytest.raises(SecretError, match=r"^private_key_file: .*key\.txt: No such file"):
        klaviyo.private_key.read()
    key.write_text("first\n")
    assert klaviyo.private_key.read() == "first"
    key.write_text("second\r\n", "utf-8-sig")
    assert klaviyo.private_key.read() == "second", "whatever wrote the file"


def test_all_that_is_wrong_is_said_at_once_with_its_line_and_the_nearest_name(tmp_path: Path) -> None:
    text = """[topic]
[topics]
partitions = "many"
[connection.A]
country = "Australia"
gift_card_styles = [
  "GIFT",
]
timezone = "Asia/Tokio"
[connection.nz]
country = "NZ"
currency = "NZD"
[connection.nz.klavio]
[connection.nz.klaviyo]
email_change = "rename!"
start = "tomorrow"
subscribe_gap = "30"
[[connection.nz.klaviyo.consent]]
colum = "VIP"
[connection.nz.sftp]
host = ""
port = 0
pasword = "hidden"
"""
    assert problems(tmp_path, text) == [
        "tillstream.toml:1: topic: unknown key (did you mean topics?)",
        "tillstream.toml:3: topics.partitions: should be a valid integer",
        "tillstream.toml:4: connection.A: a connection's name has small letters, digits and dashes only",
        'tillstream.toml:5: connection.A.country: should be two capital letters, such as "AU"',
        "tillstream.toml:9: connection.A.timezone: should be a time zone's IANA name (did you mean Asia/Tokyo?)",
        "tillstream.toml:10: connection.nz.timezone: is missing (only for country AU there is a default)",
        "tillstream.toml:13: connection.nz.klavio: unknown key (did you mean klaviyo?)",
        "tillstream.toml:14: connection.nz.klaviyo.private_key: is missing (or private_key_file)",
        "tillstream.toml:15: connection.nz.klaviyo.email_change: should be 'rename' or 'leave'",
        'tillstream.toml:16: connection.nz.klaviyo.start: should be "earliest", "now" or a day such as "2025-01-31"',
        (
            "tillstream.toml:17: connection.nz.klaviyo.subscribe_gap: should be a number and a unit (ms, s, m, h, d),"
            ' such as "30s" or "7d"'
        ),
        "tillstream.toml:18: connection.nz.klaviyo.consent.0.column: is missing",
        "tillstream.toml:19: connection.nz.klaviyo.consent.0.colum: unknown key (did you mean column?)",
        (
            "tillstream.toml:20: connection.nz.sftp: needs password or private_key_file;"
            " needs one of known_hosts_file and host_key, not both"
        ),
        "tillstream.toml:20: connection.nz.sftp.username: is missing",
        "tillstream.toml:21: connection.nz.sftp.host: is empty",
        "tillstream.toml:22: connection.nz.sftp.port: should be greater than or equal to 1",
        "tillstream.toml:23: connection.nz.sftp.pasword: unknown key (did you mean password?)",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[http]\nlisten = \n", "tillstream.toml:2: Invalid value, column 10"),
        ("[http]\n[http]\n", "tillstream.toml:2: Cannot declare ('http',) twice, column 6"),
        ("http = 3", "tillstream.toml:1: http: should be a table"),
        ("[engine]\nunsettled = 50", "tillstream.toml:2: engine.unsettled: should be at least in_flight, 100"),
        (
            "[connection.au.klaviyo]\nprivate_key = 7",
            "tillstream.toml:2: connection.au.klaviyo.private_key: should be text",
        ),
        (
            "[connection.au.klaviyo]\nprivate_key = ' '",
            "tillstream.toml:2: connection.au.klaviyo.private_key: is empty",
        ),
        ("[connection.au]\nexpect = 630", "tillstream.toml:2: connection.au.expect: should be text in quotes"),
        (
            "[connection.au]\nexpect = '6.30'",
            'tillstream.toml:2: connection.au.expect: should be a time of day, such as "06:30"',
        ),
        (
            "[connection.au]\norders_since = 'last year'",
            'tillstream.toml:2: connection.au.orders_since: should be a day, such as "2025-01-31"',
        ),
        (
            "[connection.au.klaviyo]\nprivate_key = 'hidden'\nprivate_key_file = 'k'",
            (
                "tillstream.toml:3: connection.au.klaviyo.private_key_file:"
                " give either private_key or private_key_file, not both"
            ),
        ),
    ],
)
def test_what_is_wrong_is_said_in_plain_words(tmp_path: Path, text: str, said: str) -> None:
    assert problems(tmp_path, text) == [said]


def test_a_file_that_is_not_there_or_not_text_is_one_problem(tmp_path: Path) -> None:
    with pytest.raises(SettingsErrors, match=r"none\.toml: there is no such file$"):
        load(tmp_path / "none.toml", {}, {})
    with pytest.raises(SettingsErrors, match=r"none\.toml: there is no such file$"):
        load(None, {"TILLSTREAM_CONFIG": str(tmp_path / "none.toml")}, {})
    (tmp_path / "old.toml").write_bytes(b"# caf\xe9")
    with pytest.raises(SettingsErrors, match=r"old\.toml: is not UTF-8 text \(byte 5\)"):
        load(tmp_path / "old.toml", {}, {})


def test_no_secret_is_shown(tmp_path: Path) -> None:
    text = f"""
[kafka]
"sasl.password" = "hidden"
[registry]
url = "https://me:hidden@registry.example.com"
[connection.au.klaviyo]
private_key = "hidden"
[connection.au.yotpo]
api_key = "hidden"
[connection.au.sftp]
{SERVER}"""
    settings = read(tmp_path, text)
    assert settings.kafka.options()["sasl.password"] == "hidden"
    assert "hidden" not in f"{settings} {settings!r}"
    wrong = text.replace("private_key =", "private_ky =").replace('password" =', 'passwod" =')
    said = problems(tmp_path, wrong, {"TILLSTREAM_CONNECTION__AU__KLAVIYO__LISTS": "{hidden"})
    assert len(said) == 4
    assert "hidden" not in "".join(said)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("", "http://127.0.0.1:8088"),
        ('public = "https://hooks.shop.example/"', "https://hooks.shop.example"),
        ('listen = "[::1]:9"', "http://[::1]:9"),
    ],
)
def test_the_address_that_platforms_are_given_is_the_public_one_else_ours(
    tmp_path: Path, said: str, meant: str
) -> None:
    assert read(tmp_path, f"[webhooks]\n{said}\n").webhooks.address == meant


def test_a_public_address_says_how_it_is_reached(tmp_path: Path) -> None:
    (told,) = problems(tmp_path, '[webhooks]\npublic = "hooks.shop.example"\n')
    assert 'should be an address such as "https://hooks.example.com"' in told


def test_tombstones_are_kept_for_as_long_as_a_local_store_is_trusted(tmp_path: Path) -> None:
    assert problems(tmp_path, '[topics]\nkeep_tombstones = "6d"\n') == [
        "tillstream.toml:2: topics.keep_tombstones: should be at least 7d: for so long a local store is trusted"
    ]
    assert read(tmp_path, "").topics.keep_tombstones >= TOMBSTONES_KEPT
