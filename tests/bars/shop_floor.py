"""A merchant's installation as a stranger sets it up: a TOML file, files dropped in, commands typed, answers read."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import uvloop

from consumers.engine.assemble import Watch, work
from operations import platforms
from sandbox.kafka.broker import Broker
from sandbox.klaviyo.remote import Remote
from sandbox.program import Program
from sandbox.sftp import FOLDERS, SftpServer
from tests.waiting import Leap
from tillstream.settings import load

Json = Any
TILLSTREAM = Path(sys.executable).with_name("tillstream")
LIST = "Y6nRLr"
KEY = "pk_right"
WRITES = frozenset({"POST", "PATCH", "PUT", "DELETE"})


class Ran(NamedTuple):
    """A command that came to its end."""

    code: int
    out: str
    err: str


class Floor:
    """One configuration file with folders of its own; every command runs in a process of its own."""

    def __init__(
        self, folder: Path, kafka: Broker, prefix: str, connections: Mapping[str, str], more: str = ""
    ) -> None:
        """`connections`: name -> the lines of its tables, as `account` and `source` make them."""
        self.folder, self.kafka, self.prefix, self.more = folder, kafka, prefix, more
        self.data = folder / "data"
        for name in connections:
            for kind in FOLDERS:
                (self.data / kind / name).mkdir(parents=True, exist_ok=True)
        self.config = folder / "tillstream.toml"
        self.say(connections)

    def say(self, connections: Mapping[str, str]) -> None:
        """Write the configuration (anew)."""
        blocks = "\n".join(f"[connection.{name}]\n{lines}" for name, lines in connections.items())
        self.config.write_text(
            f'[kafka]\n"bootstrap.servers" = "{self.kafka.bootstrap}"\n'
            f'[topics]\nprefix = "{self.prefix}"\npartitions = 2\n'
            f'[state]\nfolder = "{self.folder / "state"}"\n'
            f'[mappings]\nfolder = "{self.folder / "mappings"}"\n{self.more}\n{blocks}\n',
            encoding="utf-8",
        )

    def drop(self, name: str, content: str | bytes, connection: str = "au", kind: str = "pending") -> Path:
        """Put a file into a folder as an upload that ends at once does: under its own name when it is whole."""
        target = self.data / kind / connection / name
        part = target.with_name(f"{name}.part")
        part.write_bytes(content if isinstance(content, bytes) else content.encode())
        part.rename(target)
        return target

    def till(self, *arguments: str, seconds: float = 240) -> Ran:
        """Type a command and wait for its end."""
        ran = subprocess.run(
            [str(TILLSTREAM), "--config", str(self.config), *arguments],
            cwd=self.folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    def start(self, *arguments: str, log: str = "worker.log") -> Program:
        """Type a command and leave it running; its output goes to a file of the folder."""
        command = [str(TILLSTREAM), "--config", str(self.config), *arguments, "--port", "0"]
        return Program(command, self.folder / log, environment())

    def produce(self, source: str = "folder") -> Ran:
        """Take every waiting file."""
        return well(self.till("produce", source, "--once", "--port", "0"))

    def consume(self, ahead: timedelta = timedelta(0)) -> None:
        """Carry on until nothing is due; in this process by a clock that is so far ahead."""
        if not ahead:
            well(self.till("consume", "klaviyo", "--once", "--port", "0"))
            return
        found = platforms.find()
        settings = load(self.config, {}, {name: sink.settings for name, sink in found.items()})
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            assert runner.run(work(settings, found["klaviyo"], Watch(), once=True, clock=Leap(ahead))) == 0

    def carry(self) -> None:
        """From the folder to Klaviyo."""
        self.produce()
        self.consume()

    def audit(self) -> Json:
        """The books; they must balance."""
        ran = self.till("audit", "--json")
        told = json.loads(ran.out)
        assert (ran.code, told["balanced"]) == (0, True), ran.out + ran.err
        return told

    def books(self, connection: str = "au") -> Json:
        """What became of this connection's records at Klaviyo, by topic; the books must balance."""
        return self.audit()["groups"]["klaviyo"].get(connection, {})

    def rejects(self, connection: str = "au") -> list[Path]:
        """The files of rejected rows."""
        return sorted((self.data / "rejected" / connection).glob("*.csv"))


def well(ran: Ran) -> Ran:
    """A command that ended well."""
    assert ran.code == 0, f"exit {ran.code}\n{ran.out[-4000:]}\n{ran.err[-4000:]}"
    return ran


def environment() -> dict[str, str]:
    """Ours, without what would change the configuration of a test."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("TILLSTREAM_", "KAFKA_", "SCHEMA_"))
    }


def folder_source(folder: Path) -> str:
    """The lines of a connection whose files arrive in a folder of this machine."""
    return f'folder = {{ path = "{folder / "data"}", poll = "0.5s", still = "0.2s" }}\n'


def sftp_source(sftp: SftpServer) -> str:
    """The lines of a connection whose files arrive on this server."""
    places = "".join(f'{kind} = "{sftp.remote(f"/{kind}/au")}"\n' for kind in FOLDERS)
    return (
        f'[connection.au.sftp]\nhost = "{sftp.host}"\nport = {sftp.port}\nusername = "{sftp.username}"\n'
        f'private_key_file = "{sftp.private_key_file}"\nknown_hosts_file = "{sftp.known_hosts_file}"\n'
        f'poll = "0.5s"\nstill = "0.3s"\n{places}'
    )


def account(klaviyo: Remote, name: str = "au", key: str = f'private_key = "{KEY}"', more: str = "") -> str:
    """The lines of a connection's account; new profiles join a list."""
    return f'[connection.{name}.klaviyo]\nurl = "{klaviyo.url}"\n{key}\nlist = "{LIST}"\n{more}\n'


def shop(folder: Path, kafka: Broker, prefix: str, klaviyo: Remote, more: str = "") -> Floor:
    """One connection, `au`, from a folder to an account."""
    return Floor(folder, kafka, prefix, {"au": folder_source(folder) + account(klaviyo, more=more)})


def table(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """A CSV file; what a row does not name is empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


CUSTOMER_COLUMNS = (
    *("PERIDX", "PERSON_CODE", "FIRSTNAME", "SURNAME", "CITY", "MOBILE", "EMAIL", "PRIVACY", "LAST_UPDATED"),
    *("JOINED_STORE_CODE", "EMAIL_OPT_IN", "SMS_OPT_IN"),
)
ORDER_COLUMNS = (
    *("TRAN_IDX", "TRAN_NUMBER", "TRAN_TYPE", "SALE_DATETIME", "STORE_CODE", "PERIDX", "EMAIL", "CURRENCY"),
    *("LINE_SEQ", "STYLE_CODE", "STYLE_NAME", "QTY", "UNIT_PRICE", "LINE_VALUE", "TAX_PERCENT"),
)


def customers(rows: Iterable[Mapping[str, object]]) -> str:
    """A customers file."""
    return table(CUSTOMER_COLUMNS, rows)


def orders(rows: Iterable[Mapping[str, object]]) -> str:
    """An orders file."""
    return table(ORDER_COLUMNS, rows)


def customer(person: int, **cells: object) -> dict[str, object]:
    """A customer of long ago who said neither yes nor no, unless `cells` say otherwise."""
    usual = {"PERIDX": person, "FIRSTNAME": f"Name{person}", "EMAIL": f"p{person}@customer.example"}
    return {**usual, "LAST_UPDATED": "2025-04-01T09:00:00", "JOINED_STORE_CODE": "DONCASTER", **cells}


def sale(number: int, person: int, **cells: object) -> dict[str, object]:
    """One piece sold for $49.95, unless `cells` say otherwise."""
    head = {"TRAN_IDX": number, "TRAN_NUMBER": f"D{number}", "TRAN_TYPE": "Sale", "STORE_CODE": "DONCASTER"}
    line = {"LINE_SEQ": 1, "STYLE_CODE": "TS1", "STYLE_NAME": "Tee", "QTY": 1, "UNIT_PRICE": "49.95", "TAX_PERCENT": 10}
    who = {"PERIDX": person, "EMAIL": f"p{person}@customer.example", "CURRENCY": "AUD"}
    return {**head, **who, "SALE_DATETIME": "2025-03-31T10:00:00", **line, "LINE_VALUE": "49.95", **cells}


def writes(klaviyo: Remote, since: int = 0) -> list[Json]:
    """Requests that change something at Klaviyo, from a place of the log on."""
    return [line for line in klaviyo.requests()[since:] if line["method"] in WRITES]


def state_of(klaviyo: Remote, email: str) -> dict[str, str]:
    """The consent to e-mail and to SMS at Klaviyo; a channel that was never spoken of is missing."""
    found = klaviyo.profiles(email)
    said = found[0]["consents"] if found else {}
    return {channel: said[channel]["state"] for channel in ("email", "sms") if channel in said}
