"""The contract's own files as records, an account to send them to, and a memory: all that a plan needs, by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson

from consumers.engine.outcome import Outcome, Skipped
from consumers.engine.sink import Account, PlanMaker, Work, body_hash
from consumers.engine.wire import Json, Nap, Plan, Remember, Request, Response, Started, T
from consumers.klaviyo.check import pretend
from consumers.klaviyo.settings import KlaviyoSettings
from consumers.klaviyo.sink import SINK
from producers.files.layouts import Place, layout
from producers.files.reader import read
from producers.files.values import Row
from schemas.definitions import blank
from tillstream.mapping.table import Table, read_table
from tillstream.mapping.transforms import TRANSFORMS
from tillstream.settings import Connection, Secret

FILES = Path(__file__).parents[1] / "files"
GOLDEN = Path(__file__).parents[1] / "golden" / "klaviyo"
NOW = datetime(2025, 4, 20, tzinfo=UTC)
FILE_TIME = datetime(2025, 4, 1, 6, tzinfo=UTC)
Answer = Callable[[Request], Response]


@dataclass(frozen=True)
class Thing:
    """One record as a plan sees it; it satisfies `consumers.engine.sink.Item`."""

    key: str
    topic: str
    record: dict[str, Any]
    content: str = ""
    order: str = ""
    object: str = ""
    memory: dict[str, Json] = field(default_factory=dict)
    job: str = ""
    forced: bool = False
    first_load: bool = False

    @property
    def connection(self) -> str:
        return self.key.partition("/")[0]

    def known(self, part: str) -> Json:
        found = self.memory.get(f"{self.key}#{part}")
        return orjson.loads(found) if found is not None else None


@cache
def tables() -> Mapping[str, Table]:
    """The tables we ship, read once."""
    return {spec.name: read_table(spec.shipped.read_text("utf-8"), spec.source, TRANSFORMS) for spec in SINK.tables}


def account(now: datetime = NOW, **settings: Any) -> Account:
    """An Australian connection's account, at a time of your choice."""
    own = KlaviyoSettings(private_key=Secret.of("pk_sandbox"), **{"list": "Y6nRLr", **settings})
    return Account(connection(), own, tables(), "v1", lambda: now)


@cache
def connection() -> Connection:
    """The connection `au`, all defaults."""
    made = Connection()
    made._name = "au"
    return made


@cache
def file_rows(kind: str) -> Mapping[str, Row]:
    """The rows of the contract's file of this kind, by person or transaction."""
    name = next(FILES.glob(f"{kind}_*.csv"))
    reading = read(BytesIO(name.read_bytes()), layout(kind, Place()), FILE_TIME)
    rows = [row for row in reading.rows if isinstance(row, Row)]
    return {str(row.values["person_id" if kind == "customers" else "tran_idx"]): row for row in rows}


def order_text(source_time: datetime, line: int) -> str:
    """The sortable text of the header `tillstream.order`."""
    return f"{source_time:%Y-%m-%dT%H:%M:%S.%fZ}|{FILE_TIME:%Y-%m-%dT%H:%M:%S.%fZ}|{line:09d}"


def customer(person: str, email: str | None = None, **changes: Any) -> Thing:
    """A row of the contract's customers file, with changes; `key_email` puts it under another address."""
    row = file_rows("customers")[person]
    key_email = changes.pop("key_email", None)
    record = {**blank("customers"), **row.values, **changes}
    if email is not None:
        record["email"] = email
    source_time = record["last_updated"] or row.source_time
    record |= {
        "connection": "au",
        "origin": changes.get("origin", "apparel21-file"),
        "source_time": source_time,
        "line": row.line,
    }
    address = key_email or record["email"]
    name = address or f"person:{person}"
    content = body_hash(
        {name: str(value) for name, value in record.items() if name not in ("bulk", "source_time", "line", "origin")}
    )
    return Thing(f"au/{name}", "customers", record, content, order_text(source_time, row.line), person)


def sale(tran: str, **changes: Any) -> Thing:
    """A transaction of the contract's orders file, with changes."""
    row = file_rows("orders")[tran]
    record = {
        **blank("orders"),
        **row.values,
        "connection": "au",
        "origin": "apparel21-file",
        "source_time": row.source_time,
        **changes,
    }
    key = record["email"] or (f"person:{record['person_id']}" if record["person_id"] else f"tran:{tran}")
    content = body_hash({name: str(value) for name, value in record.items() if name != "bulk"})
    return Thing(f"au/{key}", "orders", record, content, "", tran)


def refund(tran: str, **changes: Any) -> Thing:
    """A transaction of the contract's refunds file."""
    row = file_rows("refunds")[tran]
    where = {"connection": "au", "origin": "apparel21-file", "source_time": row.source_time}
    record = {**blank("orders"), **row.values, **where, **changes}
    content = body_hash({name: str(value) for name, value in record.items()})
    return Thing(f"au/{record['email']}", "orders", record, content, "", tran)


@dataclass
class Desk:
    """Steps plans by hand: keeps what is remembered, what was asked, and what plans asked of the engine.

    `key` is whose record is under way, `noted` what was settled before a request.
    """

    account: Account
    answer: Answer = pretend
    memory: dict[str, Json] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    naps: list[float] = field(default_factory=list)
    noted: list[Remember] = field(default_factory=list)
    key: str = ""

    def at(self, now: datetime) -> Desk:
        """The same desk at another time."""
        self.account = replace(self.account, now=lambda: now)
        return self

    def run(self, plan: Plan[T]) -> T:
        """A plan's result; its requests are answered at once."""
        reply: object = None
        try:
            while True:
                asked = plan.send(reply)
                reply = self._reply(asked)
        except StopIteration as stop:
            result: T = stop.value
            return result

    def _reply(self, asked: object) -> object:
        match asked:
            case Request():
                return self._one(asked)
            case tuple():
                return tuple(self._one(request) for request in asked)
            case Started(job=job):
                self.jobs.append(job)
            case Nap(seconds=seconds):
                self.naps.append(seconds)
            case Remember(part=part, value=value):
                self.noted.append(asked)
                self._remember(self.key, {part: value})
        return None

    def _one(self, request: Request) -> Response:
        self.asked.append(request)
        return self.answer(request)

    def send(self, plan: PlanMaker, *works: Thing | Sequence[Thing]) -> list[Outcome]:
        """Outcomes of works (a thing, or several that fold), remembered as the engine would."""
        made = [Work(tuple(replace(thing, memory=self.memory) for thing in _things(work))) for work in works]
        self.key = made[-1].last.key if made else ""
        outcomes = list(self.run(plan(self.account, made)))
        for work, outcome in zip(made, outcomes, strict=True):
            self._remember(work.last.key, getattr(outcome, "remember", {}))
        return outcomes

    def _remember(self, key: str, changes: Mapping[str, Json]) -> None:
        for part, value in changes.items():
            if value is None:
                self.memory.pop(f"{key}#{part}", None)
            else:
                self.memory[f"{key}#{part}"] = orjson.dumps(value)

    def one(self, plan: PlanMaker, *things: Thing) -> Outcome:
        """The outcome of one work."""
        (outcome,) = self.send(plan, things)
        return outcome

    def each(self, plan: PlanMaker, *things: Thing) -> list[Outcome]:
        """The outcomes of records that come one after the other."""
        return [self.one(plan, thing) for thing in things]

    def kept(self, key: str, part: str) -> Json:
        """What is remembered under a key and part."""
        return orjson.loads(self.memory.get(f"{key}#{part}", b"null"))

    def profile(self, key: str) -> Json:
        """What is remembered of an address."""
        return self.kept(key, "profile")

    def calls(self) -> list[str]:
        """Method and path of everything asked so far; forgets it."""
        made = [f"{request.method} {request.path}" for request in self.asked]
        self.asked.clear()
        return made


def _things(work: Thing | Sequence[Thing]) -> Sequence[Thing]:
    return (work,) if isinstance(work, Thing) else work


def as_json(request: Request) -> Json:
    """A request as a golden file shows it."""
    told: dict[str, Json] = {"method": request.method, "path": request.path}
    if request.query:
        told["query"] = dict(request.query)
    if request.body is not None:
        told["body"] = orjson.loads(orjson.dumps(request.body))
    return told


def word(outcome: Outcome) -> str:
    """An outcome as a golden file names it."""
    name = type(outcome).__name__.lower()
    return f"{name} {outcome.policy}" if isinstance(outcome, Skipped) else name
