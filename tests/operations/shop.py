"""A shop's records on real Kafka, and a platform that answers from what a record says, for the tests of this folder."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from consumers.engine.assemble import Watch, work
from consumers.engine.outcome import Deferred, Delivered, Misconfigured, Outcome, Rejected, Skipped
from consumers.engine.sink import Account, Finding, Route, Sink, Work
from consumers.engine.wire import Plan, Request, Response, ask
from producers.ledger import Entry, key
from producers.scribe import Event, Provenance, Scribe, moment
from sandbox.sftp import FOLDERS, SftpServer
from schemas.codec import codec
from schemas.definitions import blank
from schemas.topics import Names
from tillstream.kafka import layout, topics
from tillstream.kafka.publisher import Message, Publisher
from tillstream.settings import Block, Settings, Text, load

AT = datetime(2025, 4, 1, 5, tzinfo=UTC)


class ToyAccount(Block):
    """An account at a platform of our own."""

    url: Text = "http://127.0.0.1:9"
    key: Text = "right"


def judge(account: Account, works: Sequence[Work]) -> Plan[Sequence[Outcome]]:
    """What becomes of a record is its surname's (or order number's) business."""
    found = []
    for one in works:
        said = one.last.record.get("surname") or one.last.record.get("tran_number")
        found.append(_mended(one) if said == "Mended" else _outcome(account, str(said)))
    return found
    yield


def _mended(work: Work) -> Outcome:
    """Refused the first time, taken the second."""
    if work.last.known("tried"):
        return Delivered(status=202, call="POST /toys")
    return Rejected("invalid", "refused as invalid", 400, remember={"tried": True})


def _outcome(account: Account, said: str) -> Outcome:
    if account.settings.key != "right":
        return Misconfigured("the toy does not know this key")
    match said:
        case "Dead":
            return Rejected("invalid", "refused as invalid", 400)
        case "Later":
            return Deferred("gap", until=account.now() + timedelta(hours=1))
        case "Skip":
            return Skipped("no_email")
        case _:
            return Delivered(status=202, call="POST /toys")


def look(account: Account) -> Plan[Sequence[Finding]]:
    """One request that shows the key."""
    answer = yield from ask(Request("GET", "/me", "me"))
    return [Finding("toy key", answer.ok, "" if answer.ok else f"the toy answered {answer.status}: mend `key`")]


TOY = Sink(
    name="toy",
    settings=ToyAccount,
    routes=(Route("customers", judge, "fact"), Route("orders", judge, "fact")),
    tables=(),
    quotas=lambda _: (),
    url=lambda account: str(account.url),
    headers=lambda account: {"Authorization": str(account.key)},
    account_id=lambda account: str(account.key),
    pretend=lambda _: Response(202),
    check=look,
)


@dataclass
class Shop:
    """One installation: its configuration and its topics."""

    settings: Settings
    names: Names = field(init=False)
    kafka: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.names, self.kafka = Names(self.settings.topics.prefix), dict(self.settings.kafka.options())
        topics.ensure(self.kafka, [*layout.shared(self.settings), *layout.of_sink(self.settings, "toy")])
        self.publisher = Publisher(self.kafka, f"{self.names.prefix}shop")

    def file(self, sha256: str, connection: str = "au", name: str = "customers_20250401T060000Z.csv") -> File:
        """A file whose records are to be written."""
        return File(self, Provenance(connection, "apparel21-file", name, sha256))

    def consume(self) -> int:
        """A worker of the toy's group, until nothing is due."""
        return asyncio.run(work(self.settings, TOY, Watch(), once=True))


class File:
    """Collects a file's records and its page in the books, and writes them in one transaction."""

    def __init__(self, shop: Shop, source: Provenance) -> None:
        self.shop, self.source = shop, source
        self.scribe = Scribe(codec(None), shop.names, source)
        self.messages: list[Message] = []
        self.published: Counter[str] = Counter()

    def customer(self, email: str, surname: str = "Fine", person: str = "7") -> File:
        """A row of the file."""
        values = {**blank("customers"), "email": email, "surname": surname, "person_id": person}
        return self._add("customers", email, person, values)

    def order(self, email: str, number: str) -> File:
        """A sale."""
        values = {**blank("orders"), "email": email, "tran_idx": f"1{number}", "tran_number": number, "kind": "sale"}
        return self._add("orders", email, f"1{number}", values)

    def _add(self, topic: str, tail: str, subject: str, values: dict[str, Any]) -> File:
        line = sum(self.published.values()) + 2
        event = self.scribe.write(topic, tail, subject, values, moment(AT, AT, line))
        assert isinstance(event, Event)
        self.messages.append(event.message)
        self.published[topic] += 1
        return self

    def write(self, **changes: Any) -> Entry:
        """Into Kafka; `changes` are made to the page, to falsify it."""
        count = sum(self.published.values())
        page: dict[str, Any] = {"rows": count, "accepted": count, "records": count, "topics": dict(self.published)}
        page |= {"started": AT.isoformat(), "finished": datetime.now(UTC).isoformat(), **changes}
        entry = Entry(self.source.connection, "pending", self.source.file, self.source.sha256, **page)
        name = key(entry.connection, entry.folder, entry.sha256)
        book = Message(self.shop.names.ledger, name.encode(), orjson.dumps(asdict(entry)))
        self.shop.publisher.commit([*self.messages, book])
        return entry


def settings(bootstrap: str, prefix: str, folder: Path, more: str = "", toys: Iterable[str] = ("au",)) -> Settings:
    """A configuration with a toy's account for each of the connections named."""
    accounts = "".join(f"[connection.{name}.toy]\n" for name in toys)
    text = f"""
        [kafka]
        "bootstrap.servers" = "{bootstrap}"
        [topics]
        prefix = "{prefix}"
        partitions = 2
        [connection.au]
        {accounts}
        {more}
    """
    file = folder / "tillstream.toml"
    file.write_text(text)
    return load(file, {}, {"toy": ToyAccount})


def server(sftp: SftpServer, **changes: str) -> str:
    """The table of a connection's server; `changes` are made to it, to get it wrong."""
    table = {
        "host": sftp.host,
        "port": sftp.port,
        "username": sftp.username,
        "private_key_file": str(sftp.private_key_file),
        "known_hosts_file": str(sftp.known_hosts_file),
        **{folder: sftp.remote(f"/{folder}/au") for folder in FOLDERS},
        **changes,
    }
    lines = (f"{name} = {orjson.dumps(value).decode()}" for name, value in table.items())
    return "\n".join(["[connection.au.sftp]", *lines, ""])
