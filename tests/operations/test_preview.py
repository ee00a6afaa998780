"""Preview shows rows, events and requests of a file without Kafka, without a platform, and sends nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from click.testing import CliRunner, Result

from operations.cli import tillstream
from sandbox.sftp import SftpServer
from tests.operations.shop import server

FILES = Path(__file__).parents[1] / "files"
CUSTOMERS = FILES / "customers_20250401T060000Z.csv"
KLAVIYO = '[connection.au.klaviyo]\nprivate_key = "pk_none"\nlist = "Y6nRLr"\n'
HEAD = "PERIDX,EMAIL,PRIVACY,EMAIL_OPT_IN,LAST_UPDATED\n"


def preview(folder: Path, *words: str, more: str = KLAVIYO) -> Result:
    """The command, with a configuration whose Kafka nobody will ever reach."""
    config = folder / "tillstream.toml"
    config.write_text(f'[kafka]\n"bootstrap.servers" = "127.0.0.1:1"\n[connection.au]\n{more}')
    environ = {"TILLSTREAM_CONFIG": str(config), "NO_COLOR": "1"}
    return CliRunner().invoke(tillstream, ["preview", *words], env=environ, prog_name="tillstream")


def told(folder: Path, *words: str, more: str = KLAVIYO) -> dict[str, Any]:
    result = preview(folder, *words, "--json", more=more)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = orjson.loads(result.stdout)
    return found


def csv(folder: Path, name: str, *rows: str, head: str = HEAD) -> str:
    path = folder / name
    path.write_text(head + "\n".join(rows))
    return str(path)


def test_rows_become_events_and_events_become_requests(tmp_path: Path) -> None:
    found = told(tmp_path, str(CUSTOMERS))
    assert (found["file"], found["rows"], found["accepted"], found["rejected"]) == (CUSTOMERS.name, 8, 8, 0)
    first = found["records"][0]
    assert (first["topic"], first["key"], first["line"]) == ("customers", "au/priya.oconnor@customer.example", 2)
    assert (first["value"]["surname"], first["value"]["dob"]) == ("O'Connor", "1990-02-14")
    made = next(asked for asked in found["requests"] if (asked["line"], asked["path"]) == (2, "/api/profile-import"))
    assert (made["method"], made["to"]) == ("POST", "klaviyo")
    assert made["body"]["data"]["attributes"]["email"] == "priya.oconnor@customer.example"


def test_every_request_of_the_contracts_first_order_is_shown(tmp_path: Path) -> None:
    found = told(tmp_path, str(FILES / "orders_20250401T063000Z.csv"))
    assert {one["outcome"] for one in found["outcomes"]} >= {"delivered", "skipped: anonymous", "skipped: web"}
    [event] = [asked for asked in found["requests"] if asked["line"] == 2]
    assert event["path"] == "/api/events"
    assert event["body"]["data"]["attributes"]["unique_id"] == "ap21-au-913748"


def test_a_reject_names_line_column_value_and_rule_and_the_code_stays_0(tmp_path: Path) -> None:
    file = csv(tmp_path, "customers_20250401T060000Z.csv", "1,kim@,No,Yes,", "2,kim@customer.example,No,Yes,")
    found = told(tmp_path, file)
    assert (found["rows"], found["accepted"], found["rejected"]) == (2, 1, 1)
    assert found["rejects"] == [{"line": 2, "column": "EMAIL", "value": "kim@", "rule": "email"}]
    out = preview(tmp_path, file).stdout
    assert "EMAIL" in out
    assert "kim@" in out


def test_a_refused_file_says_why_and_the_code_is_1(tmp_path: Path) -> None:
    file = csv(tmp_path, "customers_20250401T060000Z.csv", "1,kim@customer.example", head="PERIDX,EMAIL\n")
    result = preview(tmp_path, file)
    assert result.exit_code == 1
    assert "PRIVACY" in result.stdout
    result = preview(tmp_path, file, "--json")
    assert (result.exit_code, orjson.loads(result.stdout)["records"]) == (1, [])


def test_each_person_is_new_so_that_a_row_does_not_change_what_the_next_one_asks(tmp_path: Path) -> None:
    row = "1,kim@customer.example,No,Yes,2025-04-01T10:00:00"
    found = told(tmp_path, csv(tmp_path, "customers_20250401T060000Z.csv", row, row))
    asked = [[one["path"] for one in found["requests"] if one["line"] == line] for line in (2, 3)]
    assert asked[0] == asked[1] != []


def test_an_order_whose_person_was_not_seen_is_shown_under_the_persons_id(tmp_path: Path) -> None:
    head = "TRAN_IDX,TRAN_NUMBER,SALE_DATETIME,PERIDX,QTY,LINE_VALUE\n"
    file = csv(tmp_path, "orders_20250401T060000Z.csv", "1,D1,2025-04-01T10:00:00,7,1,5.00", head=head)
    found = told(tmp_path, file)
    assert [record["key"] for record in found["records"]] == ["au/person:7"]
    assert [(one["to"], one["outcome"]) for one in found["outcomes"]] == [("klaviyo", "skipped: no_email")]


def test_without_an_account_only_the_events_are_shown(tmp_path: Path) -> None:
    found = told(tmp_path, str(CUSTOMERS), more="")
    assert (len(found["records"]), found["requests"]) == (8, [])


def test_a_platform_without_an_account_is_a_wrong_use(tmp_path: Path) -> None:
    result = preview(tmp_path, str(CUSTOMERS), "--to", "klaviyo", more="")
    assert (result.exit_code, "au has no account at klaviyo" in result.stderr) == (2, True)


def test_a_name_that_says_nothing_needs_a_type(tmp_path: Path) -> None:
    file = csv(tmp_path, "export.csv", "1,kim@customer.example,No,Yes,")
    assert "add --type" in preview(tmp_path, file).stderr
    assert told(tmp_path, file, "--type", "customers")["accepted"] == 1


def test_a_file_of_the_test_folder_is_read_where_it_lies(tmp_path: Path) -> None:
    lies = tmp_path / "data" / "test" / "au"
    lies.mkdir(parents=True)
    csv(lies, "customers_20250401T060000Z.csv", "1,kim@customer.example,No,Yes,")
    more = f'[connection.au.folder]\npath = "{tmp_path / "data"}"\n'
    assert told(tmp_path, "sftp:customers_20250401T060000Z.csv", more=more)["accepted"] == 1
    missing = preview(tmp_path, "sftp:orders_20250401T060000Z.csv", more=more)
    assert (missing.exit_code, "is not there" in missing.stderr) == (1, True)


def test_a_file_of_the_servers_test_folder_is_fetched_and_left_there(tmp_path: Path, sftp: SftpServer) -> None:
    csv(sftp.root / "test" / "au", "customers_20250401T060000Z.csv", "1,kim@customer.example,No,Yes,")
    assert told(tmp_path, "sftp:customers_20250401T060000Z.csv", more=server(sftp))["accepted"] == 1
    assert [path.name for path in (sftp.root / "test" / "au").iterdir()] == ["customers_20250401T060000Z.csv"]
    missing = preview(tmp_path, "sftp:orders_20250401T060000Z.csv", more=server(sftp))
    assert f"orders_20250401T060000Z.csv is not in {sftp.remote('/test/au')}" in missing.stderr


def test_people_see_the_request_as_json(tmp_path: Path) -> None:
    out = preview(tmp_path, str(CUSTOMERS)).stdout
    assert "8 rows, 8 accepted, 0 rejected" in out
    assert "klaviyo, if all goes well: delivered" in out
    assert "POST /api/profile-import" in out
    assert '"first_name": "Priya"' in out
