"""What a platform declares, and what it is given: the whole seam between the engine and a platform's folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import orjson
from pydantic import BaseModel

from consumers.engine.outcome import Outcome
from consumers.engine.wire import Json, Plan, Request, Response
from tillstream.mapping.table import Shape, Table
from tillstream.settings import Connection


class Item(Protocol):
    """One record as a plan sees it."""

    @property
    def connection(self) -> str: ...
    @property
    def key(self) -> str:
        """`connection/email`, `connection/person:ID` ..."""
        ...

    @property
    def topic(self) -> str:
        """The bare topic name: customers, orders ..."""
        ...

    @property
    def record(self) -> dict[str, Any]:
        """The event, decoded at first use. For a part of our own doing (`Later`, `Emit.part`): its JSON."""
        ...

    @property
    def content(self) -> str:
        """The content hash from the header, "" without one."""
        ...

    @property
    def order(self) -> str:
        """Sortable text: which of two records of one object is newer. "" without one."""
        ...

    @property
    def object(self) -> str:
        """The object inside the key (person id, TRAN_IDX, account id)."""
        ...

    @property
    def job(self) -> str:
        """The platform's job that carries this record already, from a former owner; "" when none does."""
        ...

    @property
    def forced(self) -> bool:
        """Did an operator ask for it to be sent also where nothing changed? The other rules hold."""
        ...

    @property
    def first_load(self) -> bool:
        """Does it belong to the first file of its connection that this group ever saw?"""
        ...

    def known(self, part: str) -> Json:
        """What is remembered under this key and part ("profile", "order/913748"); None when nothing is."""
        ...


@dataclass(frozen=True, slots=True)
class Work:
    """What one lane puts into a plan: a record, or several of one object kind folded into one, oldest first."""

    items: tuple[Item, ...]

    @property
    def last(self) -> Item:
        """The newest arrival."""
        return self.items[-1]


@dataclass(frozen=True, slots=True)
class TableSpec:
    """A mapping table of the platform: its name (`klaviyo.profile`), the fields it may use, and the one we ship."""

    name: str
    source: Shape
    shipped: Path


@dataclass(frozen=True, slots=True)
class Account:
    """One connection's account at a platform, as plans see it."""

    connection: Connection
    settings: Any  # the sink's own settings class
    tables: Mapping[str, Table]
    version: str  # hash of all tables: what was remembered under another is not trusted by the quick path
    now: Callable[[], datetime]
    shared: Callable[[], bool] = lambda: False  # do other connections use it as well?


PlanMaker = Callable[[Account, Sequence[Work]], Plan[Sequence[Outcome]]]
"""A batch of works (one where little waits, up to `Route.batch` where much does) -> one outcome per work, in order."""


class After(NamedTuple):
    """A topic to read first, and the memory by which a key is known already."""

    topic: str
    part: str = "profile"


@dataclass(frozen=True, slots=True)
class Route:
    """How records of one topic (and part) reach the platform.

    `kind` "state": only the newest matters; consecutive records of one lane are folded into one work, and a record
    whose content hash stands in memory under `memory` is Unchanged without a plan (see `seen`). "fact": each is
    delivered once. `batch` 1 means: one record a plan. From `bulk_from` waiting records on, a plan is given up to
    `batch` of them; at most `concurrent` such plans of one connection run at once. `after`: a record whose key is not
    known waits until that topic is read to its end in the same partition.
    """

    topic: str
    plan: PlanMaker
    kind: Literal["state", "fact"]
    part: str = ""
    memory: str = "profile"
    batch: int = 1
    bulk_from: int = 50
    concurrent: int = 4
    low: bool = False  # goes only when nothing else of its connection can
    after: After | None = None


ERASE = "erase"
"""The part of a route on `customers` that asks the platform to delete a customer. Its record is `{"until": ISO 8601}`;
whom it concerns says the key. What the engine remembered is forgotten before the plan runs."""
EVERY = "every"
"""The name of a quota that all endpoints of an account share."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What an account allows on one endpoint (or on all together, `EVERY`): so many requests in so many seconds, for
    each window. Where a platform counts points, so many points; then a request says what it costs (`Request.cost`)."""

    endpoint: str
    windows: tuple[tuple[float, int], ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """A line of `tillstream check`: what was looked at, whether it is well, and what to do when it is not."""

    what: str
    well: bool
    told: str


@dataclass(frozen=True, slots=True)
class Sink:
    """A platform: everything the engine needs to know of it."""

    name: str
    settings: type[BaseModel]
    routes: tuple[Route, ...]
    tables: tuple[TableSpec, ...]
    quotas: Callable[[Any], tuple[Quota, ...]]
    headers: Callable[[Any], Mapping[str, str]]
    account_id: Callable[[Any], str]  # connections with the same one share their quota; never a secret in clear
    pretend: Callable[[Request], Response]  # a new and unknown person's answers, for `preview`
    check: Callable[[Account], Plan[Sequence[Finding]]]
    url: Callable[[Any], str] = field(default=lambda settings: str(settings.url))
    takeover: Callable[[Account], Plan[None]] | None = None  # before the first request after an unclean hand-over
    remaining: Callable[[Response], int | None] = field(default=lambda _: None)  # what a live answer says is left
    limits: Callable[[Response], tuple[tuple[float, int], ...]] = field(default=lambda _: ())  # as an answer says them
    plainly: Callable[[Response], Response] = field(default=lambda response: response)
    """An answer with the status that it means, for a platform that answers 200 whatever happened."""
    by_hand: str = ""
    """What a person must do there after `tillstream erase`, because no route with the part ERASE asks for it."""

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics this platform listens to, in order."""
        return tuple(dict.fromkeys(route.topic for route in self.routes))


def seen(memory: Json, item: Item) -> tuple[str, str] | None:
    """The content hash and order last remembered for the item's object, from a memory's `seen` entry."""
    entry = (memory or {}).get("seen", {}).get(item.object)
    return (entry[0], entry[1]) if entry else None


def saw(memory: Mapping[str, Json], item: Item, version: str) -> dict[str, Json]:
    """The memory with the item noted as seen: what the quick path compares next time (object -> [content, order])."""
    noted = {**memory.get("seen", {}), item.object: [item.content, item.order]}
    return {**memory, "seen": noted, "tables": version}


def newest(memory: Json) -> str:
    """The order text of the newest record seen under this key, whatever its object; "" for none."""
    return max((entry[1] for entry in (memory or {}).get("seen", {}).values()), default="")


def body_hash(body: Json) -> str:
    """The hash by which a request body is remembered."""
    return _hash(orjson.dumps(body, option=orjson.OPT_SORT_KEYS))


def text_hash(text: str) -> str:
    """The hash that stands for a text which must not be read."""
    return _hash(text.encode())


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=12).hexdigest()
